package bridge

import (
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

// The views turn what Google and the link say into what the contract shows.

func albumView(a photos.Album) mqttapi.Album {
	return mqttapi.Album{
		ID: a.ID, Title: a.Title, Items: a.Items, Writeable: a.Writeable, ProductURL: a.ProductURL,
		CoverURL: a.CoverThumbnailURL(), CoverMediaItemID: a.CoverItemID,
	}
}

func itemView(i photos.Item) mqttapi.Item {
	item := mqttapi.Item{
		ID: i.ID, FileName: i.FileName, Description: i.Description, MIMEType: i.MIMEType, Created: mqttapi.At(i.Created),
		Width: i.Width, Height: i.Height, Camera: i.Camera, ProductURL: i.ProductURL,
		URL: i.ViewURL(), ThumbnailURL: i.ThumbnailURL(), DownloadURL: i.DownloadURL(),
	}
	if i.Video != nil {
		if unfinished(i) { // there is nothing to play yet
			item.URL, item.DownloadURL = "", ""
		}
		item.Video = &mqttapi.Video{FPS: i.Video.FPS, Status: i.Video.Status}
	}
	return item
}

func linkView(s auth.State) mqttapi.LinkState {
	v := mqttapi.LinkState{
		Status: mqttapi.LinkStatus(s.Status), MissingScopes: s.Missing, URL: s.URL, Expires: mqttapi.At(s.Expires),
		Problem: s.Failure,
	}
	if s.Account.ID != "" {
		v.Account = accountView(s.Account)
	}
	return v
}

func accountView(a auth.Account) *mqttapi.Account {
	return &mqttapi.Account{ID: a.ID, Name: a.Name, Email: a.Email}
}

func holdView(h Hold) *mqttapi.Hold {
	if h.Reason == "" {
		return nil
	}
	return &mqttapi.Hold{Reason: h.Reason, Message: h.Message, Until: mqttapi.At(h.Until)}
}

// expiry is when the addresses stop working that Google gave at a time.
func expiry(at time.Time) mqttapi.Time {
	if at.IsZero() {
		return mqttapi.Time{}
	}
	return mqttapi.At(at.Add(urlLife))
}

// sizedURL is the address of an item as a picture of a size in pixels; 0 is any.
func sizedURL(i photos.Item, width, height int, crop bool) string {
	if i.BaseURL == "" {
		return ""
	}
	return string(i.BaseURL) + photos.SizeSuffix(width, height, crop)
}
