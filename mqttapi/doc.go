// Package mqttapi is the contract between the bridge and everyone who publishes to it or reads from it, as pure functions
// and plain structs, and the one connection to the broker that carries it.
//
// E is <root>/<entry>, for example gphotos/home; an entry is one linked Google account. docs/mqtt-api.md is the same table
// for users, with an example of each.
//
//	topic                        retained  payload                      here
//	E/upload                     never     command: photos and videos   ParseUpload
//	E/request/<verb>             never     command: everything else     ParseRequest
//	E/upload/result              no        what became of an upload     Result
//	E/upload/progress            no        bytes of a running upload    Progress
//	E/response/<verb>            no        answer to a request          Response
//	E/availability               yes       online, offline              Online, Offline
//	E/state                      yes       link, queue, hold, totals    State
//	E/albums                     yes       the albums                   AlbumList
//	E/albums/<album id>          yes       the newest items of one      Listing
//	E/media                      yes       the newest items of all      Listing
//	E/image                      yes       the newest upload as JPEG    bytes
//	<root>/bridge/info           yes       version, settings, limits    Info
//	<root>/bridge/health         yes       connections and counters     Health
//	<root>/bridge/log            no        warnings and errors          LogLine
//	homeassistant/device/…       yes       Home Assistant discovery     Discovery
//
// # Rules
//
// Commands are QoS 1 and never retained, and every one of them is answered, also one that cannot be understood. What
// strangers write is read strictly: an unknown key, a key given twice, a wrong type and a value out of its limits are
// errors that name the key, because a typo must not be silently ignored. A command's transaction, any JSON value, comes
// back in every message about it; its id, a string, makes it idempotent.
//
// Errors are *Error: a Code for programs, and one sentence that a person can act on. The parsers return no other error,
// and never panic.
//
// Content inside a command is never copied: an Upload points into its payload, and its Data decodes base64 while it is
// read. A payload of 10 MB costs a parse, not 10 MB more.
//
// Nothing that is published is larger than a limit that the caller gives: lists are cut, oldest first, and say so in
// "truncated". JSON is written in UTF-8 with keys in snake_case, times in RFC 3339 and UTC, sizes in bytes, durations in
// seconds.
package mqttapi
