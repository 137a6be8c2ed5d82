package photos

import (
	"cmp"
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxRefusal = 64 << 10       // bytes of an error's body that are read
	maxMessage = 300            // characters of Google's sentence that are kept
	maxWait    = 24 * time.Hour // longest wait that is believed; the longest real one ends at midnight Pacific
)

// An answer is what a refusal says, in whatever form it came.
type answer struct {
	status  int    // of HTTP; 0 for a body alone
	code    int    // what the body says, as one of HTTP or of google.rpc
	upload  string // X-Goog-Upload-Status
	api     bool   // it came in the API's own form, so no proxy or front end made it up
	page    bool   // it is HTML, which the API never sends
	reason  string // Google's name of the status
	reasons []string
	quotas  []string // names of the quota, of its limit first
	project string   // the consumer, as Google calls the project that asks
	message string   // for people
	said    string   // all of it for judgeWords, uncut and in lower case
	wait    time.Duration
}

// envelope is the form in which the API refuses, below "error" or at the top level; it is google.rpc.Status too, as it stands in results of
// a batch and in place of an upload token. Of its details ErrorInfo, QuotaFailure and RetryInfo are read.
// Source: https://cloud.google.com/apis/design/errors#http_mapping,
// https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto
type envelope struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Status  string `json:"status"`
	Errors  []struct {
		Reason string `json:"reason"`
	} `json:"errors"`
	Details []detail `json:"details"`
}

type detail struct {
	Reason     string            `json:"reason"`
	Metadata   map[string]string `json:"metadata"`
	Violations []struct {
		ID          string `json:"quotaId"`
		Metric      string `json:"quotaMetric"`
		Description string `json:"description"`
	} `json:"violations"`
	RetryDelay string `json:"retryDelay"`
}

// parseAnswer reads the body of a refusal, of which nothing is relied upon, its type least of all.
func parseAnswer(body []byte, contentType string) answer {
	text := strings.TrimSpace(strings.TrimPrefix(string(body), "\ufeff"))
	if object := unwrapped(strings.TrimPrefix(text, ")]}'")); strings.HasPrefix(object, "{") { // a guard against scripts
		if a, ok := parseObject(object); ok {
			return a
		}
	}
	switch {
	case strings.HasPrefix(contentType, "image/"), strings.HasPrefix(contentType, "video/"), !utf8.ValidString(text):
		return answer{}
	case strings.HasPrefix(text, "<"), strings.HasPrefix(contentType, "text/html"):
		title := titleTag.FindStringSubmatch(text)[1]
		return answer{page: true, message: plain(html.UnescapeString(title)), said: said(html.UnescapeString(anyTag.ReplaceAllString(text, " ")))}
	default:
		return answer{message: plain(text), said: said(text)}
	}
}

var (
	titleTag = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>|\z`)
	anyTag   = regexp.MustCompile(`<[^>]*>`)
)

// unwrapped takes away the lists in which streaming front ends wrap an answer.
func unwrapped(text string) string { return strings.TrimLeft(text, "[ \t\r\n") }

// parseObject reads the first JSON object of a text; false when it is no refusal.
func parseObject(text string) (answer, bool) {
	var refusal struct {
		envelope
		Error       json.RawMessage `json:"error"`
		Description string          `json:"error_description"`
	}
	var inner envelope
	var word string
	switch whole := readLoosely(text, &refusal); {
	case !whole:
		return scrape(text)
	case readLoosely(unwrapped(string(refusal.Error)), &inner):
		return inner.answer(), true
	case json.Unmarshal(refusal.Error, &word) == nil && word != "":
		return answer{
			reason: plain(word), reasons: []string{word}, message: plain(refusal.Description), said: said(refusal.Description),
		}, true
	case refusal.Code != 0:
		return refusal.envelope.answer(), true
	case refusal.Message != "": // somebody else's form
		return answer{message: plain(refusal.Message), said: said(refusal.Message)}, true
	}
	return answer{}, false
}

// readLoosely reads the JSON object at the beginning of a text into v and passes over fields of another type than expected.
func readLoosely(text string, v any) bool {
	err := json.NewDecoder(strings.NewReader(text)).Decode(v)
	_, mistyped := errors.AsType[*json.UnmarshalTypeError](err)
	return strings.HasPrefix(text, "{") && (err == nil || mistyped)
}

var (
	refusalStart = regexp.MustCompile(`^\{\s*"(?:error|code|message|status)"\s*:`)
	refusalField = regexp.MustCompile(`"(code|message|status|reason|quota_[a-z]+|consumer)"\s*:\s*(\d+|"(?:[^"\\]|\\.)*)`)
)

// scrape picks the fields out of a refusal that is no JSON: it was cut off, or lacks a brace, as one recorded answer of Google's does.
func scrape(text string) (answer, bool) {
	if !refusalStart.MatchString(text) {
		return answer{}, false
	}
	var e envelope
	metadata := map[string]string{}
	for _, field := range refusalField.FindAllStringSubmatch(text, -1) {
		value := field[2]
		if quoted, ok := strings.CutPrefix(value, `"`); ok && json.Unmarshal([]byte(value+`"`), &value) != nil {
			value = quoted
		}
		switch name := field[1]; name {
		case "code":
			if n, err := strconv.Atoi(value); err == nil {
				e.Code = cmp.Or(e.Code, n)
			}
		case "message":
			e.Message = cmp.Or(e.Message, value)
		case "status":
			e.Status = cmp.Or(e.Status, value)
		case "reason":
			e.Details = append(e.Details, detail{Reason: value})
		default:
			metadata[name] = value
		}
	}
	e.Details = append(e.Details, detail{Metadata: metadata})
	return e.answer(), true
}

func (e envelope) answer() answer {
	a := answer{api: true, code: e.Code, reason: plain(e.Status), message: plain(e.Message), said: said(e.Message)}
	if a.reason == "" && e.Code > 0 && e.Code < len(codes) {
		a.reason = codes[e.Code]
	}
	for _, one := range e.Errors {
		a.reasons = append(a.reasons, one.Reason)
	}
	for _, d := range e.Details {
		a.reasons = append(a.reasons, d.Reason)
		a.quotas = append(a.quotas, d.Metadata["quota_limit"], d.Metadata["quota_unit"], d.Metadata["quota_metric"])
		for _, v := range d.Violations {
			a.quotas = append(a.quotas, v.ID, v.Description, v.Metric)
		}
		if wait, err := time.ParseDuration(d.RetryDelay); err == nil {
			a.wait = min(max(wait, 0), maxWait)
		}
		a.project = cmp.Or(a.project, strings.ToLower(d.Metadata["consumer"]))
	}
	return a
}

// link is an address in a sentence.
var link = regexp.MustCompile(`(?i)[a-z][a-z0-9+.-]*://[^\s"'<>()]*`)

// plain makes one printable line of at most 300 characters out of what a stranger wrote. People read it in documents that stay, so that of
// links only those to Google's help are left.
func plain(text string) string {
	words := strings.FieldsFunc(strings.ToValidUTF8(text, ""), func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) })
	return link.ReplaceAllStringFunc(shorten(strings.Join(words, " "), maxMessage), func(address string) string {
		if googles(address, helpHosts) {
			return address
		}
		return "…"
	})
}

// said is a text for comparison.
func said(text string) string { return strings.ToLower(strings.Join(strings.Fields(text), " ")) }

// shorten keeps the first n characters of text, the last of them an ellipsis when some are left out.
func shorten(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}

// retryAfter reads seconds or a date; what is neither, or has passed, is no wait. https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(maxWait/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), maxWait)
	}
	return 0
}
