package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/cmd/gphotos2mqtt/config"
	"gphotos2mqtt/cmd/gphotos2mqtt/daemon"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
)

// brokerWait is how long the broker may take to let a client in, and to answer it; for health, both together. Docker's own limit is longer.
const brokerWait = 5 * time.Second

const offerLife = 10 * time.Minute // how long an address for linking works, as the contract says

// A client is at the broker beside the bridge, with an id and a session of its own, so that it never takes over the bridge's.
type client struct {
	id       string
	messages chan broker.Delivery // on the topics subscribed to, in their order: an older E/state must not follow a newer one
	conn     *broker.Conn
	close    func()
}

// dial connects to the broker of the settings and subscribes; close ends it.
func dial(ctx context.Context, c config.Config, role string, topics ...string) (*client, error) {
	ctx, stop := context.WithCancel(ctx)
	k := &client{id: role + "-" + rand.Text(), messages: make(chan broker.Delivery, 256)}
	first := make(chan broker.State, 1)
	settings := daemon.Connection(c, k.id, 1, topics...)
	settings.Clean, settings.Ordered, settings.Log = true, true, noLog()
	settings.Handle = func(ctx context.Context, m broker.Delivery) {
		select {
		case k.messages <- m:
			m.Ack()
		case <-ctx.Done():
		}
	}
	var once sync.Once
	settings.OnState = func(s broker.State) { once.Do(func() { first <- s }) }
	k.conn = broker.New(settings)
	var running sync.WaitGroup
	running.Go(func() { _ = k.conn.Run(ctx) }) // its error is for settings that config does not let through
	k.close = func() {
		stop()
		running.Wait()
	}
	err := errors.New("no answer in time")
	select {
	case s := <-first:
		if s.Connected {
			return k, nil
		}
		if err = errors.New(s.Reason); s.Cause != nil {
			err = fmt.Errorf("%s: %w", s.Reason, s.Cause)
		}
	case <-time.After(brokerWait):
	case <-ctx.Done():
	}
	k.close()
	return nil, fmt.Errorf("connect to %s: %w", c.BrokerURL(), err)
}

func (k *client) next(ctx context.Context) (broker.Delivery, error) {
	select {
	case m := <-k.messages:
		return m, nil
	case <-ctx.Done():
		return broker.Delivery{}, ctx.Err()
	}
}

func (k *client) publish(ctx context.Context, topic string, payload []byte) error {
	ctx, cancel := context.WithTimeout(ctx, brokerWait)
	defer cancel()
	err := k.conn.Send(ctx, topic, payload)
	if err != nil {
		err = fmt.Errorf("publish to %s: %w", topic, err)
	}
	return err
}

func noLog() *logrus.Entry { return logrus.NewEntry(&logrus.Logger{Out: io.Discard}) }

const (
	offerWait  = 10 * time.Second // for the bridge to begin linking
	finishWait = time.Minute      // for it to finish, for which it has to ask Google
	pasteMax   = 64 << 10         // bytes of what is pasted; the bridge takes addresses of 4096 characters
)

var errAbsent = errors.New("no bridge serves")

type linking struct {
	topics mqttapi.Topics
	broker *client
	out    io.Writer
	now    mqttapi.LinkState // of E/state
	offer  mqttapi.LinkData
}

// link links an entry of a bridge that runs, by Home Assistant's commands, so that the bridge alone touches its data folder.
func link(ctx context.Context, c config.Config, entry string, stdin io.Reader, stdout io.Writer) error {
	if entry == "" && len(c.Entries) == 1 {
		entry = c.Entries[0].Name
	}
	which := usageError{fmt.Errorf("which entry? usage: gphotos2mqtt link ENTRY, one of %sENTRIES: %s, or one that was added",
		config.Prefix, strings.Join(c.EntryNames, ", "))}
	if !mqttapi.ValidEntry(entry) {
		return which
	}
	l := &linking{topics: mqttapi.Topics{Root: c.Topic, Entry: entry}, out: stdout}
	err := l.run(ctx, c, stdin)
	if errors.Is(err, errAbsent) && !slices.ContainsFunc(c.Entries, func(e config.Entry) bool { return e.Name == entry }) {
		return which
	} else if err != nil {
		err = fmt.Errorf("not linked: %w", err)
	}
	return err
}

func (l *linking) run(ctx context.Context, c config.Config, stdin io.Reader) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l.broker, err = dial(ctx, c, "link", l.topics.Availability(), l.topics.State(),
		l.topics.Response(mqttapi.VerbLink), l.topics.Response(mqttapi.VerbLinkFinish))
	absent := fmt.Errorf("%w entry %s at %s: start gphotos2mqtt, then run this again", errAbsent, l.topics.Entry, c.BrokerURL())
	switch {
	case err == nil:
	case c.MQTTURL == "": // the bridge would be the broker
		return fmt.Errorf("%w (%w)", absent, err)
	default:
		return err
	}
	defer l.broker.close()
	if !l.online(ctx) {
		return absent
	}
	if err := l.begin(ctx); err != nil {
		return err
	}
	return l.finish(ctx, lines(ctx, stdin))
}

