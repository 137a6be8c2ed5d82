package e2e_test

import (
	"io"

	"github.com/rogpeppe/go-internal/testscript"
)

// enter types a line into a program, as a person does in its terminal.
func (w *world) enter(ts *testscript.TestScript, args []string) {
	name, line := two(ts, args, "NAME", "LINE")
	_, err := io.WriteString(w.find(ts, name).stdin, line+"\n")
	ts.Check(err)
}
