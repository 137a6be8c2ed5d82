package store

import (
	"errors"
	"testing"
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
	var text string
	if _, err := s.LoadState(t.Context(), "home", "totals", &text); !errors.Is(err, ErrDamaged) || errors.Is(err, ErrEngine) {
		t.Errorf("of another form: %v", err)
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
	must(t, s.SaveReceipt(t.Context(), Receipt{Job: "01A", Entry: "home", CommandID: "c"}))
	must(t, s.SaveReceipt(t.Context(), Receipt{Job: "01A", Entry: "home", CommandID: "c", Result: []byte(`{"status":"done"}`)}))
	got, err := s.Receipts(t.Context(), "home")
	if err != nil || len(got) != 1 || string(got[0].Result) != `{"status":"done"}` {
		t.Errorf("receipts = %v, %v", got, err)
	}
}
