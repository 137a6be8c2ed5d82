package auth

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/oauth2"
)

// Finish completes a link with the state and the code that Google sent the browser back with. On success the
// link is stored and in use. Errors: ErrExpired, ErrUsed, ErrWrongAccount, ErrClient, ErrRefused,
// ErrUnavailable, ErrVault; an existing link stays as it was with each of them.
func (l *Link) Finish(ctx context.Context, state, code string) (Account, error) {
	if state == "" || code == "" || len(state)+len(code) > maxQuery {
		return Account{}, ErrAddress
	}
	return l.finish(ctx, answer{state: Secret(state), code: Secret(code)})
}

// FinishAddress completes a link with the whole address on which the browser ended, or with its query alone.
// Beside the errors of Finish it gives ErrAddress for any other text, and ErrDenied and ErrClient when Google's
// answer says so.
func (l *Link) FinishAddress(ctx context.Context, address string) (Account, error) {
	ans, err := l.parseAddress(address)
	if err != nil {
		return Account{}, err
	}
	return l.finish(ctx, ans)
}

func (l *Link) finish(ctx context.Context, ans answer) (Account, error) {
	a, err := l.claim(ans.state)
	if err == nil {
		defer l.finished(a)
	}
	if ans.refusal != "" { // a refusal is told whenever it is shown, and counts when its state does
		refused := explain(ans.refusal, "", l.cfg.RedirectURL, nil)
		if err == nil {
			l.fail(refused)
		}
		return Account{}, refused
	}
	if err != nil {
		return Account{}, err
	}
	r, err := l.exchange(ctx, a, ans.code)
	if err == nil {
		err = l.take(ctx, r)
	}
	if err != nil {
		l.fail(err)
		return Account{}, err
	}
	return r.Account, nil
}

// finished ends an attempt that was claimed, whatever came of it.
func (l *Link) finished(a *attempt) {
	l.mu.Lock()
	a.finishing = false
	l.mu.Unlock()
	l.notify()
}

// exchange turns Google's code into a record. A stop after the exchange leaves a grant at Google of which
// nothing is known here; the person links again and thereby replaces it.
func (l *Link) exchange(ctx context.Context, a *attempt, code Secret) (*record, error) {
	tok, err := l.oauth.Exchange(context.WithValue(ctx, oauth2.HTTPClient, l.google), string(code),
		oauth2.VerifierOption(string(a.verifier)))
	if err != nil {
		return nil, l.tokenError(err)
	}
	r, err := newRecord(tok)
	if err != nil {
		return nil, err
	}
	// Without the account's id the grant cannot be revoked safely either: another entry may live on it.
	r.Account, err = l.account(ctx, r.Access)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// take makes the record the entry's, unless the entry has another account.
func (l *Link) take(ctx context.Context, r *record) error {
	if err := l.acquire(ctx); err != nil {
		return because(ErrUnavailable, "", err)
	}
	defer l.release()
	if old := l.current(); old != nil && old.Account.ID != r.Account.ID {
		if !l.cfg.InUse(r.Account.ID) {
			// Best effort: an unrevoked token is of no use to anyone, it is forgotten here.
			_ = l.revoke(ctx, r.Refresh)
		}
		return because(ErrWrongAccount, fmt.Sprintf("The entry is linked to %s, and the account chosen at Google "+
			"was %s. Nothing was changed. Ask for a new link and choose the first account, or unlink the entry "+
			"to give it another one.", old.Account, r.Account), nil)
	}
	// A stop before the save leaves the old link, or none; after it the new one. The old grant of the same
	// account is not revoked: Google would end the new one with it.
	if err := l.save(ctx, r); err != nil {
		return err
	}
	l.set(r)
	l.mu.Lock()
	l.failure = ""
	l.drop(func(a *attempt) bool { return !a.used })
	l.mu.Unlock()
	l.notify() // also when the new link equals the old one: the address is gone from State
	return nil
}

// fail keeps the sentence for State, where the people see it who did not see the browser.
func (l *Link) fail(err error) {
	sentence := err.Error()
	if e, ok := errors.AsType[*Error](err); ok {
		sentence = e.Message
	}
	l.mu.Lock()
	l.failure = sentence
	l.mu.Unlock()
	l.notify()
}
