package account

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
)

const sharedEvery = time.Second // between two saves of a project that several processes save

// Share says that other processes have the project too: tell is given what they are to Learn, and must not wait. It comes before all else.
func (p *Project) Share(tell func(state []byte)) { p.tell = tell }

// Save adds what was counted to what the store has, which other processes may have changed, and takes in the sum. In a project that is
// shared it does so once a second at most, unless it is the last time or Google holds the project.
func (p *Project) Save(ctx context.Context) error { return p.save(ctx, false) }

// Close saves what is left to be saved.
func (p *Project) Close(ctx context.Context) error { return p.save(ctx, true) }

func (p *Project) save(ctx context.Context, last bool) error {
	if err := p.saving.Lock(ctx); err != nil {
		return err
	}
	defer p.saving.Unlock()
	var mine, seen projectState
	var pause time.Duration
	p.change(func(today *projectState) {
		mine, seen = *today, p.saved.on(today.Day)
		pause = sharedEvery - time.Since(p.savedAt)
	})
	if mine.Requests == seen.Requests && mine.HeldUntil.Equal(seen.HeldUntil) {
		return nil
	}
	if p.tell != nil && !last && mine.HeldUntil.Equal(seen.HeldUntil) && pause > 0 {
		if accounts := p.accounts.All(); len(accounts) > 0 {
			time.AfterFunc(pause, accounts[0].cfg.Changed) // which saves it then
			return nil
		}
	}
	var sum projectState
	err := p.store.MergeState(ctx, store.Bridge, p.id, &sum, func() {
		if sum.Day != mine.Day { // the store's is over
			sum = seen
		}
		if sum.Requests += mine.Requests - seen.Requests; !mine.HeldUntil.Equal(seen.HeldUntil) {
			sum.HeldUntil = mine.HeldUntil
		}
	})
	if err != nil {
		return fmt.Errorf("save request count: %w", err)
	}
	p.take(sum, projectState{Requests: mine.Requests - seen.Requests, HeldUntil: mine.HeldUntil}, true)
	if p.tell != nil {
		text, err := json.Marshal(sum)
		if err != nil {
			return err
		}
		p.tell(text)
	}
	return nil
}

// on is the state if it is of the day, and nothing otherwise.
func (s projectState) on(day string) projectState {
	if s.Day != day {
		return projectState{Day: day}
	}
	return s
}

// Learn takes in what another process has saved, as its Share told it.
func (p *Project) Learn(state []byte) {
	var sum projectState
	if json.Unmarshal(state, &sum) == nil {
		p.take(sum, projectState{}, false)
	}
}

// take makes the sum that the store has the base of what is counted here; done is what it has of that now. Accounts are held, or let go, as
// it says. A sum that comes after a later one says nothing, and one of another day is none.
func (p *Project) take(sum, done projectState, own bool) {
	held := false
	var until time.Time
	p.change(func(today *projectState) {
		if sum.Day != today.Day {
			return
		}
		was := p.saved.on(today.Day)
		if !own {
			done.HeldUntil = was.HeldUntil
		}
		pending, mine := today.Requests-was.Requests-done.Requests, !today.HeldUntil.Equal(done.HeldUntil)
		if p.saved = sum; sum.Requests < was.Requests {
			p.saved = was
		}
		if !mine {
			held, today.HeldUntil = !today.HeldUntil.Equal(p.saved.HeldUntil), p.saved.HeldUntil
		}
		if today.Requests, until = p.saved.Requests+pending, today.HeldUntil; own {
			p.savedAt = time.Now()
		}
	})
	if held {
		for _, a := range p.accounts.All() {
			a.set(byProject, heldUntil(until))
		}
	}
	if !own {
		p.counted()
	}
}

// heldUntil is the hold of a project whose day is used up until a time; none when that is over.
func heldUntil(until time.Time) hold {
	left := wake.Left(until, longestDay)
	if left <= 0 {
		return hold{}
	}
	quota := mqttapi.Hold{Reason: mqttapi.HoldQuotaDaily, Until: mqttapi.At(until), Message: mqttapi.CodeQuotaDaily.Sentence()}
	return hold{quota, left, Creating}
}
