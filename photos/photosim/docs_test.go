package photosim

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestDocumented holds docs/photosim.md to the names that a fault and a control request can have.
func TestDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/photosim.md")
	if err != nil {
		t.Fatal(err)
	}
	names := slices.Collect(maps.Keys(FaultErrors))
	for _, f := range forms {
		names = append(names, string(f))
	}
	for _, m := range modes {
		names = append(names, string(m))
	}
	for _, e := range accountRoutes {
		names = append(names, e.name)
	}
	for _, n := range names {
		if !strings.Contains(string(page), "`"+n+"`") {
			t.Errorf("docs/photosim.md does not name %s", n)
		}
	}
	for request := range controls {
		if method, name, _ := strings.Cut(request, " "); !strings.Contains(string(page), "`"+method+" /_sim/"+name+"`") {
			t.Errorf("docs/photosim.md does not tell what %s does", request)
		}
	}
}
