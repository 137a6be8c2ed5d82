package wake

import (
	"slices"
	"sync"
)

// Members are those who take part in something until they leave it: who is told of a change, whose room is shared. The zero value has none.
type Members[T any] struct {
	mu  sync.Mutex // guards all, which is never changed in place
	all []*T
}

// Join adds a member, which the returned function takes out again.
func (m *Members[T]) Join(member T) (leave func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = append(slices.Clip(m.all), &member)
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.all = slices.DeleteFunc(slices.Clone(m.all), func(other *T) bool { return other == &member })
	}
}

// All are those that are members now, in the order in which they have joined. Nothing is held while they are used.
func (m *Members[T]) All() (all []T) {
	m.mu.Lock()
	members := m.all
	m.mu.Unlock()
	for _, member := range members {
		all = append(all, *member)
	}
	return all
}
