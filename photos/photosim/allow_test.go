package photosim_test

import (
	"net/url"
	"testing"

	"gphotos2mqtt/photos/photosim"
)

func TestAllow(t *testing.T) {
	s := photosim.New(photosim.Config{})
	defer s.Close()
	page := s.Endpoints("").AuthURL + "?" + url.Values{
		"client_id": {photosim.DefaultClientID}, "redirect_uri": {photosim.DefaultRedirectURIs()[0]}, "response_type": {"code"},
		"scope": {"https://www.googleapis.com/auth/photoslibrary.appendonly"}, "state": {"mine"}, "access_type": {"offline"},
	}.Encode()
	back, err := s.Allow(t.Context(), page, photosim.DefaultAccountID)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(back)
	if err != nil || u.Query().Get("code") == "" || u.Query().Get("state") != "mine" {
		t.Errorf("sent back to %s, %v", back, err)
	}
	for _, tt := range [][2]string{{page, "nobody"}, {s.Endpoints("").AuthURL, photosim.DefaultAccountID}, {"%", photosim.DefaultAccountID}} {
		if back, err := s.Allow(t.Context(), tt[0], tt[1]); err == nil {
			t.Errorf("%q is sent back to %q", tt, back)
		}
	}
}
