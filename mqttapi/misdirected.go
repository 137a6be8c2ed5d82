package mqttapi

import (
	"slices"
	"strings"
)

// Misdirections are the subscriptions that receive every command for an entry that does not exist, and what was meant to be a command but
// went to a topic with a typing error. No two of them match one topic, so that no broker delivers twice, and none the listings of albums.
func Misdirections(root string) []string {
	below := []string{"+", "+/+", "+/upload/+", "+/request/+/#", "+/Request/+/#", "+/REQUEST/+/#", "+/requests/+/#", "request/+/+/#"}
	filters := []string{"/" + root + "/+/upload", "/" + root + "/+/request/#"}
	for _, filter := range below {
		filters = append(filters, root+"/"+filter)
	}
	return filters
}

// BridgeRequests is the one of Misdirections that receives the requests to the bridge as a whole.
func BridgeRequests(root string) string { return root + "/+/request/+/#" }

// Misdirected says why a message on a topic reaches none of the entries though it was meant to, and on which topic to answer it; verb is
// VerbUpload for one that is answered with a Result. why is nil for all else: commands of the entries, and what the bridge itself publishes.
func Misdirected(root, topic string, entries []string) (answer string, verb Verb, why *Error) {
	rest, below := strings.CutPrefix(topic, root+"/")
	slash := false
	if !below {
		rest, slash = strings.CutPrefix(topic, "/"+root+"/")
	}
	if !below && !slash {
		return "", "", nil
	}
	entry, command, _ := strings.Cut(rest, "/")
	kind, name, _ := strings.Cut(command, "/")
	upload, request := isMeant(kind, VerbUpload) || command == "request/upload", isMeant(kind, "request")
	t, known := Topics{Root: root, Entry: entry}, slices.Contains(entries, entry) || entry == bridge && request && !upload
	right := command == string(VerbUpload) || kind == "request"
	entryless := !known && (isMeant(entry, VerbUpload) || isMeant(entry, "request"))
	switch {
	case published(kind, name, entryless), known && right && !slash:
		return "", "", nil
	case !known && (upload || request):
		why = NewError(CodeUnknownEntry)
	case entryless:
		return withoutEntry(root, entry, command, entries)
	case !known:
		return "", "", nil
	case upload || command == "":
		upload = true
		why = Errorf(CodeUnknownCommand, "There is no command on %q: publish uploads to %s.", clip(topic), t.Upload())
	case request:
		meant := t.Request(Verb(strings.ToLower(name)))
		why = Errorf(CodeUnknownCommand, "There is no command on %q: publish this request to %s.", clip(topic), meant)
	default:
		name = command
		why = Errorf(CodeUnknownCommand, "There is no command on %q: publish uploads to %s, requests to %s.", clip(topic), t.Upload(), t.Request("…"))
	}
	if upload {
		return t.UploadResult(), VerbUpload, why
	}
	return t.Response(Verb(name)), Verb(name), why
}

// withoutEntry is for topics whose first level below the root is that of a command. Where an entry has the name of the answer's first level,
// there is no topic to answer on.
func withoutEntry(root, kind, rest string, entries []string) (answer string, verb Verb, why *Error) {
	t := Topics{Root: root, Entry: "<entry>"}
	if len(entries) > 0 {
		t.Entry = entries[0]
	}
	switch upload := isMeant(kind, VerbUpload); {
	case upload && (rest == "result" || slices.Contains(entries, "upload")), !upload && slices.Contains(entries, "response"):
		return "", "", nil
	case upload:
		return root + "/upload/result", VerbUpload, Errorf(CodeUnknownEntry, "The topic names no entry: publish to %s.", t.Upload())
	}
	if bridgeVerbs[Verb(rest)] != nil {
		t.Entry = bridge
	}
	why = Errorf(CodeUnknownEntry, "The topic names no entry: publish to %s.", t.Request(Verb(rest)))
	return strings.TrimSuffix(root+"/response/"+rest, "/"), Verb(rest), why
}

// isMeant reports whether a level of a topic is a word of the contract, but for its case, a plural, and space around it.
func isMeant(level string, word Verb) bool {
	level = strings.TrimSpace(level)
	return strings.EqualFold(level, string(word)) || strings.EqualFold(level, string(word)+"s")
}

// published reports whether the bridge itself publishes there, below an entry; or where there is none, below the word of a command.
func published(kind, name string, entryless bool) bool {
	switch kind {
	case "availability", "state", "media", "image", "albums":
		return !entryless
	case "response":
		return true
	}
	return kind == string(VerbUpload) && (name == "result" || name == "progress")
}
