package wake

import (
	"slices"
	"sync"
	"testing"
)

func TestMembers(t *testing.T) {
	t.Parallel()
	var members Members[string]
	first, second := members.Join("home"), members.Join("home")
	members.Join("garden")
	all := members.All()
	first()
	first() // once more takes nobody else out
	if got := members.All(); !slices.Equal(got, []string{"home", "garden"}) || len(all) != 3 {
		t.Errorf("%q are left of %q", got, all)
	}
	var joining sync.WaitGroup
	for range 100 {
		joining.Go(func() { members.Join("office")() })
	}
	joining.Wait()
	second()
	if got := members.All(); !slices.Equal(got, []string{"garden"}) {
		t.Errorf("%q are left", got)
	}
}
