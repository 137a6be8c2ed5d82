package photosim_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"

	"golang.org/x/oauth2"

	"gphotos2mqtt/photos/photosim"
)

// The simulator is a test server for an OAuth client, with any library: its addresses take the place of Google's. The
// person's consent is one form.
func Example() {
	const callback = "http://localhost:8099/oauth/callback"
	sim := photosim.New(photosim.Config{})
	defer sim.Close()
	server := httptest.NewServer(sim.Handler())
	defer server.Close()
	defer server.Client().CloseIdleConnections()
	google := sim.Endpoints(server.URL)
	client := &oauth2.Config{
		ClientID: photosim.DefaultClientID, ClientSecret: photosim.DefaultClientSecret, RedirectURL: callback,
		Endpoint: oauth2.Endpoint{AuthURL: google.AuthURL, TokenURL: google.TokenURL},
		Scopes:   []string{"https://www.googleapis.com/auth/photoslibrary.readonly.appcreateddata"},
	}
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, server.Client())

	verifier := oauth2.GenerateVerifier()
	consent := client.AuthCodeURL("state", oauth2.AccessTypeOffline, oauth2.S256ChallengeOption(verifier))
	browser := *server.Client()
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // nobody listens at the callback
	resp, err := browser.PostForm(consent, url.Values{
		"decision": {"allow"}, "account": {photosim.DefaultAccountID}, "scope": client.Scopes,
	})
	if err != nil {
		panic(err)
	}
	resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		panic(err)
	}
	token, err := client.Exchange(ctx, back.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		panic(err)
	}
	fmt.Println("state:", back.Query().Get("state"))
	fmt.Println("refresh token:", token.RefreshToken != "")

	library, err := client.Client(ctx, token).Get(google.Library + "/v1/mediaItems")
	if err != nil {
		panic(err)
	}
	library.Body.Close()
	fmt.Println("library:", library.Status)
	// Output:
	// state: state
	// refresh token: true
	// library: 200 OK
}

// Tokens can be had without a consent page, and any call can be made to go wrong. Transport needs no socket, so that it
// works under testing/synctest too.
func ExampleServer_Faults() {
	sim := photosim.New(photosim.Config{})
	defer sim.Close()
	grant, err := sim.Grant(photosim.GrantRequest{})
	if err != nil {
		panic(err)
	}
	if err := sim.Faults(photosim.Fault{Route: "mediaItems.list", Calls: []int{2}, Error: "minute_quota", Mode: photosim.Refuse}); err != nil {
		panic(err)
	}
	client := http.Client{Transport: sim.Transport()}
	for range 3 {
		req, err := http.NewRequest(http.MethodGet, "https://photoslibrary.googleapis.com/v1/mediaItems", nil)
		if err != nil {
			panic(err)
		}
		req.Header.Set("Authorization", "Bearer "+grant.AccessToken)
		resp, err := client.Do(req)
		if err != nil {
			panic(err)
		}
		resp.Body.Close()
		fmt.Println(resp.Status)
	}
	// Output:
	// 200 OK
	// 429 Too Many Requests
	// 200 OK
}
