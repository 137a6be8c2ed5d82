package photos

import (
	"encoding/json"
	"errors"
	"html"
	"io"
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

// answer is what a refusal says, before it is judged.
type answer struct {
	status  int
	upload  string   // X-Goog-Upload-Status
	api     bool     // it came in the API's own form, so no proxy or front end made it up
	reason  string   // Google's name of the status
	reasons []string // finer reasons
	quotas  []string // names of the quota, quota_limit first
	message string
	wait    time.Duration
}

// readAnswer reads a refusal in whatever form it comes: the API's envelope, flat OAuth JSON, HTML, text, a picture.
func readAnswer(resp *http.Response) answer {
	// What could be read before a cut is enough: the status alone can be judged.
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	a := parseAnswer(body, resp.Header.Get("Content-Type"))
	a.status = resp.StatusCode
	a.upload = resp.Header.Get(headerStatus)
	if wait := retryAfter(resp.Header.Get("Retry-After"), time.Now()); wait > 0 {
		a.wait = wait
	}
	return a
}

// rpcStatus is google.rpc.Status, as it stands in results of a batch and sometimes in place of an upload token.
type rpcStatus struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// envelope is the form in which the API refuses.
// Source: https://cloud.google.com/apis/design/errors#http_mapping
type envelope struct {
	rpcStatus
	Status string `json:"status"`
	Errors []struct {
		Reason string `json:"reason"`
	} `json:"errors"`
	Details []detail `json:"details"`
}

// detail is one of google.rpc's ErrorInfo and RetryInfo; others are left unread.
// Source: https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto
type detail struct {
	Reason     string            `json:"reason"`
	Metadata   map[string]string `json:"metadata"`
	RetryDelay string            `json:"retryDelay"`
}

// parseAnswer reads the body of a refusal. Nothing in it is relied upon.
func parseAnswer(body []byte, contentType string) answer {
	var refusal struct {
		Error       json.RawMessage `json:"error"`
		Description string          `json:"error_description"`
	}
	var e envelope
	var word string
	switch text := strings.TrimSpace(string(body)); {
	case readLoosely(unlisted(text), &refusal) && readLoosely(refusal.Error, &e):
		return e.answer()
	case json.Unmarshal(refusal.Error, &word) == nil:
		return answer{reason: plain(word), reasons: []string{word}, message: plain(refusal.Description)}
	case strings.HasPrefix(contentType, "image/"), strings.HasPrefix(contentType, "video/"), !utf8.ValidString(text):
		return answer{}
	case strings.HasPrefix(text, "<"), strings.HasPrefix(contentType, "text/html"):
		return answer{message: plain(html.UnescapeString(pageTitle(text)))}
	default:
		return answer{message: plain(text)}
	}
}

// readLoosely reads a JSON object into v and passes over fields of another type than expected.
func readLoosely(text []byte, v any) bool {
	if len(text) == 0 || text[0] != '{' {
		return false
	}
	err := json.Unmarshal(text, v)
	_, mistyped := errors.AsType[*json.UnmarshalTypeError](err)
	return err == nil || mistyped
}

// unlisted takes the envelope out of the list in which streaming front ends wrap it.
func unlisted(text string) []byte {
	if list, ok := strings.CutPrefix(text, "["); ok {
		text = strings.TrimSpace(strings.TrimSuffix(list, "]"))
	}
	return []byte(text)
}

func (e envelope) answer() answer {
	a := answer{api: true, status: e.Code, reason: plain(e.Status), message: plain(e.Message)}
	for _, one := range e.Errors {
		a.reasons = append(a.reasons, one.Reason)
	}
	for _, d := range e.Details {
		if d.Reason != "" {
			a.reasons = append(a.reasons, d.Reason)
		}
		for _, name := range []string{"quota_limit", "quota_metric"} {
			if d.Metadata[name] != "" {
				a.quotas = append(a.quotas, d.Metadata[name])
			}
		}
		if wait, err := time.ParseDuration(d.RetryDelay); err == nil {
			a.wait = min(max(wait, 0), maxWait)
		}
	}
	return a
}

var titleTag = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

// pageTitle is what is worth keeping of an HTML page.
func pageTitle(page string) string {
	if found := titleTag.FindStringSubmatch(page); found != nil {
		return found[1]
	}
	return ""
}

// plain makes one printable line of at most 300 characters out of what a stranger wrote.
func plain(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || !unicode.IsPrint(r)
	})
	return shorten(strings.Join(words, " "), maxMessage)
}

// shorten keeps the first n characters of text, the last of them an ellipsis when some are left out.
func shorten(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}

// retryAfter reads seconds or a date; what is neither, or has passed, is no wait.
// Source: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
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
