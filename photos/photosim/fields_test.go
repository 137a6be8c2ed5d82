package photosim

import "testing"

func TestFieldMasks(t *testing.T) {
	page := itemPage{Items: []mediaItem{{ID: "1", FileName: "f", Metadata: mediaMetadata{Width: 3, Photo: &photoMeta{ISO: 5}}}}, Next: "n"}
	for fields, want := range map[string]string{
		"nextPageToken":                            `{"nextPageToken":"n"}`,
		"mediaItems/id":                            `{"mediaItems":[{"id":"1"}]}`,
		"mediaItems(id,filename)":                  `{"mediaItems":[{"filename":"f","id":"1"}]}`,
		" mediaItems ( id ) , nextPageToken ":      ``,
		"mediaItems(id),mediaItems/filename":       `{"mediaItems":[{"filename":"f","id":"1"}]}`,
		"mediaItems(mediaMetadata(photo)),nothing": `{"mediaItems":[{"mediaMetadata":{"photo":{"isoEquivalent":5}}}]}`,
		"mediaItems/mediaMetadata/photo/*":         `{"mediaItems":[{"mediaMetadata":{"photo":{"isoEquivalent":5}}}]}`,
		"*/id":                                     `{"mediaItems":[{"id":"1"}],"nextPageToken":"n"}`,
		"mediaItems/id,mediaItems,nextPageToken/x": `{"mediaItems":[{"filename":"f","id":"1","mediaMetadata":{"photo":{"isoEquivalent":5},"width":"3"}}],"nextPageToken":"n"}`,
		"nothing":       `{}`,
		"mediaItems(id": ``,
		"mediaItems)":   ``,
		",":             ``,
		"a-b":           ``,
		"a(((((((((((((((((b))))))))))))))))),c(d)e ": ``,
	} {
		mask, err := parseFields(fields)
		if err != nil {
			if want != "" {
				t.Errorf("%q: %v", fields, err)
			}
			continue
		}
		if got := text(t, mask.apply(page)); got != want {
			t.Errorf("%q: %s, want %s", fields, got, want)
		}
	}
}
