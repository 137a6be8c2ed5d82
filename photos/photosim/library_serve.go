package photosim

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"
)

// method is one method of the Library API, https://developers.google.com/photos/library/reference/rest
type method struct {
	name   string
	scopes []string // any one of these
	write  bool     // one at a time per user, and counted per minute
	query  []string // query parameters beside the standard ones
	handle func(*Server, *call) (any, error)
}

// call is one authenticated call of a method.
type call struct {
	*exchange
	method method
	token  *accessToken
	id     string // of the item or album in the address
	query  url.Values
	body   []byte
}

// statusAnswer lets a handler choose another status than 200.
type statusAnswer struct {
	code int
	body any
}

var (
	writeScopes  = []string{scopeAppend}
	readScopes   = []string{scopeRead}
	editScopes   = []string{scopeEdit}
	changeScopes = []string{scopeAppend, scopeEdit}
)

// methods by HTTP method and path, where {} stands for one id.
var methods = map[string]method{
	"POST /v1/mediaItems:batchCreate":       {"mediaItems.batchCreate", writeScopes, true, nil, (*Server).createItems},
	"GET /v1/mediaItems/{}":                 {"mediaItems.get", readScopes, false, nil, (*Server).getItem},
	"GET /v1/mediaItems:batchGet":           {"mediaItems.batchGet", readScopes, false, []string{"mediaItemIds"}, (*Server).getItems},
	"GET /v1/mediaItems":                    {"mediaItems.list", readScopes, false, []string{"pageSize", "pageToken"}, (*Server).listItems},
	"POST /v1/mediaItems:search":            {"mediaItems.search", readScopes, false, nil, (*Server).searchItems},
	"PATCH /v1/mediaItems/{}":               {"mediaItems.patch", editScopes, true, []string{"updateMask"}, (*Server).patchItem},
	"POST /v1/albums":                       {"albums.create", writeScopes, true, nil, (*Server).createAlbum},
	"GET /v1/albums/{}":                     {"albums.get", readScopes, false, nil, (*Server).getAlbum},
	"GET /v1/albums":                        {"albums.list", readScopes, false, []string{"pageSize", "pageToken", "excludeNonAppCreatedData"}, (*Server).listAlbums},
	"PATCH /v1/albums/{}":                   {"albums.patch", editScopes, true, []string{"updateMask"}, (*Server).patchAlbum},
	"POST /v1/albums/{}:batchAddMediaItems": {"albums.batchAddMediaItems", changeScopes, true, nil, (*Server).addToAlbum},
	// SIM: appendonly alone does not open this one.
	"POST /v1/albums/{}:batchRemoveMediaItems": {"albums.batchRemoveMediaItems", editScopes, true, nil, (*Server).removeFromAlbum},
	"POST /v1/albums/{}:addEnrichment":         {"albums.addEnrichment", changeScopes, true, nil, (*Server).addEnrichment},

	// Sharing ended on 31 March 2025, https://developers.google.com/photos/support/updates
	"POST /v1/albums/{}:share":    {"albums.share", nil, false, nil, nil},
	"POST /v1/albums/{}:unshare":  {"albums.unshare", nil, false, nil, nil},
	"GET /v1/sharedAlbums":        {"sharedAlbums.list", nil, false, nil, nil},
	"GET /v1/sharedAlbums/{}":     {"sharedAlbums.get", nil, false, nil, nil},
	"POST /v1/sharedAlbums:join":  {"sharedAlbums.join", nil, false, nil, nil},
	"POST /v1/sharedAlbums:leave": {"sharedAlbums.leave", nil, false, nil, nil},
}

// findLibrary splits /v1/<collection>[/<id>][:<verb>] into a method and an id.
func findLibrary(path string, r *http.Request) (endpoint, bool) {
	switch path {
	case "/v1/uploads":
		return findUpload(r)
	case "/$discovery/rest":
		return endpoint{"discovery", (*Server).serveAPIDiscovery}, r.Method == http.MethodGet
	}
	pattern, id := path, ""
	if parts := strings.SplitN(path, "/", 4); len(parts) == 4 {
		name, verb, found := strings.Cut(parts[3], ":")
		if found {
			verb = ":" + verb
		}
		id, pattern = name, "/"+parts[1]+"/"+parts[2]+"/{}"+verb
		if id == "" || strings.Contains(id, "/") {
			return endpoint{}, false
		}
	}
	m, ok := methods[r.Method+" "+pattern]
	return endpoint{m.name, func(s *Server, x *exchange) { s.serveMethod(x, m, id) }}, ok
}

// serveMethod does what is common to all methods, in the order in which Google's front end refuses.
func (s *Server) serveMethod(x *exchange, m method, id string) {
	c := &call{exchange: x, method: m, id: id, query: x.r.URL.Query()}
	mask, err := c.prepare(s)
	if err != nil {
		x.fail(err)
		return
	}
	answer, err := s.dispatch(c)
	if err != nil {
		x.fail(err)
		return
	}
	code := http.StatusOK
	if a, ok := answer.(statusAnswer); ok {
		code, answer = a.code, a.body
	}
	x.sendJSON(code, mask.apply(answer))
}

func (c *call) prepare(s *Server) (fieldMask, error) {
	var err error
	if c.token, err = s.admit(c.r, c.method.scopes, c.method.write, true); err != nil {
		return nil, err
	}
	if c.method.handle == nil {
		return nil, errNoPermission()
	}
	if err := c.checkQuery(); err != nil {
		return nil, err
	}
	mask, err := parseFields(cmp.Or(c.query.Get("fields"), c.query.Get("$fields")))
	if err != nil {
		return nil, err
	}
	if c.r.Method != http.MethodGet {
		c.body, err = readBody(c.r)
	}
	return mask, err
}

// dispatch runs the handler after the route's delay. A writer gives its slot back before the answer is sent, so that a client that
// has its answer may write again at once. SIM: a write goes on when its client has left, as nothing tells Google's inside of that.
func (s *Server) dispatch(c *call) (any, error) {
	if c.method.write {
		end, err := s.beginWrite(c.token, c.route)
		if err != nil {
			return nil, err
		}
		defer end()
		c.r = c.r.WithContext(context.WithoutCancel(c.r.Context()))
	}
	if !s.pause(c.r.Context(), c.route) {
		abort()
	}
	return c.method.handle(s, c)
}

// decode reads the request message.
func (c *call) decode(v any) error { return decodeBody(c.r.Header, c.body, v) }
