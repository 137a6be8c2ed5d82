package photosim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
)

// writeJSON sends an answer of the control API.
func writeJSON(w http.ResponseWriter, status int, v any) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("photosim: encode %T: %v", v, err)) // wire types always encode
	}
	write(w, status, typeJSON, buf.Bytes())
}

// decodeBody reads the JSON request message of a call into v as a proto3 JSON parser would: names are lowerCamelCase or the
// original snake_case (Home Assistant sends the latter), case-sensitive, and must exist; null is the default value, an empty body
// the empty message. https://protobuf.dev/programming-guides/json/
func decodeBody(h http.Header, body []byte, v any) error {
	if ct := h.Get("Content-Type"); ct != "" {
		if t, _, err := mime.ParseMediaType(ct); err != nil || t != "application/json" {
			return invalidArgument("Invalid content type %q: expected application/json.", bound(ct))
		}
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	var tree any
	if err := json.Unmarshal(body, &tree); err != nil {
		return invalidArgument("Invalid JSON payload received. %s", bound(err.Error()))
	}
	if tree == nil {
		return nil
	}
	if _, ok := tree.(map[string]any); !ok {
		return invalidArgument("Invalid JSON payload received. Expected an object.")
	}
	if bytes.IndexByte(body, '_') >= 0 {
		tree = camelNames(tree)
	}
	if err := checkNames("", tree, reflect.TypeOf(v)); err != nil {
		return err
	}
	body, err := json.Marshal(tree)
	if err != nil {
		return invalidArgument("Invalid JSON payload received. %s", bound(err.Error()))
	}
	if err := json.Unmarshal(body, v); err != nil {
		return invalidArgument("Invalid value in JSON payload: %s", bound(err.Error()))
	}
	return nil
}

// camelNames puts the names of an object, at any depth, from snake_case into lowerCamelCase.
func camelNames(tree any) any {
	switch v := tree.(type) {
	case []any:
		for i := range v {
			v[i] = camelNames(v[i])
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, e := range v {
			words := strings.Split(name, "_")
			for i, w := range words[1:] {
				if w != "" {
					words[i+1] = strings.ToUpper(w[:1]) + w[1:]
				}
			}
			out[strings.Join(words, "")] = camelNames(e)
		}
		return out
	}
	return tree
}

// checkNames refuses names that t has no field for, at any depth, because encoding/json matches names regardless of case.
func checkNames(at string, v any, t reflect.Type) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch v := v.(type) {
	case []any:
		if t.Kind() != reflect.Slice {
			return nil // the wrong shape is reported by Unmarshal
		}
		for i, e := range v {
			if err := checkNames(fmt.Sprintf("%s[%d]", at, i), e, t.Elem()); err != nil {
				return err
			}
		}
	case map[string]any:
		if t.Kind() != reflect.Struct {
			return nil
		}
		for name, e := range v {
			field, ok := fieldNamed(t, name)
			if !ok {
				return unknownName(name, at)
			}
			if err := checkNames(strings.TrimPrefix(at+"."+name, "."), e, field); err != nil {
				return err
			}
		}
	}
	return nil
}

func fieldNamed(t reflect.Type, name string) (reflect.Type, bool) {
	for f := range t.Fields() {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && tag == "" {
			if ft, ok := fieldNamed(f.Type, name); ok {
				return ft, true
			}
		}
		if tag == name && tag != "" {
			return f.Type, true
		}
	}
	return nil, false
}

func unknownName(name, at string) error {
	if at != "" {
		at = " at '" + at + "'"
	}
	return invalidArgument("Invalid JSON payload received. Unknown name \"%s\"%s: Cannot find field.", bound(name), at)
}

// number is an int32 of a request, which proto3 JSON lets clients write as a number or as a string.
type number int

// UnmarshalJSON accepts 25, 25.0 and "25".
func (n *number) UnmarshalJSON(text []byte) error {
	raw := strings.Trim(string(text), `"`)
	if raw == "null" {
		return nil
	}
	f, err := strconv.ParseFloat(raw, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > math.MaxInt32 {
		return fmt.Errorf("%s is not an int32", bound(raw))
	}
	*n = number(f)
	return nil
}

// bound shortens foreign text for an error message.
func bound(text string) string {
	const most = 200
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
