package mqttapi

import "encoding/json"

func (d AlbumsData) fit(limit int, wrap func(any) any) ([]byte, error) {
	return fit(limit, d.Albums, func(kept []json.RawMessage, cut bool) any {
		return wrap(struct {
			Albums        []json.RawMessage `json:"albums"`
			NextPageToken string            `json:"next_page_token"`
			Truncated     bool              `json:"truncated"`
		}{kept, d.NextPageToken, cut})
	})
}

func (d MediaData) fit(limit int, wrap func(any) any) ([]byte, error) {
	return fit(limit, d.Items, func(kept []json.RawMessage, cut bool) any {
		return wrap(struct {
			Items         []json.RawMessage `json:"items"`
			Expires       Time              `json:"expires"`
			NextPageToken string            `json:"next_page_token"`
			Truncated     bool              `json:"truncated"`
		}{kept, d.Expires, d.NextPageToken, cut})
	})
}

func (d GotData) fit(limit int, wrap func(any) any) ([]byte, error) {
	requested := max(d.Requested, len(d.Items))
	failed := 0
	for _, item := range d.Items {
		if item.Error != nil {
			failed++
		}
	}
	return fit(limit, d.Items, func(kept []json.RawMessage, cut bool) any {
		return wrap(struct {
			Items     []json.RawMessage `json:"items"`
			Requested int               `json:"requested"`
			Failed    int               `json:"failed"`
			Expires   Time              `json:"expires"`
			Truncated bool              `json:"truncated"`
		}{kept, requested, failed, d.Expires, cut || len(d.Items) < requested})
	})
}

// MarshalJSON writes "status" beside the item's own keys, or beside "id" and "error".
func (g GotItem) MarshalJSON() ([]byte, error) {
	if g.Error != nil {
		return encode(struct {
			Status string `json:"status"`
			ID     string `json:"id"`
			Error  *Error `json:"error"`
		}{"error", g.ID, g.Error})
	}
	return encode(struct {
		Status string `json:"status"`
		Item
	}{"ok", g.Item})
}

func (d JobsData) fit(limit int, wrap func(any) any) ([]byte, error) {
	return fit(limit, d.Jobs, func(kept []json.RawMessage, cut bool) any {
		return wrap(struct {
			Jobs      []json.RawMessage `json:"jobs"`
			Truncated bool              `json:"truncated"`
		}{kept, cut})
	})
}
