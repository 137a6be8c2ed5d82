package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"gphotos2mqtt/mqttapi"
)

// answerWait is how long the bridge may take to begin linking. To finish, it has
// to ask Google, see finishWait.
const (
	answerWait = 10 * time.Second
	finishWait = time.Minute
)

// link is the subcommand: it links an entry of a bridge that runs, by the same
// commands that Home Assistant's buttons send, so that the bridge alone touches
// its data folder.
func link(ctx context.Context, environ map[string]string, entry string, stdin io.Reader, stdout, stderr io.Writer) int {
	config, _, err := ReadConfig(environ)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	if entry == "" && len(config.Entries) == 1 {
		entry = config.Entries[0].Entry
	}
	if !slices.ContainsFunc(config.Entries, func(e EntryConfig) bool { return e.Entry == entry }) {
		fmt.Fprintf(stderr, "which entry? usage: gphotos2mqtt link ENTRY, one of %sENTRIES: %s\n", prefix, strings.Join(config.EntryNames, ", "))
		return exitUsage
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l := &linking{
		config: config, topics: mqttapi.Topics{Root: config.Topic, Entry: entry},
		arrived: make(chan mqtt.Message), out: stdout,
	}
	if err := l.run(ctx, stdin); err != nil {
		fmt.Fprintln(stderr, "not linked:", err)
		return exitFailed
	}
	return exitDone
}

// linking is one conversation with the bridge and with the person.
type linking struct {
	config  Config
	topics  mqttapi.Topics
	client  mqtt.Client
	arrived chan mqtt.Message
	out     io.Writer

	before  mqttapi.LinkState // when it began
	offer   mqttapi.LinkData
	started bool // E/state has shown the offer
}

func (l *linking) run(ctx context.Context, stdin io.Reader) error {
	var err error
	brief, cancel := context.WithTimeout(ctx, healthLimit)
	defer cancel()
	l.client, err = l.config.dial(ctx, "link", l.arrived, l.topics.Availability(), l.topics.State(),
		l.topics.Response(mqttapi.VerbLink), l.topics.Response(mqttapi.VerbLinkFinish))
	if err != nil && l.config.MQTTURL == "" { // the bridge would be the broker
		return fmt.Errorf("%w (%w)", l.absent(), err)
	}
	if err != nil {
		return err
	}
	defer l.client.Disconnect(0)
	if err := l.awaitBridge(brief); err != nil {
		return err
	}
	if err := l.ask(ctx, mqttapi.VerbLink, map[string]string{}); err != nil {
		return err
	}
	if err := l.awaitOffer(ctx); err != nil {
		return err
	}
	l.explain()
	return l.finish(ctx, lines(ctx, stdin))
}

// awaitBridge waits for what the broker has retained of the entry.
func (l *linking) awaitBridge(ctx context.Context) error {
	for online, known := false, false; !online || !known; {
		m, err := l.next(ctx)
		if err != nil {
			return l.absent()
		}
		switch m.Topic() {
		case l.topics.Availability():
			if online = string(m.Payload()) == mqttapi.Online; !online {
				return l.absent()
			}
		case l.topics.State():
			l.before, known = readLink(m), true
		}
	}
	return nil
}

func (l *linking) absent() error {
	return fmt.Errorf("no bridge serves entry %s at %s: start gphotos2mqtt, then run this again", l.topics.Entry, l.config.brokerURL())
}

// awaitOffer waits for the address to open.
func (l *linking) awaitOffer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	for {
		m, err := l.next(ctx)
		if err != nil {
			return errors.New("the bridge does not answer: look at its log")
		}
		if mine, err := l.answer(m, mqttapi.VerbLink, &l.offer); mine {
			return err
		}
	}
}

func (l *linking) explain() {
	fmt.Fprintf(l.out, "Open this address in a browser before %s:\n\n  %s\n\n", l.offer.Expires.Local().Format("15:04"), l.offer.URL)
	if l.offer.ConsentURL != l.offer.URL {
		fmt.Fprintf(l.out, "Does the page not open, because that browser is on another machine? Then open Google's own:\n\n  %s\n\n", l.offer.ConsentURL)
	}
	fmt.Fprint(l.out, "Choose the account and allow every box. If the browser ends on a page that does not load,\n"+
		"paste the whole address of that page here and press Enter:\n")
}

// finish waits until the account is linked, by the browser alone or with the
// address that the person pastes.
func (l *linking) finish(ctx context.Context, pasted <-chan string) error {
	over := time.NewTimer(time.Until(l.offer.Expires.Time))
	defer over.Stop()
	for {
		select {
		case line, more := <-pasted:
			if !more {
				pasted = nil // the browser can still finish alone
				continue
			}
			over.Reset(finishWait)
			if err := l.ask(ctx, mqttapi.VerbLinkFinish, map[string]string{"url": line}); err != nil {
				return err
			}
		case m := <-l.arrived:
			if done, err := l.take(m); done || err != nil {
				return err
			}
		case <-over.C:
			return errors.New("the address is no longer valid: run this again and finish within ten minutes")
		case <-ctx.Done():
			return errors.New("stopped before the end")
		}
	}
}

// take looks at a message for the end of linking.
func (l *linking) take(m mqtt.Message) (done bool, err error) {
	if m.Topic() == l.topics.State() {
		return l.outcome(readLink(m))
	}
	var account mqttapi.AccountData
	mine, err := l.answer(m, mqttapi.VerbLinkFinish, &account)
	if mistake, ok := errors.AsType[*mqttapi.Error](err); ok && mistake.Code == mqttapi.CodeBadPayload {
		fmt.Fprintln(l.out, mistake.Message)
		return false, nil
	}
	l.started = l.started || mine // the state that follows is the one after linking
	return false, err
}

// outcome reads the end from E/state, which also tells when the browser came
// back by itself: the offer is gone from it then.
func (l *linking) outcome(s mqttapi.LinkState) (done bool, err error) {
	if s.Expires.Equal(l.offer.Expires.Time) {
		l.started = true
		return false, nil
	}
	linked := s.Status == mqttapi.LinkLinked && s.Account != nil
	switch {
	case linked && s.Problem == "" && (l.started || l.before.Status != mqttapi.LinkLinked):
		fmt.Fprintf(l.out, "Linked: entry %s uses the account of %s (%s).\n", l.topics.Entry, s.Account.Name, s.Account.Email)
		if len(s.MissingScopes) > 0 {
			fmt.Fprintf(l.out, "Boxes were left unticked, so what needs these is off: %s. To turn it on, link again and tick every box.\n",
				strings.Join(s.MissingScopes, " "))
		}
		return true, nil
	case !l.started:
		return false, nil
	case s.Problem != "":
		return true, errors.New(s.Problem)
	}
	return true, errors.New("linking was ended elsewhere: run this again")
}
