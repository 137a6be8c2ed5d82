package photosim

import (
	"encoding/json"
	"strings"
)

// fieldMask is a parsed "fields" parameter; nil lets everything through. A nil mask below a name keeps that field whole.
// https://developers.google.com/photos/library/guides/performance-tips#partial-response
type fieldMask map[string]fieldMask

const (
	maxMask      = 2000 // bytes of a fields parameter
	maxMaskDepth = 16
)

// parseFields reads "a,b(c,d/e),f/g" and "*".
func parseFields(text string) (fieldMask, error) {
	if text == "" || text == "*" {
		return nil, nil
	}
	p := maskParser{rest: text}
	mask, ok := p.list(0)
	if !ok || p.rest != "" || len(text) > maxMask {
		return nil, invalidArgument("Request contains an invalid argument: invalid field selection %s", bound(text))
	}
	return mask, nil
}

type maskParser struct{ rest string }

func (p *maskParser) list(depth int) (fieldMask, bool) {
	mask := make(fieldMask)
	for {
		if !p.field(mask, depth) {
			return nil, false
		}
		if !p.accept(',') {
			return mask, true
		}
	}
}

func (p *maskParser) field(into fieldMask, depth int) bool {
	n := strings.IndexAny(p.rest, ",()/")
	if n < 0 {
		n = len(p.rest)
	}
	name := strings.TrimSpace(p.rest[:n])
	p.rest = p.rest[n:]
	if !fieldName(name) || depth > maxMaskDepth {
		return false
	}
	var below fieldMask
	ok := true
	switch {
	case p.accept('/'):
		below = make(fieldMask)
		ok = p.field(below, depth+1)
	case p.accept('('):
		below, ok = p.list(depth + 1)
		ok = ok && p.accept(')')
	}
	if ok {
		into.add(name, below)
	}
	return ok
}

func (p *maskParser) accept(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func fieldName(name string) bool {
	if name == "*" {
		return true
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return name != ""
}

// add merges, so that "a(b),a(c)" selects both and "a,a(b)" the whole of a.
func (m fieldMask) add(name string, below fieldMask) {
	old, had := m[name]
	if below == nil || had && old == nil {
		m[name] = nil
		return
	}
	if !had {
		m[name] = below
		return
	}
	for n, b := range below {
		old.add(n, b)
	}
}

// apply returns v with only the selected fields. A name that no answer has selects nothing.
func (m fieldMask) apply(v any) any {
	if m == nil {
		return v
	}
	text, err := json.Marshal(v)
	if err != nil {
		return v // writeJSON reports it
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		return v
	}
	return m.prune(tree)
}

func (m fieldMask) prune(tree any) any {
	if m == nil {
		return tree
	}
	switch v := tree.(type) {
	case []any:
		for i := range v {
			v[i] = m.prune(v[i])
		}
	case map[string]any:
		star, all := m["*"]
		for name := range v {
			below, ok := m[name]
			if !ok {
				below, ok = star, all
			}
			if !ok {
				delete(v, name)
				continue
			}
			v[name] = below.prune(v[name])
		}
	}
	return tree
}
