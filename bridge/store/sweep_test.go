package store

import "testing"

// What no job names any more is swept, also of a job that is there; of one that nobody understands all is kept.
func TestPayloadsThatAreNamed(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	add(t, s, job("01A", "01A.1.aa"))
	add(t, s, job("01B"))
	plant(t, s, "jobs.home.01C", "no job")
	plant(t, s, "jobs.home.01D", "no job either")
	must(t, s.SetAside(t.Context(), "home", "01D"))
	named, err := s.PayloadNames(t.Context())
	must(t, err)
	for name, want := range map[string]bool{
		"01A.1.aa": true, "01A.1.bb": false, "01B.0.aa": false, "01C.0.aa": true, "01D.0.aa": true, "01E.0.aa": false, "01E": false,
	} {
		if named(name) != want {
			t.Errorf("%s is named: %v", name, !want)
		}
	}
}