func (l *linking) online(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, brokerWait)
	defer cancel()
	for {
		m, err := l.broker.next(ctx)
		if err != nil || m.Topic == l.topics.Availability() {
			return err == nil && string(m.Payload) == mqttapi.Online
		}
	}
}

// begin asks for an offer, waits until E/state shows it, and says what to do with it.
func (l *linking) begin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, offerWait)
	defer cancel()
	if err := l.ask(ctx, mqttapi.VerbLink, ""); err != nil {
		return err
	}
	for l.offer.URL == "" || l.now.URL != l.offer.URL {
		m, err := l.broker.next(ctx)
		if err != nil {
			return errors.New("the bridge does not answer: look at its log")
		}
		if err = l.take(m, mqttapi.VerbLink, &l.offer); err != nil {
			return err
		}
	}
	fmt.Fprintf(l.out, "Open this address in a browser before %s:\n\n  %s\n\n", l.offer.Expires.Local().Format("15:04"), l.offer.URL)
	if own := l.offer.ConsentURL; own != l.offer.URL {
		fmt.Fprintf(l.out, "Does the page not open, because that browser is on another machine? Then open Google's own:\n\n  %s\n\n", own)
	}
	fmt.Fprint(l.out, "Choose the account and allow every box. If the browser ends on a page that does not load,\n"+
		"paste the whole address of that page here and press Enter:\n")
	return nil
}

// finish waits until the account is linked, by the browser alone or with what the person pastes: then the offer is gone from E/state.
func (l *linking) finish(ctx context.Context, pasted <-chan string) error {
	over := time.NewTimer(offerLife) // not until Expires: that is by another machine's clock, or one that is set meanwhile
	defer over.Stop()
	// While the bridge asks Google the address is used up and the offer still there; another offer has another address.
	for l.now.Expires.Equal(l.offer.Expires.Time) && (l.now.URL == "" || l.now.URL == l.offer.URL) {
		select {
		case line, more := <-pasted:
			if !more {
				pasted = nil // the browser can still finish alone
				continue
			}
			over.Reset(finishWait)
			if err := l.ask(ctx, mqttapi.VerbLinkFinish, line); err != nil {
				return err
			}
		case m := <-l.broker.messages:
			err := l.take(m, mqttapi.VerbLinkFinish, &mqttapi.OneData{})
			if mistake, ok := errors.AsType[*mqttapi.Error](err); ok && mistake.Code == mqttapi.CodeBadPayload {
				fmt.Fprintln(l.out, mistake.Message)
			} else if err != nil {
				return err
			}
		case <-over.C:
			return errors.New("the address is no longer valid: run this again and finish within ten minutes")
		case <-ctx.Done():
			return errors.New("stopped before the end")
		}
	}
	switch s := l.now; {
	case s.Problem != "":
		return errors.New(s.Problem)
	case s.Status != mqttapi.LinkLinked || s.Account == nil:
		return errors.New("linking was ended elsewhere: run this again")
	}
	fmt.Fprintf(l.out, "Linked: entry %s uses the account of %s (%s).\n", l.topics.Entry, l.now.Account.Name, l.now.Account.Email)
	if missing := strings.Join(l.now.MissingScopes, " "); missing != "" {
		fmt.Fprintf(l.out, "Boxes were left unticked, so what needs these is off: %s. To turn it on, link again and tick every box.\n", missing)
	}
	return nil
}

func (l *linking) ask(ctx context.Context, verb mqttapi.Verb, address string) error {
	payload, err := json.Marshal(struct {
		Transaction string `json:"transaction"`
		URL         string `json:"url,omitempty"`
	}{l.broker.id, address})
	if err != nil {
		return err
	}
	return l.broker.publish(ctx, l.topics.Request(verb), payload)
}

// take notes what E/state says of the link, and reads the answer to a request of ours into data. Other people's transactions are any JSON.
func (l *linking) take(m broker.Delivery, verb mqttapi.Verb, data any) error {
	switch m.Topic {
	case l.topics.State():
		var state mqttapi.State
		_ = json.Unmarshal(m.Payload, &state) // a document of an older bridge tells nothing
		l.now = state.Link
	case l.topics.Response(verb):
		var response struct {
			Data        json.RawMessage
			Error       *mqttapi.Error
			Transaction string
		}
		if json.Unmarshal(m.Payload, &response) != nil || response.Transaction != l.broker.id {
			return nil //nolint:nilerr // it is for somebody else
		}
		if response.Error != nil {
			return response.Error
		}
		return json.Unmarshal(response.Data, data)
	}
	return nil
}

// lines gives what the person types. Nothing can interrupt reading a terminal, so its goroutine ends with the input, or with the process.
func lines(ctx context.Context, stdin io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scan := bufio.NewScanner(io.LimitReader(stdin, pasteMax)); scan.Scan(); {
			if line := strings.TrimSpace(scan.Text()); line != "" {
				select {
				case lines <- line:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return lines
}
