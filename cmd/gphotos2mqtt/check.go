package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/cmd/gphotos2mqtt/config"
	"gphotos2mqtt/cmd/gphotos2mqtt/daemon"
	"gphotos2mqtt/mqttapi"
)

// A check tries what the bridge needs, one after another, and prints a line for each: what is well, or what is wrong and what to do.
// It works beside a bridge that runs, and needs none.
type check struct {
	config  config.Config
	out     io.Writer
	online  bool // a bridge serves the first entry
	failed  int
	offline bool // Google was not reached
}

const (
	lineOK, lineNote, lineBad = "ok  ", "note", "BAD "

	rightsWait = 3 * time.Second // for the broker to pass on what it was given, which takes milliseconds
)

func runCheck(ctx context.Context, c call) error {
	settings, warnings, err := config.Read(c.environ)
	k := &check{config: settings, out: c.stdout}
	k.settings(warnings, err)
	_, wrong := config.ReadClient(c.environ)
	if wrong == nil {
		k.broker(ctx)
	}
	if len(settings.Cluster.Servers) > 0 {
		k.cluster(ctx)
	} else if settings.DataDir != "" {
		k.dataFolder()
	}
	k.mediaFolders(ctx)
	if err == nil {
		k.pages(ctx)
	}
	k.google(ctx)
	if err == nil && !k.offline {
		k.clients(ctx)
	}
	switch {
	case k.failed == 0:
		fmt.Fprintln(k.out, "\nAll is well.")
		return nil
	case err != nil:
		return usageError{errors.New("some settings must change, see above")}
	}
	return fmt.Errorf("%d of these need you, see above", k.failed)
}

func (k *check) say(how, what, format string, args ...any) {
	if how == lineBad {
		k.failed++
	}
	fmt.Fprintf(k.out, "%s  %-13s %s\n", how, what, fmt.Sprintf(format, args...))
}

