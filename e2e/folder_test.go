package e2e_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"gphotos2mqtt/e2e/e2etest"
)

// folder waits until a folder holds exactly the entries, hidden ones too, that the expressions match, one each, in their order.
func (e *env) folder(ts *testscript.TestScript, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: folder DIR [REGEXP...]")
	}
	var wanted []*regexp.Regexp
	for _, expression := range args[1:] {
		re, err := regexp.Compile("^(?:" + expression + ")$")
		ts.Check(err)
		wanted = append(wanted, re)
	}
	last := ""
	e2etest.Until(e, "the folder "+args[0]+" to hold "+strings.Join(args[1:], ", "), func() bool {
		entries, _ := os.ReadDir(ts.MkAbs(args[0])) // one that is not there yet holds nothing
		if now := fmt.Sprint(entries); now != last {
			last = now
			ts.Logf("%s holds %s", args[0], now)
		}
		return slices.EqualFunc(wanted, entries, func(re *regexp.Regexp, entry os.DirEntry) bool { return re.MatchString(entry.Name()) })
	})
}
