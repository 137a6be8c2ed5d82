package photos

import (
	"context"
	"net/http"
	"strings"
)

// Enrichment is something in an album that is not an item. Exactly one of Text, Location and Map is given.
// Source: https://developers.google.com/photos/library/reference/rest/v1/albums/addEnrichment
type Enrichment struct {
	Text     string
	Location *Place
	Map      *Route
	Position *Position // nil: at the end
}

// Place is a spot on the map under a name.
type Place struct {
	Name      string
	Latitude  float64 // degrees, -90 to 90
	Longitude float64 // degrees, -180 to 180
}

// Route is drawn from one place to another.
type Route struct{ Origin, Destination Place }

// Position is a spot in an album: after the item or the enrichment whose id is given, else first or, as zero, last.
// Source: https://developers.google.com/photos/library/reference/rest/v1/AlbumPosition
type Position struct {
	First             bool
	AfterItemID       string
	AfterEnrichmentID string
}

// AddEnrichment adds text, a place or a route to an album and gives its id. After an error with Lost set it may be
// there all the same; Google keeps no enrichment from being added twice.
// Source: https://developers.google.com/photos/library/reference/rest/v1/albums/addEnrichment
func (c *Client) AddEnrichment(ctx context.Context, albumID string, e Enrichment) (id string, err error) {
	r, err := c.albumRequest("add enrichment", http.MethodPost, albumID, ":addEnrichment")
	if err != nil {
		return "", err
	}
	if err := e.check(r.op); err != nil {
		return "", err
	}
	var out struct {
		Item struct {
			ID string `json:"id"`
		} `json:"enrichmentItem"`
	}
	if err := c.call(ctx, r, e.wire(), &out); err != nil {
		return "", err
	}
	if out.Item.ID == "" {
		return "", r.unreadable(http.StatusOK, "the answer holds no enrichment")
	}
	return out.Item.ID, nil
}

func (e Enrichment) check(op string) error {
	places := []Place(nil)
	kinds := 0
	if strings.TrimSpace(e.Text) != "" {
		kinds++
	}
	if e.Location != nil {
		kinds, places = kinds+1, append(places, *e.Location)
	}
	if e.Map != nil {
		kinds, places = kinds+1, append(places, e.Map.Origin, e.Map.Destination)
	}
	if kinds != 1 {
		return invalid(op, "%d of text, location and map are given, exactly 1 is taken", kinds)
	}
	for _, p := range places {
		// Written so that NaN, which is no place, fails too.
		if !(p.Latitude >= -90 && p.Latitude <= 90 && p.Longitude >= -180 && p.Longitude <= 180) || strings.TrimSpace(p.Name) == "" {
			return invalid(op, "%q at %v, %v is not a place", shorten(p.Name, 80), p.Latitude, p.Longitude)
		}
	}
	return nil
}

type wireEnrichment struct {
	New struct {
		Text     *wireText     `json:"textEnrichment,omitempty"`
		Location *wireLocation `json:"locationEnrichment,omitempty"`
		Map      *wireMap      `json:"mapEnrichment,omitempty"`
	} `json:"newEnrichmentItem"`
	Position wirePosition `json:"albumPosition"` // required
}

type wireText struct {
	Text string `json:"text"`
}

type wireLocation struct {
	Location wirePlace `json:"location"`
}

type wireMap struct {
	Origin      wirePlace `json:"origin"`
	Destination wirePlace `json:"destination"`
}

type wirePlace struct {
	Name   string `json:"locationName"`
	LatLng struct {
		Latitude  float64 `json:"latitude"`
		Longitude float64 `json:"longitude"`
	} `json:"latlng"`
}

type wirePosition struct {
	Position        string `json:"position"`
	AfterItem       string `json:"relativeMediaItemId,omitempty"`
	AfterEnrichment string `json:"relativeEnrichmentItemId,omitempty"`
}

func (e Enrichment) wire() wireEnrichment {
	var w wireEnrichment
	switch {
	case e.Location != nil:
		w.New.Location = &wireLocation{e.Location.wire()}
	case e.Map != nil:
		w.New.Map = &wireMap{e.Map.Origin.wire(), e.Map.Destination.wire()}
	default:
		w.New.Text = &wireText{e.Text}
	}
	w.Position = Position{}.wire()
	if e.Position != nil {
		w.Position = e.Position.wire()
	}
	return w
}

func (p Place) wire() wirePlace {
	w := wirePlace{Name: p.Name}
	w.LatLng.Latitude, w.LatLng.Longitude = p.Latitude, p.Longitude
	return w
}

func (p Position) wire() wirePosition {
	switch {
	case p.AfterItemID != "":
		return wirePosition{Position: "AFTER_MEDIA_ITEM", AfterItem: p.AfterItemID}
	case p.AfterEnrichmentID != "":
		return wirePosition{Position: "AFTER_ENRICHMENT_ITEM", AfterEnrichment: p.AfterEnrichmentID}
	case p.First:
		return wirePosition{Position: "FIRST_IN_ALBUM"}
	}
	return wirePosition{Position: "LAST_IN_ALBUM"}
}
