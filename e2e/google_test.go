package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"gphotos2mqtt/e2e/e2etest"
)

// sim changes something at the simulated Google.
func (e *env) sim(ts *testscript.TestScript, args []string) {
	if len(args) == 0 || len(args) > 2 {
		ts.Fatalf("the arguments are CONTROL [JSON]")
	}
	_, err := control(ts, http.MethodPost, args[0], strings.Join(args[1:], ""))
	ts.Check(err)
}

// library checks what Google holds now: an array of accounts.
func (e *env) library(ts *testscript.TestScript, args []string) {
	conds, err := parseConditions(args)
	ts.Check(err)
	holds, err := control(ts, http.MethodGet, "library", "")
	ts.Check(err)
	if !conds.hold(holds) {
		ts.Fatalf("google holds not %s, but %s", conds, holds)
	}
}

func (e *env) calls(ts *testscript.TestScript, args []string) {
	route, want := two(ts, args, "ROUTE", "N")
	r, err := routeStats(ts, route)
	ts.Check(err)
	if strconv.Itoa(r.Requests) != want {
		ts.Fatalf("google got %d calls of %s, want %s", r.Requests, route, want)
	}
}

func (e *env) busy(ts *testscript.TestScript, args []string) { e.await(ts, args, true) }

func (e *env) idle(ts *testscript.TestScript, args []string) { e.await(ts, args, false) }

func (e *env) await(ts *testscript.TestScript, args []string, busy bool) {
	if len(args) != 1 {
		ts.Fatalf("the argument is ROUTE")
	}
	e2etest.Until(e, "google to work on a call, or on none", func() bool {
		r, err := routeStats(ts, args[0])
		ts.Check(err)
		return r.Current > 0 == busy
	})
}

type route struct{ Requests, Current int }

func routeStats(ts *testscript.TestScript, name string) (route, error) {
	text, err := control(ts, http.MethodGet, "stats", "")
	if err != nil {
		return route{}, err
	}
	var stats struct{ Routes map[string]route }
	err = json.Unmarshal(text, &stats)
	return stats.Routes[name], err
}

// control uses the simulator's own API.
func control(ts *testscript.TestScript, method, name, body string) ([]byte, error) {
	req, err := http.NewRequest(method, ts.Getenv("SIM")+"/_sim/"+name, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	return answer(req)
}

func answer(req *http.Request) ([]byte, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s %s", req.Method, req.URL.Path, resp.Status, text)
	}
	return text, err
}
