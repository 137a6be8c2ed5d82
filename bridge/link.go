package bridge

import (
	"context"
	"errors"
	"fmt"
	"strings"

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

// linkChanged lets everything know how the link is now.
func (e *Entry) linkChanged() {
	e.followLink()
	s := e.link.State()
	if s.URL != "" && s.URL != e.invited {
		e.log.WithField("url", s.URL).Info("open this address to link an account")
	}
	off := strings.Join(s.Off(), "; ")
	if off != "" && off != e.off {
		e.log.WithField("off", off).Warn("boxes were left unticked at google")
	}
	e.invited, e.off = s.URL, off
	e.listings.touch()
	wake(e.device)
	e.changed()
}

// followLink holds the entry while no account can be used, and lets it go on
// where it stopped once one can.
func (e *Entry) followLink() {
	e.linking.Lock() // the state that is read last is the one that counts
	defer e.linking.Unlock()
	s := e.link.State()
	h := Hold{}
	if s.Status != auth.Linked {
		h = Hold{Reason: mqttapi.HoldRelink, Message: e.linkAdvice(s)}
	}
	if !e.queue.setHold(holdByLink, h) {
		return
	}
	e.changed()
	if h.Reason == "" {
		e.log.WithField("kind", string(s.Status)).Info("account linked")
		return
	}
	e.log.WithFields(map[string]any{"kind": string(s.Status), "advice": h.Message}).Warn("account must be linked")
}

// linkAdvice says why no account can be used and every way to change that.
func (e *Entry) linkAdvice(s auth.State) string {
	why := "No Google account is linked to " + e.cfg.Name + "."
	switch {
	case s.Status == auth.Relink:
		why = s.Reason
	case s.Failure != "":
		why = s.Failure
	}
	return fmt.Sprintf("%s To link it, press Link account in Home Assistant, publish an empty message to %s, or run: gphotos2mqtt link %s",
		why, e.topics.Request(mqttapi.VerbLink), e.cfg.Name)
}

// startLink makes the one-time address that leads to Google.
func (e *Entry) startLink() any {
	inv := e.link.Start()
	return mqttapi.LinkData{URL: inv.URL, ConsentURL: inv.Consent, Expires: mqttapi.At(inv.Expires)}
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
