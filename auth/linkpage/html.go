package linkpage

import (
	"fmt"
	"html"
	"strings"
)

// html is the page. Every value stands between tags or within double quotes, and is escaped for both; html/template, which knows more places,
// would keep every exported method of the whole program in it, megabytes of them.
func (p page) html() string {
	var b strings.Builder
	put := func(format string, values ...string) {
		var escaped []any
		for _, v := range values {
			escaped = append(escaped, html.EscapeString(v))
		}
		fmt.Fprintf(&b, format, escaped...)
	}
	list := func(tag string, lines []string) {
		if len(lines) > 0 {
			b.WriteString("<" + tag + ">\n")
			for _, line := range lines {
				put("<li>%s</li>\n", line)
			}
			b.WriteString("</" + tag + ">\n")
		}
	}
	put("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"+
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"+
		"<meta name=\"robots\" content=\"noindex\">\n<title>%s</title>\n", p.Title)
	b.WriteString("<style>" + pageCSS + "</style>\n</head>\n<body>\n")
	b.WriteString(map[bool]string{true: "<main class=\"good\">\n", false: "<main>\n"}[p.Good])
	put("<h1>%s</h1>\n", p.Title)
	for _, text := range p.Text {
		put("<p>%s</p>\n", text)
	}
	if len(p.Off) > 0 {
		b.WriteString("<p>These boxes were left unticked at Google, so these features are off:</p>\n")
		list("ul", p.Off)
	}
	list("ol", p.Steps)
	if p.Next != "" {
		put("<p>%s</p>\n", p.Next)
	}
	if p.Go != "" {
		put("<a class=\"go\" href=\"%s\" target=\"_blank\" rel=\"noopener noreferrer\">Continue to Google</a>\n", p.Go)
	}
	for _, entry := range p.Begin {
		put("<form method=\"post\" action=\"begin\">\n<input type=\"hidden\" name=\"entry\" value=\"%s\">\n"+
			"<button>Link entry %s</button>\n</form>\n", entry, entry)
	}
	if p.Form {
		b.WriteString("<form method=\"post\" action=\"../link/finish\">\n<label for=\"address\">Paste the address your browser ended on</label>\n" +
			"<input id=\"address\" name=\"address\" inputmode=\"url\" autocomplete=\"off\" autocapitalize=\"off\" spellcheck=\"false\" required>\n" +
			"<button>Finish linking</button>\n</form>\n")
	}
	b.WriteString("</main>\n<footer>gphotos2mqtt")
	if p.Entry != "" {
		put(" · entry %s", p.Entry)
	}
	b.WriteString("</footer>\n</body>\n</html>\n")
	return b.String()
}
