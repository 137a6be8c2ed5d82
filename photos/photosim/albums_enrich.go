package photosim

import (
	"slices"
	"unicode/utf8"
)

// newEnrichment is https://developers.google.com/photos/library/reference/rest/v1/albums/addEnrichment
type newEnrichment struct {
	Item *struct {
		Text *struct {
			Text string `json:"text"`
		} `json:"textEnrichment"`
		Location *struct {
			Location *location `json:"location"`
		} `json:"locationEnrichment"`
		Map *struct {
			Origin      *location `json:"origin"`
			Destination *location `json:"destination"`
		} `json:"mapEnrichment"`
	} `json:"newEnrichmentItem"`
	Position *albumPosition `json:"albumPosition"`
}

type enriched struct {
	Item enrichment `json:"enrichmentItem"`
}

type enrichment struct {
	ID string `json:"id"`
}

type location struct {
	Name   string  `json:"locationName"`
	LatLng *latLng `json:"latlng"`
}

type latLng struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

// maxEnrichment is the longest text of a text enrichment in characters.
const maxEnrichment = 1000

// addEnrichment is albums.addEnrichment: a text, a place or a route between the items of an album.
func (s *Server) addEnrichment(c *call) (any, error) {
	var req newEnrichment
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	text, err := req.say()
	if err != nil {
		return nil, err
	}
	if req.Position == nil {
		return nil, invalidArgument("Request must contain an album position.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.albumOf(c, c.id)
	if err != nil {
		return nil, err
	}
	at, err := a.place(req.Position)
	if err != nil {
		return nil, err
	}
	id := secret("AF1Qip", 52)
	a.entries = slices.Insert(a.entries, at.index, albumEntry{enrichment: id, text: text})
	return enriched{enrichment{id}}, nil
}

// say checks that exactly one kind is given and returns it in words.
func (e newEnrichment) say() (string, error) {
	none := invalidArgument("Request must contain exactly one enrichment.")
	if e.Item == nil {
		return "", none
	}
	kinds := 0
	var text string
	var places []*location
	if t := e.Item.Text; t != nil {
		kinds++
		text = t.Text
		if n := utf8.RuneCountInString(text); n == 0 || n > maxEnrichment {
			return "", invalidArgument("Text enrichment must have 1 to 1000 characters.")
		}
	}
	if l := e.Item.Location; l != nil {
		kinds++
		places = append(places, l.Location)
	}
	if m := e.Item.Map; m != nil {
		kinds++
		places = append(places, m.Origin, m.Destination)
	}
	if kinds != 1 {
		return "", none
	}
	for n, p := range places {
		if err := p.check(); err != nil {
			return "", err
		}
		if n > 0 {
			text += " → "
		}
		text += p.Name
	}
	return text, nil
}

func (l *location) check() error {
	switch {
	case l == nil || l.Name == "" || l.LatLng == nil:
		return invalidArgument("A location must have a name and a position.")
	case l.LatLng.Latitude < -90 || l.LatLng.Latitude > 90 || l.LatLng.Longitude < -180 || l.LatLng.Longitude > 180:
		return invalidArgument("A position must have a latitude of -90 to 90 and a longitude of -180 to 180.")
	}
	return nil
}
