package photosim

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

// object is a JSON object of the discovery document.
type object = map[string]any

// serveAPIDiscovery is GET /$discovery/rest?version=v1, which generated clients and google-api-python-client start with. It is
// made of the methods and the wire types here, so it promises what the simulator does.
// https://developers.google.com/discovery/v1/reference/apis
func (s *Server) serveAPIDiscovery(x *exchange) {
	if v := x.r.URL.Query().Get("version"); v != "" && v != "v1" {
		x.fail(notFound("Discovery document not found for API service: photoslibrary.googleapis.com format: rest version: " + bound(v)))
		return
	}
	root := x.place.url(libraryAPI) + "/"
	d := discovery{schemas: object{}, resources: object{}}
	for _, name := range slices.Sorted(maps.Keys(discovered)) {
		d.add(name, discovered[name])
	}
	x.sendJSON(http.StatusOK, object{
		"kind": "discovery#restDescription", "discoveryVersion": "v1", "id": "photoslibrary:v1", "name": "photoslibrary", "version": "v1",
		"revision": "20250331", "title": "Photos Library API", "canonicalName": "Photos Library", "description": "Manage photos, videos, and albums in Google Photos",
		"documentationLink": "https://developers.google.com/photos/", "ownerDomain": "google.com", "ownerName": "Google", "protocol": "rest",
		"rootUrl": root, "baseUrl": root, "mtlsRootUrl": root, "servicePath": "", "basePath": "", "batchPath": "batch", "fullyEncodeReservedExpansion": true,
		"icons": object{"x16": "http://www.google.com/images/icons/product/search-16.gif", "x32": "http://www.google.com/images/icons/product/search-32.gif"},
		"auth":  object{"oauth2": object{"scopes": describedScopes()}}, "parameters": systemParameters(),
		"schemas": d.schemas, "resources": d.resources,
	})
}

// messages are those of a method, and the name of the id in its address.
type messages struct {
	request, answer any
	id              string
}

// discovered are the methods that are left of the API.
var discovered = map[string]messages{
	"mediaItems.batchCreate":       {batchCreate{}, batchCreateAnswer{}, ""},
	"mediaItems.batchGet":          {nil, batchGetAnswer{}, ""},
	"mediaItems.get":               {nil, mediaItem{}, "mediaItemId"},
	"mediaItems.list":              {nil, itemPage{}, ""},
	"mediaItems.search":            {searchBody{}, itemPage{}, ""},
	"mediaItems.patch":             {mediaItem{}, mediaItem{}, "id"},
	"albums.create":                {createAlbum{}, wireAlbum{}, ""},
	"albums.get":                   {nil, wireAlbum{}, "albumId"},
	"albums.list":                  {nil, albumList{}, ""},
	"albums.patch":                 {wireAlbum{}, wireAlbum{}, "id"},
	"albums.batchAddMediaItems":    {itemIDs{}, struct{}{}, "albumId"},
	"albums.batchRemoveMediaItems": {itemIDs{}, struct{}{}, "albumId"},
	"albums.addEnrichment":         {newEnrichment{}, enriched{}, "albumId"},
}

// discovery is the part of the document that grows with the methods.
type discovery struct{ schemas, resources object }

func (d *discovery) add(name string, of messages) {
	collection, verb, _ := strings.Cut(name, ".")
	for call, m := range methods {
		if m.name != name {
			continue
		}
		httpMethod, path, _ := strings.Cut(call, " ")
		path = strings.TrimPrefix(path, "/")
		out := object{
			"id": "photoslibrary." + name, "httpMethod": httpMethod, "description": name, "scopes": m.scopes,
			"path": strings.Replace(path, "{}", "{+"+of.id+"}", 1), "flatPath": strings.Replace(path, "{}", "{"+of.id+"}", 1),
			"response": d.typeOf(reflect.TypeOf(of.answer)), "parameterOrder": []string{},
		}
		if of.request != nil {
			out["request"] = d.typeOf(reflect.TypeOf(of.request))
		}
		parameters := object{}
		for _, q := range m.query {
			parameters[q] = queryParameter(q)
		}
		if of.id != "" {
			out["parameterOrder"] = []string{of.id}
			parameters[of.id] = object{"type": "string", "location": "path", "required": true, "pattern": "^[^/]+$"}
		}
		out["parameters"] = parameters
		if d.resources[collection] == nil {
			d.resources[collection] = object{"methods": object{}}
		}
		d.resources[collection].(object)["methods"].(object)[verb] = out //nolint:forcetypeassert // made above
	}
}

