package auth

import (
	"context"
	"errors"
	"time"

	"golang.org/x/oauth2"
)

// token gives an access token to send. A token that the API refused is never given again. A token that is
// due for replacement is used until its very end while the refresh fails and the link stands.
func (l *Link) token(ctx context.Context, refused Secret) (Secret, error) {
	r := l.current()
	if err := r.works(); err != nil {
		return "", err
	}
	if refused == "" && r.fresh() || refused != "" && r.Access != refused {
		return r.Access, nil
	}
	err := l.refresh(ctx, r)
	switch {
	case err == nil:
	case refused == "" && !errors.Is(err, ErrRelink) && time.Now().Before(r.Expires):
		return r.Access, nil
	default:
		return "", err
	}
	r = l.current()
	if err := r.works(); err != nil {
		return "", err
	}
	return r.Access, nil
}

// flight is one refresh, shared by all who need it.
type flight struct {
	of      *record
	cancel  context.CancelFunc
	done    chan struct{} // closed when err is there
	err     error
	waiting int // guarded by Link.mu
}

// refresh replaces the record's access token, once however many ask. The refresh belongs to no single caller: it
// goes on while anyone waits, and the last one to give up ends it and sees it end.
func (l *Link) refresh(ctx context.Context, r *record) error {
	l.mu.Lock()
	f := l.flight
	if f == nil || f.of != r {
		shared, cancel := context.WithTimeout(context.WithoutCancel(ctx), googleLimit)
		f = &flight{of: r, cancel: cancel, done: make(chan struct{})}
		l.flight = f
		go func() {
			defer close(f.done)
			defer cancel()
			f.err = l.renew(shared, r)
			l.land(f)
		}()
	}
	f.waiting++
	l.mu.Unlock()

	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
	}
	l.mu.Lock()
	f.waiting--
	last := f.waiting == 0
	l.mu.Unlock()
	if last {
		l.land(f) // whoever comes now starts another
		f.cancel()
		<-f.done
	}
	return ctx.Err()
}

func (l *Link) land(f *flight) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.flight == f {
		l.flight = nil
	}
}

// renew asks Google for an access token in place of the record's and stores what it gets before anyone uses it.
// A stop between the two loses the new tokens. Google normally repeats no refresh token, so the stored one still
// works; if it did give another, the stored one may be dead, and the account has to be linked again.
func (l *Link) renew(ctx context.Context, r *record) error {
	if err := l.acquire(ctx); err != nil {
		return because(ErrUnavailable, "", err)
	}
	defer l.release()
	if l.current() != r { // linked, unlinked or refreshed in the meantime
		return nil
	}
	if l.unsaved == nil { // else the vault failed last time: Google is not asked twice
		next, err := l.ask(ctx, r)
		if err != nil {
			return err
		}
		l.unsaved = next
	}
	if err := l.save(ctx, l.unsaved); err != nil {
		return err
	}
	l.set(l.unsaved)
	return nil
}

// ask makes the refresh. The caller holds the turn.
func (l *Link) ask(ctx context.Context, r *record) (*record, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, l.google)
	tok, err := l.oauth.TokenSource(ctx, &oauth2.Token{RefreshToken: string(r.Refresh)}).Token()
	if err == nil {
		return r.renewed(tok)
	}
	cause := l.tokenError(err)
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok || refused.ErrorCode != "invalid_grant" || errors.Is(cause, ErrUnavailable) {
		return nil, cause
	}
	return nil, l.end(ctx, r, endReason(r, time.Now()), cause.Err)
}

// end turns the record into one that must be linked again. If it cannot be stored, the next start finds out
// anew from Google. The caller holds the turn.
func (l *Link) end(ctx context.Context, r *record, reason string, cause error) error {
	next := r.ended(reason)
	err := l.save(ctx, next)
	l.set(next)
	return because(ErrRelink, reason, errors.Join(cause, err))
}

// endRefused ends the link when the API refuses even a token that Google has only just given.
func (l *Link) endRefused(ctx context.Context, refused Secret, cause error) error {
	if err := l.acquire(ctx); err != nil {
		return err
	}
	defer l.release()
	r := l.current()
	if err := r.works(); err != nil {
		return err
	}
	if r.Access != refused { // linked anew in the meantime: the caller may try again
		return because(ErrUnavailable, "", cause)
	}
	return l.end(ctx, r, "Google refuses the account's newest access token: link the account again. If that does "+
		"not help, look for a security notice in the Google account.", cause)
}
