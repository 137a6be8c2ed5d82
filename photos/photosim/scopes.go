package photosim

import (
	"slices"
	"strings"
)

// Scopes, https://developers.google.com/photos/overview/authorization
const (
	authPrefix   = "https://www.googleapis.com/auth/"
	scopeAppend  = authPrefix + "photoslibrary.appendonly"
	scopeRead    = authPrefix + "photoslibrary.readonly.appcreateddata"
	scopeEdit    = authPrefix + "photoslibrary.edit.appcreateddata"
	scopePicker  = authPrefix + "photospicker.mediaitems.readonly"
	scopeOpenID  = "openid"
	scopeEmail   = authPrefix + "userinfo.email"
	scopeProfile = authPrefix + "userinfo.profile"
)

// scopeTitles are the sentences of the consent page. The last three scopes were removed on 31 March 2025.
// SIM: they can still be asked for and granted, and open nothing.
var scopeTitles = map[string]string{
	scopeAppend:  "Add to your Google Photos library",
	scopeRead:    "See the photos and albums that this app added",
	scopeEdit:    "Edit the photos and albums that this app added",
	scopePicker:  "See photos and videos that you pick",
	scopeOpenID:  "Associate you with your personal info on Google",
	scopeEmail:   "See your primary Google Account email address",
	scopeProfile: "See your personal info, including any personal info you've made publicly available",

	authPrefix + "photoslibrary":          "See, upload and organise items in your Google Photos library",
	authPrefix + "photoslibrary.readonly": "View your Google Photos library",
	authPrefix + "photoslibrary.sharing":  "Manage and add to shared albums on your behalf",
}

// scopeSet is a sorted list of full scope names without repeats.
type scopeSet []string

// parseScopes reads a space-separated list and puts short names in their long form.
func parseScopes(text string) scopeSet { return newScopes(strings.Fields(text)...) }

func newScopes(names ...string) scopeSet {
	set := make(scopeSet, 0, len(names))
	for _, n := range names {
		switch n {
		case "email":
			n = scopeEmail
		case "profile":
			n = scopeProfile
		}
		set = append(set, n)
	}
	slices.Sort(set)
	return slices.Compact(set)
}

func (s scopeSet) has(name string) bool {
	_, ok := slices.BinarySearch(s, name)
	return ok
}

func (s scopeSet) hasAny(names []string) bool { return slices.ContainsFunc(names, s.has) }

func (s scopeSet) covers(other scopeSet) bool {
	return !slices.ContainsFunc(other, func(n string) bool { return !s.has(n) })
}

func (s scopeSet) union(other scopeSet) scopeSet { return newScopes(slices.Concat(s, other)...) }

func (s scopeSet) intersect(other scopeSet) scopeSet {
	return slices.DeleteFunc(slices.Clone(s), func(n string) bool { return !other.has(n) })
}

// unknown returns the first scope Google does not have, or "".
func (s scopeSet) unknown() string {
	for _, n := range s {
		if _, ok := scopeTitles[n]; !ok {
			return n
		}
	}
	return ""
}

func (s scopeSet) String() string { return strings.Join(s, " ") }

// signIn reports whether a scope comes with signing in, so that the consent page offers no tick box for it.
func signIn(scope string) bool {
	return scope == scopeOpenID || scope == scopeEmail || scope == scopeProfile
}