// typeOf describes a wire type; a struct with a name becomes a schema of its own.
func (d *discovery) typeOf(t reflect.Type) object {
	if scalar, ok := scalars[t.Kind()]; ok {
		return scalar
	}
	if t.Kind() == reflect.Pointer {
		return d.typeOf(t.Elem())
	}
	if t.Kind() == reflect.Slice {
		return object{"type": "array", "items": d.typeOf(t.Elem())}
	}
	name := schemaNames[t]
	if name == "" && t.Name() != "" {
		name = strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
	}
	properties := object{}
	schema := object{"type": "object", "properties": properties}
	if name != "" {
		if d.schemas[name] != nil {
			return object{"$ref": name}
		}
		schema["id"] = name
		d.schemas[name] = schema // before its fields, which may lead back to it
	}
	for f := range t.Fields() {
		field, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		properties[field] = d.typeOf(f.Type)
	}
	if name == "" {
		return schema
	}
	return object{"$ref": name}
}

// scalars are the types of single values.
var scalars = map[reflect.Kind]object{
	reflect.String:  {"type": "string"},
	reflect.Bool:    {"type": "boolean"},
	reflect.Int:     {"type": "integer", "format": "int32"},
	reflect.Int64:   {"type": "string", "format": "int64"}, // a string in JSON
	reflect.Float64: {"type": "number", "format": "double"},
}

// schemaNames are Google's names of types that have another one here; generated code is named after them.
var schemaNames = map[reflect.Type]string{
	reflect.TypeFor[batchCreate]():       "BatchCreateMediaItemsRequest",
	reflect.TypeFor[batchCreateAnswer](): "BatchCreateMediaItemsResponse",
	reflect.TypeFor[newItemResult]():     "NewMediaItemResult",
	reflect.TypeFor[rpcStatus]():         "Status",
	reflect.TypeFor[batchGetAnswer]():    "BatchGetMediaItemsResponse",
	reflect.TypeFor[batchGetResult]():    "MediaItemResult",
	reflect.TypeFor[itemPage]():          "SearchMediaItemsResponse",
	reflect.TypeFor[searchBody]():        "SearchMediaItemsRequest",
	reflect.TypeFor[mediaMetadata]():     "MediaMetadata",
	reflect.TypeFor[photoMeta]():         "Photo",
	reflect.TypeFor[videoMeta]():         "Video",
	reflect.TypeFor[wireAlbum]():         "Album",
	reflect.TypeFor[createAlbum]():       "CreateAlbumRequest",
	reflect.TypeFor[albumList]():         "ListAlbumsResponse",
	reflect.TypeFor[itemIDs]():           "BatchMediaItemsRequest",
	reflect.TypeFor[struct{}]():          "Empty",
	reflect.TypeFor[newEnrichment]():     "AddEnrichmentToAlbumRequest",
	reflect.TypeFor[enriched]():          "AddEnrichmentToAlbumResponse",
}

func queryParameter(name string) object {
	p := object{"type": "string", "location": "query"}
	switch name {
	case "pageSize":
		p["type"], p["format"] = "integer", "int32"
	case "excludeNonAppCreatedData":
		p["type"] = "boolean"
	case "mediaItemIds":
		p["repeated"] = true
	case "updateMask":
		p["format"] = "google-fieldmask"
	}
	return p
}

// systemParameters describes those of systemQuery that a discovery document names.
func systemParameters() object {
	out := object{}
	for _, name := range systemQuery {
		if name == "userIp" || strings.HasPrefix(name, "$") && name != "$.xgafv" {
			continue
		}
		out[name] = object{"type": "string", "location": "query"}
	}
	out["prettyPrint"] = object{"type": "boolean", "default": "true", "location": "query"}
	out["alt"] = object{"type": "string", "default": "json", "location": "query", "enum": []string{"json"}, "enumDescriptions": []string{"JSON"}}
	out["$.xgafv"] = object{"type": "string", "location": "query", "enum": []string{"1", "2"}, "enumDescriptions": []string{"v1 error format", "v2 error format"}}
	return out
}

func describedScopes() object {
	out := object{}
	for _, s := range []string{scopeAppend, scopeRead, scopeEdit} {
		out[s] = object{"description": scopeTitles[s]}
	}
	return out
}
