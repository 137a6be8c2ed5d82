package account

import "time"

// AskAgain ends every hold but the link's, for all entries of the project: a person says that its cause is gone. Google says whether it is.
func (a *Account) AskAgain() {
	var none holds
	a.set(byAnswer, none[byAnswer])
	// A stop before the day's count is saved has the project held again at the next start.
	a.cfg.Project.change(func(today *projectState) { today.HeldUntil = time.Time{} })
	for _, other := range a.cfg.Project.accounts.All() {
		other.set(byProject, none[byProject])
	}
}
