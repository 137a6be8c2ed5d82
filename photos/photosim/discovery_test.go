package photosim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// describedMethod is what a generated client reads of a method.
type describedMethod struct {
	ID, HTTPMethod, Path string
	Scopes               []string
	Parameters           map[string]struct{ Type, Location string }
	Request, Response    struct {
		Ref string `json:"$ref"`
	}
}

type described struct {
	RootURL    string `json:"rootUrl"`
	Name       string
	Version    string
	Parameters map[string]any
	Schemas    map[string]struct {
		Properties map[string]json.RawMessage
	}
	Resources map[string]struct{ Methods map[string]describedMethod }
}

func (m *sim) described() described {
	m.t.Helper()
	var doc described
	r := m.call("GET", "/$discovery/rest?version=v1", "", "Authorization", "")
	r.decode(m.t, &doc)
	for _, part := range strings.Split(r.body, `"$ref": "`)[1:] {
		if name, _, _ := strings.Cut(part, `"`); doc.Schemas[name].Properties == nil {
			m.t.Errorf("nothing describes %s", name)
		}
	}
	return doc
}

// TestGeneratedClients calls every method of the discovery document as the document says, and nothing else is known.
func TestGeneratedClients(t *testing.T) {
	m := newSim(t, Config{})
	doc := m.described()
	if doc.RootURL != "https://photoslibrary.googleapis.com/" || doc.Name != "photoslibrary" || doc.Version != "v1" {
		t.Errorf("document %+v", doc)
	}
	var names []string
	for _, resource := range doc.Resources {
		for _, method := range resource.Methods {
			name := strings.TrimPrefix(method.ID, "photoslibrary.")
			names = append(names, name)
			path := method.Path
			for p, is := range method.Parameters {
				if is.Location == "path" {
					path = strings.Replace(path, "{+"+p+"}", "AF1Qipx", 1)
				}
			}
			body := ""
			if method.Request.Ref != "" {
				body = "{}"
			}
			before := m.Stats().Routes[name].Requests
			r := m.call(method.HTTPMethod, doc.RootURL+path+"?alt=json", body)
			if m.Stats().Routes[name].Requests != before+1 || r.status >= 500 || r.status == 401 || r.status == 403 || method.Response.Ref == "" || len(method.Scopes) == 0 {
				t.Errorf("%+v: %d %s", method, r.status, r.body)
			}
		}
	}
	var want []string
	for _, method := range methods {
		if method.handle != nil {
			want = append(want, method.name)
		}
	}
	slices.Sort(names)
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("described %v, served %v", names, want)
	}
	for _, p := range []string{"access_token", "oauth_token", "callback", "uploadType", "upload_protocol", "alt", "fields", "key", "prettyPrint", "quotaUser", "$.xgafv"} {
		if doc.Parameters[p] == nil {
			t.Errorf("parameter %s is not described", p)
		}
	}
	checkError(t, m.call("GET", "/$discovery/rest?version=v2", ""), 404, "NOT_FOUND", "")
}

// TestAnswersAreDescribed holds the fields of real answers to the schemas.
func TestAnswersAreDescribed(t *testing.T) {
	m := newSim(t, Config{})
	id := m.item(filmOf(false))
	schemas := m.described().Schemas
	for schema, body := range map[string]string{
		"MediaItem":                m.call("GET", "/v1/mediaItems/"+id, "").body,
		"SearchMediaItemsResponse": m.call("GET", "/v1/mediaItems", "").body,
		"Album":                    m.call("GET", "/v1/albums/"+m.album("a"), "").body,
	} {
		var fields map[string]any
		if err := json.Unmarshal([]byte(body), &fields); err != nil || len(fields) == 0 {
			t.Fatalf("%s: %v", body, err)
		}
		for name := range maps.Keys(fields) {
			if schemas[schema].Properties[name] == nil {
				t.Errorf("%s has no %s", schema, name)
			}
		}
	}
	for of, want := range map[string]string{
		"MediaMetadata.width": `"type":"string"`, "SearchMediaItemsRequest.pageSize": `"type":"integer"`, "Video.fps": `"type":"number"`,
		"Album.isWriteable": `"type":"boolean"`, "BatchMediaItemsRequest.mediaItemIds": `"type":"array"`, "MediaItem.mediaMetadata": `"$ref":"MediaMetadata"`,
	} {
		schema, field, _ := strings.Cut(of, ".")
		var got any
		_ = json.Unmarshal(schemas[schema].Properties[field], &got)
		if compact := text(t, got); !strings.Contains(compact, want) {
			t.Errorf("%s is %s, want %s", of, fmt.Sprint(compact), want)
		}
	}
}
