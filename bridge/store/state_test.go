package store

import (
	"fmt"
	"testing"
	"time"
)

func TestState(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	var n int
	if found, err := s.LoadState(t.Context(), "home", "totals", &n); found || err != nil {
		t.Errorf("empty: %v, %v", found, err)
	}
	must(t, s.SaveState(t.Context(), "home", "totals", 41))
	must(t, s.SaveState(t.Context(), "home", "totals", 42))
	must(t, s.SaveState(t.Context(), "garden", "totals", 1))
	if found, err := s.LoadState(t.Context(), "home", "totals", &n); !found || err != nil || n != 42 {
		t.Errorf("saved: %v, %v, %d", found, err, n)
	}
	other := struct{ A, B int }{A: 1}
	must(t, s.SaveState(t.Context(), "home", "other", map[string]any{"A": 2, "B": "two"}))
	if found, err := s.LoadState(t.Context(), "home", "other", &other); found || err != nil || other.A != 1 {
		t.Errorf("of another form: %v, %v, %v", found, err, other)
	}
	must(t, s.DeleteState(t.Context(), "home", "totals"))
	must(t, s.DeleteState(t.Context(), "home", "totals"))
	if found, err := s.LoadState(t.Context(), "home", "totals", &n); found || err != nil {
		t.Errorf("deleted: %v, %v", found, err)
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	links := s.Links()
	if token, err := links.Load(t.Context(), "home"); token != nil || err != nil {
		t.Errorf("empty: %q, %v", token, err)
	}
	must(t, links.Save(t.Context(), "home", []byte{0, 1}))
	must(t, links.Save(t.Context(), "home", []byte{2, 3}))
	if token, err := links.Load(t.Context(), "home"); string(token) != "\x02\x03" || err != nil {
		t.Errorf("saved: %q, %v", token, err)
	}
	must(t, links.Delete(t.Context(), "home"))
	must(t, links.Delete(t.Context(), "home"))
	if token, err := links.Load(t.Context(), "home"); token != nil || err != nil {
		t.Errorf("deleted: %q, %v", token, err)
	}
}

func TestReceiptIsReplaced(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	r := Receipt{Job: "01A", Entry: "home", CommandID: "c", Ran: s.Ran()}
	must(t, s.SaveReceipt(t.Context(), r))
	r.Result = []byte(`{"status":"done"}`)
	must(t, s.SaveReceipt(t.Context(), r))
	got, err := s.Receipts(t.Context(), "home")
	if err != nil || len(got) != 1 || string(got[0].Result) != `{"status":"done"}` {
		t.Errorf("receipts = %v, %v", got, err)
	}
}

// Old receipts go when others are saved, without a timer, and a receipt that cannot be
// understood is none.
func TestOldReceiptsGo(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	for i := range 6 {
		must(t, s.save(t.Context(), Receipt{Ran: s.Ran() - 25*time.Hour}, kindReceipts, "home", fmt.Sprint("old", i)))
	}
	plant(t, s, "receipts.home.a", "{")
	if _, found, err := s.Receipt(t.Context(), "home", "a"); found || err != nil {
		t.Errorf("damaged: %v, %v", found, err)
	}
	for i := range 3 {
		must(t, s.SaveReceipt(t.Context(), Receipt{Job: fmt.Sprint("z", i), Entry: "home", Ran: s.Ran()}))
	}
	if got := left(t, s); len(got) != 3 {
		t.Errorf("left: %v", got)
	}
}