func (k *check) settings(warnings []string, err error) {
	for _, w := range warnings {
		k.say(lineNote, "settings", "%s", w)
	}
	if err == nil {
		if len(k.config.Entries) == 0 {
			k.say(lineOK, "settings", "complete, for entries that are added at run time")
			return
		}
		k.say(lineOK, "settings", "complete, for %s %s", plural(len(k.config.Entries), "entry", "entries"),
			strings.Join(k.config.EntryNames, ", "))
		return
	}
	for line := range strings.Lines(err.Error()) {
		k.say(lineBad, "settings", "%s", strings.TrimSpace(line))
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// broker connects as the bridge would, sees whether what it publishes comes back, and what a running bridge says of itself.
func (k *check) broker(ctx context.Context) {
	c := k.config
	var topics []mqttapi.Topics
	all := mqttapi.Topics{Root: c.Topic, Entry: "+"}
	filters := []string{all.Availability(), all.State(), all.Bridge("info")}
	for _, e := range c.Entries {
		t := mqttapi.Topics{Root: c.Topic, Entry: e.Name}
		topics = append(topics, t)
		// RabbitMQ gives what is retained to filters without wildcards alone.
		filters = append(filters, t.Response("check"), t.Availability(), t.State())
	}
	client, err := dial(ctx, c, "check", filters...)
	switch {
	case err != nil && c.MQTTURL == "":
		k.say(lineNote, "broker", "the bridge brings its own, on %s, and does not run now; to use yours set %sMQTT_URL", c.MQTTListen, config.Prefix)
		return
	case err != nil:
		k.say(lineBad, "broker", "%v; set %[2]sMQTT_URL, %[2]sMQTT_USER and %[2]sMQTT_PASSWORD to what your broker takes", err, config.Prefix)
		return
	}
	defer client.close()
	if why := client.conn.Diagnose(ctx, c.Topic+"/check"); why != "" {
		k.say(lineBad, "broker", "%s", why)
		return
	}
	k.say(lineOK, "broker", "%s lets us in", c.BrokerURL())
	mark := rand.Text()
	for _, t := range topics {
		// To a topic on which only answers go out, so that no command comes of it. The built-in broker and others retain nothing.
		if err := client.publish(ctx, t.Response("check"), []byte(mark)); err != nil {
			k.say(lineBad, "rights", "%v", err)
			return
		}
	}
	k.rights(ctx, client, topics, mark)
}

func (k *check) rights(ctx context.Context, client *client, topics []mqttapi.Topics, mark string) {
	ctx, cancel := context.WithTimeout(ctx, rightsWait)
	defer cancel()
	back, said := map[string]bool{}, map[string]string{}
	states := map[string]mqttapi.State{}
	var info mqttapi.Info
	unsaid := func(entry string) bool { return said[entry] == "" }
	for len(back) < len(topics) || len(topics) == 0 && info.Entries == nil || slices.ContainsFunc(info.Entries, unsaid) {
		m, err := client.next(ctx)
		if err != nil {
			break
		}
		entry, kind, _ := strings.Cut(strings.TrimPrefix(m.Topic, k.config.Topic+"/"), "/")
		var s mqttapi.State
		switch {
		case kind == "response/check":
			back[entry] = back[entry] || string(m.Payload) == mark
		case kind == "availability":
			said[entry] = string(m.Payload)
		case kind == "state" && json.Unmarshal(m.Payload, &s) == nil:
			states[entry] = s
		case kind == "info":
			_ = json.Unmarshal(m.Payload, &info) // of another version it may say less
		}
	}
	for i, t := range topics {
		own := k.config.Topic + "/" + t.Entry + "/#"
		if !back[t.Entry] {
			k.say(lineBad, "rights", "the broker does not pass on what is published below %s: let the user %q read and write it, see "+
				"examples/compose/mosquitto/acl", own, k.config.MQTTUser)
			continue
		}
		k.say(lineOK, "rights", "what is published below %s comes back", own)
		online := said[t.Entry] == mqttapi.Online
		k.online = k.online || i == 0 && online
		k.entry(t.Entry, online, states[t.Entry])
	}
	for _, added := range info.Entries {
		if !slices.ContainsFunc(topics, func(t mqttapi.Topics) bool { return t.Entry == added }) {
			online := said[added] == mqttapi.Online
			k.online = k.online || online
			k.entry(added, online, states[added])
		}
	}
}

// entry tells what a bridge that runs says: what only Google's answers to a linked account show is in there.
func (k *check) entry(name string, online bool, s mqttapi.State) {
	what := "entry " + name
	switch {
	case !online:
		k.say(lineNote, what, "no bridge serves it now; start gphotos2mqtt, then: gphotos2mqtt link %s", name)
	case s.Link.Status != mqttapi.LinkLinked || s.Link.Account == nil:
		k.say(lineBad, what, "%s", strings.TrimSpace("it is not linked to a Google account: gphotos2mqtt link "+name+". "+s.Link.Problem))
	case s.Problem != "":
		k.say(lineBad, what, "%s", s.Problem)
	case s.Hold != nil:
		k.say(lineBad, what, "uploads wait: %s", s.Hold.Message)
	case len(s.Link.MissingScopes) > 0:
		k.say(lineBad, what, "boxes were left unticked, so what needs %s is off: link again and tick every box",
			strings.Join(s.Link.MissingScopes, " "))
	default:
		k.say(lineOK, what, "online and linked to the account of %s", s.Link.Account.Email)
	}
}

func (k *check) dataFolder() {
	dir := k.config.DataDir
	advice := daemon.WriteAdvice(dir)
	err := os.MkdirAll(dir, 0o700) // as the first start does
	if err == nil {
		err = writable(dir)
	}
	if err != nil {
		k.say(lineBad, "data folder", "%v; %s", err, advice)
		return
	}
	if _, err := os.ReadFile(filepath.Join(dir, daemon.KeyFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		k.say(lineBad, "data folder", "%v; %s", err, advice)
		return
	}
	k.say(lineOK, "data folder", "%s is writable", dir)
}

func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".check-")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4096))
	return errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
}

func (k *check) mediaFolders(ctx context.Context) {
	if len(k.config.MediaDirs) == 0 {
		k.say(lineNote, "media folders", "none: only uploads whose bytes are in the message; to upload by path set %sMEDIA_DIRS", config.Prefix)
	}
	folders, err := media.Open(ctx, k.config.MediaDirs)
	if err != nil {
		k.say(lineBad, "media folders", "%v", err)
		return
	}
	for _, dir := range k.config.MediaDirs {
		if silent, _ := folders.Silent(dir); silent { // opening it would never end
			k.say(lineBad, "media folder", "%s does not answer within 2 s: check the share or the disk", dir)
			continue
		}
		f, err := os.Open(dir)
		if err == nil {
			_, err = f.Readdirnames(1)
			err = errors.Join(slices.DeleteFunc([]error{err, f.Close()}, func(e error) bool { return errors.Is(e, io.EOF) })...)
		}
		if err != nil {
			k.say(lineBad, "media folder", "%v; let the bridge's user read it, or mount it, or leave it out of %sMEDIA_DIRS", err, config.Prefix)
			continue
		}
		k.say(lineOK, "media folder", "%s can be read", dir)
	}
}

// pages tries the address of the linking pages, unless a bridge that runs has it.
func (k *check) pages(ctx context.Context) {
	if k.online {
		return
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", k.config.HTTPListen)
	if err != nil {
		k.say(lineBad, "linking pages", "%v; end what listens there, or set %sHTTP_LISTEN to another address", err, config.Prefix)
		return
	}
	k.say(lineOK, "linking pages", "%s is free; Google's console has to have %s as a redirect address", k.config.HTTPListen, k.config.RedirectURL())
	_ = l.Close() // nothing was accepted
}
