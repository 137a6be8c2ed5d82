package library

import (
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	pages := newLimiter()
	now := time.Now()
	for range pageBurst {
		if at := nextPage(pages, now); at.After(now) {
			t.Fatal("the burst has to wait")
		}
		pages.ReserveN(now, 1)
	}
	if wait := nextPage(pages, now).Sub(now); wait != pageEvery {
		t.Errorf("the next page waits %v", wait)
	}
	now = now.Add(10*pageEvery + time.Second)
	for range 10 {
		if nextPage(pages, now).After(now) {
			t.Fatal("ten pages after ten minutes have to wait")
		}
		pages.ReserveN(now, 1)
	}
	if wait := nextPage(pages, now).Sub(now).Round(time.Millisecond); wait != pageEvery-time.Second {
		t.Errorf("the next page waits %v", wait)
	}
}
