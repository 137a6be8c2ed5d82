package account

import (
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/auth/authtest"
	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

func TestQuotaBack(t *testing.T) {
	midnight := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct{ now, want time.Time }{
		"at noon":                  {midnight.Add(12 * time.Hour), midnight.Add(24 * time.Hour)},
		"right before midnight":    {midnight.Add(-time.Second), midnight},
		"our clock is ahead":       {midnight.Add(time.Second), midnight.Add(quotaLag)},
		"a day of 25 hours":        {time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)},
		"a day of 23 hours":        {time.Date(2027, 3, 14, 12, 0, 0, 0, time.UTC), time.Date(2027, 3, 15, 7, 0, 0, 0, time.UTC)},
		"the quarter hour is over": {midnight.Add(quotaLag), midnight.Add(24 * time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			if got := quotaBack(tc.now); !got.Equal(tc.want) {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
}

// account is one of an entry that was never linked, but for its hold by the link.
func (p *Project) account(t *testing.T, entry string, log *logrus.Entry) *Account {
	t.Helper()
	link, err := auth.Open(t.Context(), auth.Config{
		Entry: entry, ClientID: "c", ClientSecret: "s", RedirectURL: "http://localhost:8099/oauth/callback",
	}, secret.Key{1}, new(authtest.Vault))
	if err != nil {
		t.Fatal(err)
	}
	return New(Config{Topics: mqttapi.Topics{Root: "gphotos", Entry: entry}, Link: link, Project: p, Changed: func() {}, Log: log})
}

// What is wrong with a project holds all entries of its client id, and no others; what is wrong with an account holds that alone. Google's
// day is over for a project also after a restart, what a person may have set right by then is asked for again.
func TestHoldsOfAProject(t *testing.T) {
	silent, _ := logtest.NewNullLogger()
	log := logrus.NewEntry(silent)
	for kind, want := range map[photos.Kind][4]mqttapi.HoldReason{
		photos.DailyQuota:     {mqttapi.HoldQuotaDaily, mqttapi.HoldQuotaDaily, "", mqttapi.HoldQuotaDaily},
		photos.ProjectBlocked: {mqttapi.HoldAccessNotConfigured, mqttapi.HoldAccessNotConfigured, "", ""},
		photos.PhotosDisabled: {mqttapi.HoldAccessNotConfigured, "", "", ""},
		photos.StorageFull:    {mqttapi.HoldStorageFull, "", "", ""},
	} {
		s, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), Log: log})
		if err != nil {
			t.Fatal(err)
		}
		project := func(id string) *Project {
			p, err := OpenProject(t.Context(), s, id)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		shared := project("one")
		first := shared.account(t, "home", log)
		accounts := []*Account{first, shared.account(t, "garden", log), project("two").account(t, "office", log)}
		first.Apply(Decide(&photos.Error{Kind: kind}, Attempt{MaxAge: time.Hour}, wake.Wall(), 0))
		if err := shared.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
		for n, a := range append(accounts, project("one").account(t, "home", log)) {
			if h, _ := a.Held(); h == nil && want[n] != "" || h != nil && h.Reason != want[n] {
				t.Errorf("%v: account %d is held by %v, want %q", kind, n, h, want[n])
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
