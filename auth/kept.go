package auth

import (
	"context"
	"encoding/json"
	"time"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/wake"
)

// keptAs follows the entry's name in what the seal of kept attempts covers, so that they are no link's record.
const keptAs = "/attempts"

// kept is an attempt under the seal.
type kept struct {
	Verifier  string    `json:"verifier"`
	Code      string    `json:"code"`
	State     string    `json:"state"`
	CodeUsed  bool      `json:"code_used"`
	StateUsed bool      `json:"state_used"`
	Ends      time.Time `json:"ends"`
}

// keep saves the attempts, so that another process can finish what this one has begun. When that fails they are of this process alone.
func (l *Link) keep() {
	if l.cfg.Attempts == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), saveLimit)
	defer cancel()
	if l.keeping.Lock(ctx) != nil {
		return
	}
	defer l.keeping.Unlock()
	var all []kept
	l.mu.Lock()
	for _, a := range l.attempts {
		if a.live() {
			all = append(all, kept{string(a.verifier), string(a.code.text), string(a.state.text), a.code.used, a.state.used, a.ends()})
		}
	}
	l.mu.Unlock()
	if plain, err := json.Marshal(all); err == nil {
		_ = l.cfg.Attempts.Save(ctx, l.cfg.Entry, l.key.Seal(plain, l.cfg.Entry+keptAs))
	}
}

// takeUp goes on with the attempts that were kept. What cannot be read is asked for anew.
func (l *Link) takeUp(ctx context.Context) {
	if l.cfg.Attempts == nil {
		return
	}
	var all []kept
	sealed, err := l.cfg.Attempts.Load(ctx, l.cfg.Entry)
	if err != nil || sealed == nil {
		return
	}
	if plain, err := l.key.Open(sealed, l.cfg.Entry+keptAs); err != nil || json.Unmarshal(plain, &all) != nil {
		return
	}
	for _, k := range all {
		if left := wake.Left(k.Ends, attemptLife+time.Second); left > 0 {
			l.attempts = append(l.attempts, &attempt{
				verifier: secret.Text(k.Verifier), expires: time.Now().Add(left), shown: k.Ends,
				code: once{secret.Text(k.Code), k.CodeUsed}, state: once{secret.Text(k.State), k.StateUsed},
			})
			time.AfterFunc(left, l.changed.Set)
		}
	}
}
