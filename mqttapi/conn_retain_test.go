package mqttapi

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// drain takes what a ledger wants to send, without confirming it.
func drain(l *ledger) (sent []string, flying []*publication) {
	for p := l.next(); p != nil; p = l.next() {
		sent = append(sent, p.topic+"="+string(p.payload))
		flying = append(flying, p)
	}
	return sent, flying
}

func put(t *testing.T, l *ledger, topic, payload string) {
	t.Helper()
	if err := l.set(&publication{topic: topic, payload: []byte(payload), retained: true}); err != nil {
		t.Fatal(err)
	}
}

func TestLedgerKeepsLastValue(t *testing.T) {
	t.Parallel()
	l := newLedger()
	for i := range 1000 {
		put(t, l, "a", fmt.Sprint(i))
	}
	put(t, l, "b", "x")
	sent, flying := drain(l)
	if diff := cmp.Diff([]string{"a=999", "b=x"}, sent); diff != "" {
		t.Error(diff)
	}
	put(t, l, "a", "newer")
	put(t, l, "a", "newest")
	if sent, _ := drain(l); sent != nil {
		t.Errorf("a second value in flight: %v", sent)
	}
	for _, p := range flying {
		l.confirm(p)
	}
	sent, _ = drain(l)
	if diff := cmp.Diff([]string{"a=newest"}, sent); diff != "" {
		t.Error(diff)
	}
}

// Who asks for everything again gets also what is on its way at that moment.
func TestLedgerSendsAgain(t *testing.T) {
	t.Parallel()
	l := newLedger()
	put(t, l, "a", "1")
	put(t, l, "b", "1")
	_, flying := drain(l)
	l.confirm(flying[0])
	l.again()
	sent, _ := drain(l)
	if diff := cmp.Diff([]string{"a=1"}, sent); diff != "" {
		t.Error(diff)
	}
	l.confirm(flying[1])
	sent, last := drain(l)
	if diff := cmp.Diff([]string{"b=1"}, sent); diff != "" {
		t.Error(diff)
	}
	l.confirm(last[0])
	if sent, _ := drain(l); sent != nil {
		t.Errorf("sent for a third time: %v", sent)
	}
}

func TestLedgerStartsOver(t *testing.T) {
	t.Parallel()
	l := newLedger()
	put(t, l, "b", "1")
	put(t, l, "a", "1")
	put(t, l, "availability", "online")
	put(t, l, "cleared", "")
	_, flying := drain(l)
	for _, p := range flying {
		l.confirm(p)
	}
	put(t, l, "b", "2")
	drain(l) // in flight at the end of the connection
	l.begin("availability")
	if !l.owes() {
		t.Error("nothing is owed to a new connection")
	}
	sent, again := drain(l)
	if diff := cmp.Diff([]string{"a=1", "b=2"}, sent); diff != "" {
		t.Error(diff)
	}
	l.confirm(flying[0]) // of the old connection
	if !l.owes() {
		t.Error("an old confirmation paid the debt")
	}
	put(t, l, "new", "1") // is not owed
	for _, p := range again {
		l.confirm(p)
	}
	if l.owes() {
		t.Error("still owing")
	}
}

func TestLedgerBars(t *testing.T) {
	t.Parallel()
	l := newLedger()
	put(t, l, "a", "too large")
	_, flying := drain(l)
	l.bar(flying[0])
	l.begin("")
	if sent, _ := drain(l); sent != nil || l.owes() {
		t.Errorf("sent %v, owes %v", sent, l.owes())
	}
	if topic, size := l.barred(); topic != "a" || size != len("too large") {
		t.Errorf("barred %q, %d bytes", topic, size)
	}
	l.again()
	err := l.set(&publication{topic: "a", payload: []byte("as large!"), retained: true})
	if sent, _ := drain(l); sent != nil || !errors.Is(err, ErrTooLarge) {
		t.Errorf("sent %v, %v", sent, err)
	}
	put(t, l, "a", "small")
	_, flying = drain(l)
	l.confirm(flying[0])
	if topic, _ := l.barred(); topic != "" {
		t.Error("still barred after a smaller value")
	}
	put(t, l, "a", "as large!")
	l.bar(&publication{topic: "a"}) // a value that is no longer the last
	if sent, _ := drain(l); len(sent) != 1 {
		t.Errorf("sent %v", sent)
	}
}
