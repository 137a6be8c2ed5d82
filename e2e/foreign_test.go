package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"golang.org/x/oauth2"
)

// foreign is a Google Photos client that knows nothing of this project: Google's
// addresses are in it, and the standard library's HTTP client finds the proxy
// and the certificate authority in HTTPS_PROXY and SSL_CERT_FILE. It signs in,
// uploads the file that is its argument, and prints what the library then has.
func foreign() {
	if err := uploadForeign(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const photosAPI = "https://photoslibrary.googleapis.com/v1/"

func uploadForeign(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	google, err := signIn(&oauth2.Config{
		ClientID: "photosim.apps.googleusercontent.com", ClientSecret: "photosim-secret", RedirectURL: "http://127.0.0.1:53682/",
		Endpoint: oauth2.Endpoint{AuthURL: "https://accounts.google.com/o/oauth2/auth", TokenURL: "https://oauth2.googleapis.com/token"},
		Scopes: []string{
			"https://www.googleapis.com/auth/photoslibrary.appendonly",
			"https://www.googleapis.com/auth/photoslibrary.readonly.appcreateddata",
		},
	})
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	token, err := call(google, http.MethodPost, photosAPI+"uploads", "application/octet-stream", content, map[string]string{
		"X-Goog-Upload-Content-Type": "image/jpeg", "X-Goog-Upload-Protocol": "raw",
	})
	if err != nil {
		return err
	}
	create := fmt.Sprintf(`{"newMediaItems": [{"simpleMediaItem": {"fileName": %q, "uploadToken": %q}}]}`, file, token)
	if _, err := call(google, http.MethodPost, photosAPI+"mediaItems:batchCreate", "application/json", []byte(create), nil); err != nil {
		return err
	}
	return list(google, content)
}

// signIn does without a browser: it answers the consent page at once.
func signIn(config *oauth2.Config) (*http.Client, error) {
	ctx := context.Background()
	verifier := oauth2.GenerateVerifier()
	consent := config.AuthCodeURL("state", oauth2.AccessTypeOffline, oauth2.S256ChallengeOption(verifier))
	shown, err := call(http.DefaultClient, http.MethodGet, consent, "", nil, nil)
	if err != nil {
		return nil, err
	}
	form, err := readForm(string(shown))
	if err != nil {
		return nil, err
	}
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.PostForm(consent, url.Values{"account": {form.accounts[""]}, "scope": form.scopes, "decision": {"allow"}})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		return nil, err
	}
	token, err := config.Exchange(ctx, back.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, err
	}
	return config.Client(ctx, token), nil
}

// list prints the items of the library, and compares the bytes of the first with
// what was uploaded.
func list(google *http.Client, want []byte) error {
	text, err := call(google, http.MethodGet, photosAPI+"mediaItems", "", nil, nil)
	if err != nil {
		return err
	}
	var library struct {
		MediaItems []struct{ ID, Filename, MimeType, BaseURL string }
	}
	if err := json.Unmarshal(text, &library); err != nil || len(library.MediaItems) == 0 {
		return fmt.Errorf("the library is %s (%w)", text, err)
	}
	for _, item := range library.MediaItems {
		fmt.Println(item.Filename, item.MimeType)
	}
	got, err := call(http.DefaultClient, http.MethodGet, library.MediaItems[0].BaseURL+"=d", "", nil, nil)
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("downloaded %d bytes, want the %d of the file", len(got), len(want))
	}
	return err
}

// call expects an answer over HTTP/2 with status 200.
func call(client *http.Client, method, address, contentType string, body []byte, headers map[string]string) ([]byte, error) {
	req, err := http.NewRequest(method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", contentType)
	for key, value := range headers {
		req.Header.Set(key, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2) {
		err = fmt.Errorf("%s %s: %s %s: %s", method, req.URL.Path, resp.Proto, resp.Status, text)
	}
	return text, err
}
