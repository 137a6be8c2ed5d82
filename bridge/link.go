package bridge

import (
	"context"
	"errors"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/mqttapi"
)

// watchLink lets everything follow the link of the entry until ctx ends.
func (e *Entry) watchLink(ctx context.Context) error {
	for {
		select {
		case <-e.link.Watch():
			e.linkChanged()
		case <-ctx.Done():
			return nil
		}
	}
}

// linkChanged holds the entry while no account can be used, and lets it go on
// where it stopped once one can.
func (e *Entry) linkChanged() {
	s := e.link.State()
	h := Hold{}
	if s.Status != auth.Linked {
		h = Hold{Reason: mqttapi.HoldRelink, Message: mqttapi.CodeNotLinked.Sentence()}
		if s.Status == auth.Relink {
			h.Message = mqttapi.CodeRelinkRequired.Sentence()
		}
		if s.Reason != "" {
			h.Message = s.Reason
		}
	}
	if e.queue.setHold(holdByLink, h) {
		log := e.log.WithField("kind", string(s.Status))
		if h.Reason == "" {
			log.Info("account linked")
		} else {
			log.Warn("account must be linked")
		}
	}
	if s.URL != "" {
		e.log.WithField("url", s.URL).Info("open this address to link an account")
	}
	e.listings.touch()
	wake(e.device)
	e.changed()
}

// startLink makes the one-time address that leads to Google.
func (e *Entry) startLink() any {
	url, expires := e.link.Start()
	return mqttapi.LinkData{URL: url, Expires: mqttapi.At(expires)}
}

// finishLink completes a link with what the browser ended on.
func (e *Entry) finishLink(ctx context.Context, b mqttapi.FinishLink) (any, error) {
	var account auth.Account
	var err error
	if b.Address != "" {
		account, err = e.link.FinishAddress(ctx, string(b.Address))
	} else {
		account, err = e.link.Finish(ctx, string(b.State), string(b.Code))
	}
	if err != nil {
		return nil, linkError(err)
	}
	e.listings.again()
	return mqttapi.AccountData{Account: *accountView(account)}, nil
}

// unlink forgets the account.
func (e *Entry) unlink(ctx context.Context, b mqttapi.Unlink) (any, error) {
	if err := e.link.Unlink(ctx, b.Revoke); err != nil {
		return nil, linkError(err)
	}
	return nil, nil
}

// linkError gives an error of linking the contract's code; the sentence is the
// link's own, which knows best what to do.
func linkError(err error) error {
	failed, ok := errors.AsType[*auth.Error](err)
	if !ok {
		return err
	}
	code := mqttapi.CodeLinkFailed
	switch {
	case errors.Is(failed, auth.ErrWrongAccount):
		code = mqttapi.CodeWrongAccount
	case errors.Is(failed, auth.ErrUnlinked):
		code = mqttapi.CodeNotLinked
	case errors.Is(failed, auth.ErrUnavailable):
		code = mqttapi.CodeGoogleUnavailable
	case errors.Is(failed, auth.ErrAddress):
		code = mqttapi.CodeBadPayload
	case errors.Is(failed, auth.ErrVault):
		code = mqttapi.CodeInternal
	}
	return &mqttapi.Error{Code: code, Message: failed.Message}
}
