package auth

import (
	"fmt"
	"time"
)

// When Google ends a grant. https://developers.google.com/identity/protocols/oauth2#expiration
const (
	testingLife = 7 * 24 * time.Hour   // while the consent screen's publishing status is Testing
	idleLife    = 180 * 24 * time.Hour // "six months" without use
	slack       = time.Hour            // between refreshes, and between Google's clock and this one
)

// endReason says why Google no longer takes the refresh token, as far as the dates tell, and what to do.
func endReason(r *record, now time.Time) string {
	age, worked := now.Sub(r.Granted), r.Renewed.Sub(r.Granted)
	timed := !r.Until.IsZero() // Google said when the grant ends
	switch sevenDays := worked <= testingLife+slack && age >= testingLife-slack; {
	case sevenDays && now.Sub(r.Renewed) < idleLife && (!timed || r.Until.Sub(r.Granted) <= testingLife+slack):
		return "Google ended the link seven days after it was made, as it does while the OAuth consent screen is in " +
			"publishing status Testing. In Google's console (Google Auth Platform, Audience) choose Publish app, " +
			"then link the account again."
	case timed && !now.Before(r.Until.Add(-slack)):
		return fmt.Sprintf("The access was allowed until %s only, and that time is over: link the account again.",
			r.Until.Format("2006-01-02 15:04 MST"))
	case now.Sub(r.Renewed) >= idleLife:
		return "The link was not used for six months, after which Google ends it: link the account again."
	default:
		return "Google no longer accepts the link: the access was removed in the Google account, or it was linked " +
			"too many times elsewhere. Link the account again."
	}
}
