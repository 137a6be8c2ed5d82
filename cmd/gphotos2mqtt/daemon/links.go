package daemon

import (
	"context"
	"net/http"
	"slices"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/auth/linkpage"
	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/task"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/cmd/gphotos2mqtt/config"
)

const inUseFor = 10 * time.Second // for reading the links of all other entries

// links are those of the entries that run here, and the pages on which they are made.
type links struct {
	process *process
	key     secret.Key
	store   *store.Store
	google  google
	known   func() []string // all entries, wherever they run
	here    wake.Members[*auth.Link]
}

// open opens the link of an entry, which must not be open already.
func (l *links) open(ctx context.Context, e config.Entry) (*auth.Link, error) {
	c := l.process.config
	settings := auth.Config{
		Entry: e.Name, ClientID: e.ClientID, ClientSecret: e.ClientSecret,
		AuthURL: c.GoogleAuthURL, TokenURL: c.GoogleTokenURL, RevokeURL: c.GoogleRevokeURL, UserInfoURL: c.GoogleUserInfoURL,
		RedirectURL: c.RedirectURL(), LinkURL: c.LinkURL, Base: l.google.transport(e.Name, l.process.log.WithField("entry", e.Name)),
		InUse: func(account string) bool { return l.inUse(e.Name, account) },
	}
	if !l.process.alone() {
		settings.Attempts = attempts{l.store}
	}
	return auth.Open(ctx, settings, l.key, l.store.Links())
}

// inUse reports whether another entry has the account, wherever that runs. What cannot be found out counts as in use.
func (l *links) inUse(name, account string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), inUseFor)
	defer cancel()
	here := map[string]bool{name: true}
	for _, link := range l.here.All() {
		if here[link.Entry()] = true; link.Entry() != name && link.State().Account.ID == account {
			return true
		}
	}
	return !l.process.alone() && slices.ContainsFunc(l.known(), func(entry string) bool {
		if here[entry] {
			return false
		}
		other, err := auth.LinkedAccount(ctx, l.key, l.store.Links(), entry)
		return err != nil || other == account
	})
}

// idle reports whether nobody is just linking an entry.
func (l *links) idle(entry string) bool {
	return !slices.ContainsFunc(l.here.All(), func(link *auth.Link) bool { return link.Entry() == entry && !link.State().Expires.IsZero() })
}

// pages are the tasks that serve the linking pages.
func (l *links) pages() (tasks []task.Task) {
	failed := func(entry string, err error) {
		l.process.log.WithField("entry", entry).WithError(err).WithField("op", "link").Warn("account was not linked in the browser")
	}
	serve := func(name, address string, pages http.Handler) {
		tasks = append(tasks, task.Task{Name: name, Run: func(ctx context.Context) error { return linkpage.Serve(ctx, address, pages) }})
	}
	pages := linkpage.Handler(l.here.All, failed)
	if !l.process.alone() {
		var answer func(context.Context, []byte) []byte
		pages, answer = linkpage.Shared(l.here.All, failed, l.ask)
		tasks = append(tasks, l.process.answering(subjectPages, answer))
	}
	serve("linking pages", l.process.config.HTTPListen, l.process.healthy(pages))
	if l.process.config.PanelListen != "" {
		serve("home assistant's panel", l.process.config.PanelListen, linkpage.Panel(l.here.All, linkpage.Supervisor, failed))
	}
	return tasks
}

// ask is a linkpage.Ask.
func (l *links) ask(ctx context.Context, visit []byte, found func(answer []byte) bool) bool {
	all, err := l.process.fleet.Ask(ctx, subjectPages, visit, func(_ string, answer []byte) bool { return found(answer) })
	if err != nil {
		l.process.log.WithError(err).WithField("op", "link").Warn("not all processes have answered a visitor of the linking pages")
	}
	return all && !l.moving()
}

// moving reports whether an entry runs in no process just now, as far as this one knows: then nobody can say that an address is unknown.
func (l *links) moving() bool {
	here := map[string]bool{}
	for _, link := range l.here.All() {
		here[link.Entry()] = true
	}
	return slices.ContainsFunc(l.known(), func(entry string) bool {
		holder := l.process.fleet.Holder(entry)
		return holder == "" || holder == l.process.id && !here[entry]
	})
}

// attempts keeps the sealed attempts to link an entry in its record "linking".
type attempts struct{ store *store.Store }

const attemptsRecord = "linking"

func (a attempts) Load(ctx context.Context, entry string) (sealed []byte, err error) {
	_, err = a.store.LoadState(ctx, entry, attemptsRecord, &sealed)
	return sealed, err
}

func (a attempts) Save(ctx context.Context, entry string, sealed []byte) error {
	return a.store.SaveState(ctx, entry, attemptsRecord, sealed)
}

func (a attempts) Delete(ctx context.Context, entry string) error {
	return a.store.DeleteState(ctx, entry, attemptsRecord)
}
