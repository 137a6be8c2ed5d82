package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/net/html"
)

// A page is what the browser shows.
type page struct {
	address *url.URL
	text    string
}

// visit opens an address and follows where it leads.
func (e *env) visit(ts *testscript.TestScript, args []string) {
	if len(args) != 1 {
		ts.Fatalf("the argument is ADDRESS")
	}
	browser := &http.Client{Transport: &http.Transport{}}
	defer browser.CloseIdleConnections()
	resp, err := browser.Get(args[0])
	ts.Check(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	ts.Check(err)
	e.page = page{resp.Request.URL, string(text)}
	fmt.Fprintf(ts.Stdout(), "%s\n\n%s\n", resp.Status, text)
}

// consent fills in the form of Google's page as a person does, and presses a
// button. The browser stays where it is, so that the script can also be the person
// whose last page does not load.
func (e *env) consent(ts *testscript.TestScript, args []string) {
	form, err := readForm(e.page.text)
	ts.Check(err)
	values := url.Values{"account": {form.accounts[""]}, "scope": form.scopes, "decision": {"allow"}}
	for _, arg := range args {
		scope, without := strings.CutPrefix(arg, "without=")
		account, known := form.accounts[arg]
		switch {
		case without:
			values["scope"] = slices.DeleteFunc(values["scope"], func(s string) bool { return strings.HasSuffix(s, scope) })
		case known:
			values.Set("account", account)
		case arg == "deny":
			values.Set("decision", "deny")
		default:
			ts.Fatalf("the page has no account %s", arg)
		}
	}
	action, err := e.page.address.Parse(form.action)
	ts.Check(err)
	browser := &http.Client{
		Transport:     &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer browser.CloseIdleConnections()
	resp, err := browser.PostForm(action.String(), values)
	ts.Check(err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		ts.Fatalf("google answers %s", resp.Status)
	}
	ts.Setenv("ADDRESS", resp.Header.Get("Location"))
}

// link is the whole way from the command to the last page.
func (e *env) link(ts *testscript.TestScript, args []string) {
	if len(args) == 0 || len(args) > 2 {
		ts.Fatalf("the arguments are ENTRY [EMAIL]")
	}
	e.pub(ts, []string{args[0] + "/request/link", ""})
	e.expect(ts, []string{args[0] + "/response/link", "status=ok"})
	e.let(ts, []string{"ADDRESS", "data.url"})
	e.visit(ts, []string{ts.Getenv("ADDRESS")})
	e.consent(ts, args[1:])
	e.visit(ts, []string{ts.Getenv("ADDRESS")})
	e.retained(ts, []string{args[0] + "/state", "link.status=linked"})
}

// A form is the one on Google's page.
type form struct {
	action   string
	accounts map[string]string // e-mail address to value; "" is the chosen one
	scopes   []string          // ticked
}

func readForm(text string) (form, error) {
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		return form{}, err
	}
	f := form{accounts: map[string]string{}}
	for n := range root.Descendants() {
		switch {
		case n.Type == html.ElementNode && n.Data == "form":
			f.action = attribute(n, "action")
		case n.Type == html.ElementNode && n.Data == "input" && attribute(n, "name") == "scope":
			f.scopes = append(f.scopes, attribute(n, "value"))
		case n.Type == html.ElementNode && n.Data == "input" && attribute(n, "name") == "account":
			f.accounts[email(n.Parent)] = attribute(n, "value")
			if slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "checked" }) {
				f.accounts[""] = attribute(n, "value")
			}
		}
	}
	if f.action == "" {
		return f, errors.New("the browser shows no page with a form")
	}
	return f, nil
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// email is the text in a label that looks like an address.
func email(label *html.Node) string {
	for n := range label.Descendants() {
		if n.Type == html.TextNode && strings.Contains(n.Data, "@") {
			return n.Data
		}
	}
	return ""
}
