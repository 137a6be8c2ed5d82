package broker

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// drain takes what the outbox wants to send, without confirming it.
func drain(r *outbox) (sent []string, sentNow []*publication) {
	for p := r.next(); p != nil; p = r.next() {
		sent = append(sent, p.topic+"="+string(p.payload))
		sentNow = append(sentNow, p)
	}
	return sent, sentNow
}

func put(t *testing.T, r *outbox, topic, payload string) {
	t.Helper()
	if err := r.set(&publication{topic: topic, payload: []byte(payload), retained: true}); err != nil {
		t.Fatal(err)
	}
}

func TestRetainedKeepsLastValue(t *testing.T) {
	t.Parallel()
	r := newOutbox()
	for i := range 1000 {
		put(t, r, "a", fmt.Sprint(i))
	}
	put(t, r, "b", "x")
	sent, sentNow := drain(r)
	if diff := cmp.Diff([]string{"a=999", "b=x"}, sent); diff != "" {
		t.Error(diff)
	}
	put(t, r, "a", "newer")
	put(t, r, "a", "newest")
	if sent, _ := drain(r); sent != nil {
		t.Errorf("a second value in flight: %v", sent)
	}
	for _, p := range sentNow {
		r.confirm(p)
	}
	sent, _ = drain(r)
	if diff := cmp.Diff([]string{"a=newest"}, sent); diff != "" {
		t.Error(diff)
	}
}

// Who asks for everything again gets also what is on its way at that moment.
func TestRetainedSendsAgain(t *testing.T) {
	t.Parallel()
	r := newOutbox()
	put(t, r, "a", "1")
	put(t, r, "b", "1")
	_, sentNow := drain(r)
	r.confirm(sentNow[0])
	r.refresh()
	sent, _ := drain(r)
	if diff := cmp.Diff([]string{"a=1"}, sent); diff != "" {
		t.Error(diff)
	}
	r.confirm(sentNow[1])
	sent, last := drain(r)
	if diff := cmp.Diff([]string{"b=1"}, sent); diff != "" {
		t.Error(diff)
	}
	r.confirm(last[0])
	if sent, _ := drain(r); sent != nil {
		t.Errorf("sent for a third time: %v", sent)
	}
}

func TestRetainedStartsOver(t *testing.T) {
	t.Parallel()
	r := newOutbox()
	put(t, r, "b", "1")
	put(t, r, "a", "1")
	put(t, r, "availability", "online")
	put(t, r, "cleared", "")
	_, sentNow := drain(r)
	for _, p := range sentNow {
		r.confirm(p)
	}
	put(t, r, "b", "2")
	drain(r) // in flight at the end of the connection
	r.begin("availability")
	if owes, _ := r.status(); !owes {
		t.Error("nothing is owed to a new connection")
	}
	sent, again := drain(r)
	if diff := cmp.Diff([]string{"a=1", "b=2"}, sent); diff != "" {
		t.Error(diff)
	}
	r.confirm(sentNow[0]) // of the old connection
	if owes, _ := r.status(); !owes {
		t.Error("an old confirmation paid the debt")
	}
	put(t, r, "new", "1") // is not owed
	for _, p := range again {
		r.confirm(p)
	}
	if owes, _ := r.status(); owes {
		t.Error("still owing")
	}
}

func TestRetainedQuarantine(t *testing.T) {
	t.Parallel()
	r := newOutbox()
	put(t, r, "a", "too large")
	_, sentNow := drain(r)
	r.quarantine(sentNow[0])
	r.begin("")
	owes, p := r.status()
	if sent, _ := drain(r); sent != nil || owes {
		t.Errorf("sent %v, owes %v", sent, owes)
	}
	if p == nil || p.topic != "a" || len(p.payload) != len("too large") {
		t.Errorf("quarantined %+v", p)
	}
	r.refresh()
	put(t, r, "a", "as large!")
	if sent, _ := drain(r); sent != nil {
		t.Errorf("sent %v", sent)
	}
	if limit := r.limit(); limit != len("as large!")/2 {
		t.Errorf("limit %d", limit)
	}
	put(t, r, "a", "small")
	_, sentNow = drain(r)
	r.confirm(sentNow[0])
	if _, p := r.status(); p != nil || r.limit() != len("small") {
		t.Errorf("after a smaller value: quarantined %v, limit %d", p, r.limit())
	}
	put(t, r, "a", "as large!")
	r.quarantine(&publication{topic: "a"}) // a value that is no longer the last
	if sent, _ := drain(r); len(sent) != 1 {
		t.Errorf("sent %v", sent)
	}
}

// What is retained is kept small, and sent again as it was. Its size is still that of the payload.
func TestRetainedIsPacked(t *testing.T) {
	t.Parallel()
	o := newOutbox()
	listing := bytes.Repeat([]byte(`{"base_url": "https://photos.example/", "name": "IMG_0001.jpg"}, `), 500)
	picture := make([]byte, 20_000)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(picture)
	for topic, payload := range map[string][]byte{"listing": listing, "picture": picture, "short": []byte("{}")} {
		p := &publication{topic: topic, payload: bytes.Clone(payload), retained: true}
		if err := o.set(p); err != nil {
			t.Fatal(err)
		}
		o.begin("")
		for range 2 {
			if got := o.next(); got != p {
				t.Fatalf("%+v is next", got)
			}
			if content, err := p.content(); err != nil || !bytes.Equal(content, payload) || p.size() != len(payload) {
				t.Errorf("%s: %d bytes, size %d, %v", topic, len(content), p.size(), err)
			}
			o.confirm(p)
			o.refresh()
		}
		if kept := len(p.payload) + len(p.packed); topic == "listing" && kept > len(payload)/4 || topic != "listing" && kept != len(payload) {
			t.Errorf("%s: %d bytes of %d are kept", topic, kept, len(payload))
		}
		delete(o.topics, topic)
	}
}
