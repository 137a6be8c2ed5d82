package mirror

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{
		"Front door":               "Front door",
		"Über 50 Café ☀":           "Über 50 Café ☀",
		"a/b\\c:d*e?f\"g<h>i|j":    "a_b_c_d_e_f_g_h_i_j",
		"../../etc":                "_.._etc",
		"..":                       "otherwise",
		" . ":                      "otherwise",
		"":                         "otherwise",
		".hidden":                  "hidden",
		"line\nbreak\x00":          "line_break_",
		"\xff\xfe":                 "_",
		strings.Repeat("ä", 200):   strings.Repeat("ä", 60),
		strings.Repeat("x. ", 100): strings.TrimRight(strings.Repeat("x. ", 40), ". "),
	} {
		if got := clean(title, "otherwise"); got != want {
			t.Errorf("%q becomes %q, want %q", title, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, title := range []string{"Front door", "../x", "\xff", strings.Repeat("ä.", 100)} {
		f.Add(title)
	}
	f.Fuzz(func(t *testing.T, title string) {
		got := clean(title, "Album")
		if got == "" || len(got) > longestName || !utf8.ValidString(got) || strings.ContainsAny(got, "/\\\x00") || strings.HasPrefix(got, ".") {
			t.Errorf("%q becomes %q", title, got)
		}
	})
}
