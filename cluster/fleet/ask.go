package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/nats-io/nats.go"
)

// askHeader names the process that asks, or answers.
const askHeader = "Gphotos-Process"

// allProcesses are asked in place of one process.
const allProcesses = "all"

// ErrNobody is the error of a question for which there is no process.
var ErrNobody = errors.New("no process of the fleet has it")

// Serve answers what other processes ask about a subject, each question in a goroutine of its own, until ctx ends.
func (f *Fleet) Serve(ctx context.Context, subject string, answer func(ctx context.Context, question []byte) []byte) error {
	var running sync.WaitGroup
	defer running.Wait()
	for _, whom := range []string{allProcesses, f.cfg.Process} {
		sub, err := f.shared.NATS.Subscribe(f.subject(subject, whom), func(m *nats.Msg) {
			if m.Header.Get(askHeader) == f.cfg.Process {
				return // our own
			}
			running.Go(func() {
				reply := nats.NewMsg(m.Reply)
				if reply.Data = answer(ctx, m.Data); m.Reply == "" {
					return
				}
				reply.Header.Set(askHeader, f.cfg.Process)
				_ = m.RespondMsg(reply) // who asks waits for a while only
			})
		})
		if err != nil {
			return fmt.Errorf("listen to the fleet: %w", err)
		}
		defer sub.Unsubscribe() //nolint:errcheck // it ends with the connection, too
	}
	<-ctx.Done()
	return nil
}

// Tell says something about a subject to all other processes that are connected now, who do not answer.
func (f *Fleet) Tell(subject string, text []byte) error {
	return f.shared.NATS.PublishMsg(f.question(subject, allProcesses, "", text))
}

// Ask asks all other processes about a subject, and gives each answer to took until that has enough, or all have answered, which it
// reports. The error is ctx's, or the connection's.
func (f *Fleet) Ask(ctx context.Context, subject string, question []byte, took func(process string, answer []byte) (enough bool)) (all bool, err error) {
	var open []string // who has not answered
	f.mu.Lock()
	for id, m := range f.members {
		if id != f.cfg.Process && m.revision != 0 && f.lives(id) {
			open = append(open, id)
		}
	}
	f.mu.Unlock()
	if len(open) == 0 {
		return true, nil
	}
	inbox := f.shared.NATS.NewInbox()
	answers, err := f.shared.NATS.SubscribeSync(inbox)
	if err != nil {
		return false, fmt.Errorf("ask the fleet: %w", err)
	}
	defer answers.Unsubscribe() //nolint:errcheck // it ends with the connection, too
	if err := f.shared.NATS.PublishMsg(f.question(subject, allProcesses, inbox, question)); err != nil {
		return false, fmt.Errorf("ask the fleet: %w", err)
	}
	for len(open) > 0 {
		m, err := answers.NextMsgWithContext(ctx)
		if errors.Is(err, nats.ErrNoResponders) {
			return false, nil
		} else if err != nil {
			return false, fmt.Errorf("ask the fleet: %w", err)
		}
		from := m.Header.Get(askHeader)
		if took(from, m.Data) {
			return false, nil
		}
		open = slices.DeleteFunc(open, func(id string) bool { return id == from })
	}
	return true, nil
}

// AskHolder asks the process that runs an entry. ErrNobody: no other process does.
func (f *Fleet) AskHolder(ctx context.Context, entry, subject string, question []byte) ([]byte, error) {
	holder := f.Holder(entry)
	if holder == "" || holder == f.cfg.Process {
		return nil, ErrNobody
	}
	m, err := f.shared.NATS.RequestMsgWithContext(ctx, f.question(subject, holder, "", question))
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return nil, ErrNobody
	case err != nil:
		return nil, fmt.Errorf("ask process %s: %w", holder, err)
	}
	return m.Data, nil
}

// Holder is the process that has the entry now; "" = none.
func (f *Fleet) Holder(entry string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if id := f.owners[entry].Process; id == f.cfg.Process || f.lives(id) {
		return id
	}
	return ""
}

// Processes are all that there are, by id, this one among them, with what they last reported.
func (f *Fleet) Processes() map[string]Process {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := map[string]Process{}
	for id, m := range f.members {
		if m.revision != 0 && !m.gone && f.lives(id) {
			all[id] = Process{Leads: f.owners[Leading].Process == id, Leaving: m.lease.Leaving, Report: m.lease.Report}
		}
	}
	return all
}

// A Process is one of a fleet.
type Process struct {
	Leads   bool            // it speaks for all
	Leaving bool            // it stops, and hands its entries over
	Report  json.RawMessage // Config.Report
}

func (f *Fleet) question(subject, whom, reply string, question []byte) *nats.Msg {
	m := nats.NewMsg(f.subject(subject, whom))
	m.Header.Set(askHeader, f.cfg.Process)
	m.Reply, m.Data = reply, question
	return m
}

func (f *Fleet) subject(subject, whom string) string {
	return f.shared.Prefix + ".fleet." + subject + "." + whom
}
