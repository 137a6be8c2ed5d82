package daemon

import "testing"

func TestLimitFor(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for _, tc := range []struct {
		entries     int
		lives, want int64
	}{
		{0, 10 * mib, 64 * mib},
		{4, 10 * mib, 65 * mib},
		{1000, 150 * mib, 314 * mib},
		{1000, 400 * mib, 632 * mib}, // entries with long listings
		{1, 200 * mib, 332 * mib},    // one with a long queue
	} {
		if got := limitFor(tc.entries, tc.lives); got != tc.want {
			t.Errorf("%d entries, %d MiB live: %d MiB, want %d", tc.entries, tc.lives/mib, got/mib, tc.want/mib)
		}
	}
}
