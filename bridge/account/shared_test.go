package account

import (
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

// sharers are processes that have a project together, by one store.
func sharers(t *testing.T, n int) (projects []*Project, accounts []*Account) {
	t.Helper()
	silent, _ := logtest.NewNullLogger()
	s, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), Log: logrus.NewEntry(silent)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for i := range n {
		p, err := OpenProject(t.Context(), s, "one")
		if err != nil {
			t.Fatal(err)
		}
		p.Share(func(state []byte) {
			for j, other := range projects {
				if j != i {
					other.Learn(state)
				}
			}
		})
		projects, accounts = append(projects, p), append(accounts, p.account(t, "home", logrus.NewEntry(silent)))
	}
	return projects, accounts
}

// Three processes count the day of one client id together, whoever saves when.
func TestSharedCount(t *testing.T) {
	projects, _ := sharers(t, 3)
	var counting sync.WaitGroup
	for _, p := range projects {
		counting.Go(func() {
			for i := range 100 {
				p.Count()
				if i%7 == 0 {
					if err := p.Close(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
			if err := p.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	counting.Wait()
	for i, p := range projects {
		if made, _ := p.Requests(); made != 300 {
			t.Errorf("process %d knows of %d requests", i, made)
		}
	}
	again, err := OpenProject(t.Context(), projects[0].store, "one")
	if err != nil {
		t.Fatal(err)
	}
	if made, _ := again.Requests(); made != 300 {
		t.Errorf("the store knows of %d requests", made)
	}
}

// It is saved once a second at most, and a hold at once. What Google has said to one process holds all, until a person asks again in any.
func TestSharedHold(t *testing.T) {
	projects, accounts := sharers(t, 2)
	save := func(p *Project) {
		t.Helper()
		if err := p.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	projects[0].Count()
	save(projects[0])
	projects[0].Count()
	save(projects[0])
	if made, _ := projects[1].Requests(); made != 1 {
		t.Errorf("%d requests are known, want 1 for now", made)
	}
	accounts[0].Apply(Decide(&photos.Error{Kind: photos.DailyQuota}, Attempt{MaxAge: time.Hour}, wake.Wall(), 0))
	save(projects[0])
	if made, _ := projects[1].Requests(); made != 2 {
		t.Errorf("%d requests are known, want 2", made)
	}
	if h, _ := accounts[1].Held(); h == nil || h.Reason != mqttapi.HoldQuotaDaily {
		t.Errorf("the other process is held by %v", h)
	}
	accounts[1].AskAgain()
	save(projects[1])
	for i, a := range accounts {
		if h, _ := a.Held(); h != nil && h.Reason == mqttapi.HoldQuotaDaily {
			t.Errorf("process %d is still held by %v", i, h)
		}
	}
	projects[1].Count()
	projects[0].Learn([]byte(`{"day": "1999-01-01", "requests": 9000}`)) // of a clock that is wrong, or another day
	projects[0].Learn([]byte(`{`))
	if made, _ := projects[0].Requests(); made != 2 {
		t.Errorf("%d requests are known, want 2", made)
	}
	if err := projects[1].Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if made, _ := projects[0].Requests(); made != 3 {
		t.Errorf("%d requests are known, want 3", made)
	}
}
