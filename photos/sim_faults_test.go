package photos_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/photos"
	"gphotos2mqtt/photos/photosim"
)

func inject(t *testing.T, sim *photosim.Server, faults ...photosim.Fault) {
	t.Helper()
	if err := sim.Faults(faults...); err != nil {
		t.Fatal(err)
	}
}

func TestRefusalsOfTheSimulator(t *testing.T) {
	sim, c := simulated(t, photosim.Config{})
	token := upload(t, c, photo(1))
	kinds := map[string]photos.Kind{
		"daily_quota": photos.DailyQuota, "daily_quota_plain": photos.DailyQuota, "minute_quota": photos.RateLimited,
		"upload_quota": photos.RateLimited, "concurrent_write": photos.ConcurrentWrites, "storage_full": photos.StorageFull,
		"unauthenticated": photos.Unauthorized, "scopes": photos.ScopeMissing, "photos_disabled": photos.PhotosDisabled,
		"not_enabled": photos.ProjectBlocked, "service_disabled": photos.ProjectBlocked, "consumer_invalid": photos.ProjectBlocked,
		"consumer_suspended": photos.ProjectBlocked, "item_id": photos.NotFound, "upload_token": photos.Expired,
		"no_permission": photos.AlbumNotWriteable, "album_unknown": photos.AlbumNotFound, "album_not_writeable": photos.AlbumNotWriteable,
		"not_found": photos.AlbumNotFound, "aborted": photos.Transient, "internal": photos.Transient, "unavailable": photos.Transient,
		"deadline": photos.Transient, "invalid_grant": photos.Unauthorized, "invalid_client": photos.ProjectBlocked,
		"wrong_secret": photos.ProjectBlocked, "unauthorized_client": photos.ProjectBlocked, "deleted_client": photos.ProjectBlocked,
		"disabled_client": photos.ProjectBlocked, "admin_policy_enforced": photos.PhotosDisabled, "internal_failure": photos.Transient,
	}
	for name := range photosim.FaultErrors {
		inject(t, sim, photosim.Fault{Route: "mediaItems.batchCreate", Mode: photosim.Refuse, Error: name})
		_, err := c.CreateItems(t.Context(), "album", []photos.NewItem{{Token: token}})
		if e, ok := errors.AsType[*photos.Error](err); !ok || e.Kind != kinds[name] || (e.Kind == photos.ProjectBlocked) != (e.Console != "") {
			t.Errorf("%s: got %v, want %v", name, err, kinds[name])
		}
	}
}

func TestLostAnswerMakesNoSecondItem(t *testing.T) {
	sim, c := simulated(t, photosim.Config{})
	batch := []photos.NewItem{{Token: upload(t, c, photo(1)), FileName: "a.png"}}
	for _, fault := range []photosim.Fault{
		{Route: "mediaItems.batchCreate", Mode: photosim.Lose},
		{Route: "mediaItems.batchCreate", Mode: photosim.Lose, Status: 503},
		{Route: "mediaItems.batchCreate", Mode: photosim.Garble},
	} {
		inject(t, sim, fault)
		_, err := c.CreateItems(t.Context(), "", batch)
		if e, ok := errors.AsType[*photos.Error](err); !ok || e.Kind != photos.Transient || !e.Lost {
			t.Errorf("%s: got %v", fault.Mode, err)
		}
	}
	inject(t, sim)
	created, err := c.CreateItems(t.Context(), "", batch)
	if err != nil || created[0].Err != nil || len(sim.Library()[0].Items) != 1 {
		t.Errorf("got %+v, %v with %d items", created, err, len(sim.Library()[0].Items))
	}
}

func TestItemFaults(t *testing.T) {
	sim, c := simulated(t, photosim.Config{})
	for code, want := range map[int]photos.Kind{3: photos.Rejected, 6: photos.Duplicate, 8: photos.RateLimited, 13: photos.ItemFault} {
		inject(t, sim, photosim.Fault{Route: "mediaItems.batchCreate", ItemCode: code, Items: []int{1}})
		created, err := c.CreateItems(t.Context(), "", []photos.NewItem{{Token: upload(t, c, photo(1))}, {Token: upload(t, c, photo(2))}})
		if err != nil || created[0].Err != nil || photos.KindOf(created[1].Err) != want {
			t.Errorf("code %d: got %+v, %v", code, created, err)
		}
	}
}

func TestSessionSurvivesCuts(t *testing.T) {
	sim, c := simulated(t, photosim.Config{})
	ctx, m := t.Context(), video(5<<20)
	s, err := c.Start(ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	after := int64(1<<20 + 1000)
	inject(t, sim,
		photosim.Fault{Route: "uploads.send", Calls: []int{1, 2, 3}, Mode: photosim.Cut, After: &after},
		photosim.Fault{Route: "uploads.send", Calls: []int{4}, Mode: photosim.Lose})
	var at int64
	for range 4 {
		p, err := c.Query(ctx, s)
		if err != nil || p.Final || p.Received%(256<<10) != 0 || at-p.Received > 1<<20 {
			t.Fatalf("got %+v, %v after %d bytes", p, err, at)
		}
		if _, err = c.Send(ctx, s, p.Received, m, func(n int64) { at = n }); photos.KindOf(err) != photos.Transient {
			t.Fatalf("got %v for a cut", err)
		}
	}
	p, err := c.Query(ctx, s)
	if err != nil || !p.Final || p.Token == "" {
		t.Fatalf("got %+v, %v", p, err)
	}
	created, err := c.CreateItems(ctx, "", []photos.NewItem{{Token: p.Token, FileName: "clip.mp4"}})
	if err != nil || created[0].Err != nil || sim.Library()[0].Items[0].Bytes != m.Size {
		t.Errorf("got %+v, %v", created, err)
	}
}

func TestSessionsThatCannotGoOn(t *testing.T) {
	sim, c := simulated(t, photosim.Config{})
	ctx, m := t.Context(), video(1<<20)
	s, err := c.Start(ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(ctx, s, 7, m, nil); photos.KindOf(err) != photos.Transient {
		t.Errorf("wrong offset: %v", err)
	}
	cancel(t, sim, s)
	_, queried := c.Query(ctx, s)
	_, sent := c.Send(ctx, s, 0, m, nil)
	_, unknown := c.Query(ctx, secret.Text("https://photoslibrary.googleapis.com/v1/uploads?upload_id=unknown&upload_protocol=resumable"))
	for _, err := range []error{queried, sent, unknown} {
		if photos.KindOf(err) != photos.Expired {
			t.Errorf("got %v", err)
		}
	}
	inject(t, sim, photosim.Fault{Route: "uploads.*", Mode: photosim.Garble})
	_, started := c.Start(ctx, m)
	_, raw := c.Upload(ctx, photo(1))
	for _, err := range []error{started, raw} {
		if photos.KindOf(err) != photos.Transient {
			t.Errorf("a refusal as an answer: %v", err)
		}
	}
}

// cancel ends a session as Google's Java client does.
func cancel(t *testing.T, sim *photosim.Server, session secret.Text) {
	t.Helper()
	grant, err := sim.Grant(photosim.GrantRequest{})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, string(session), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Goog-Upload-Command", "cancel")
	resp, err := bearer{grant.AccessToken, sim.Transport()}.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusOK || resp.Body.Close() != nil {
		t.Fatalf("got %+v, %v", resp, err)
	}
}

func TestPagesWithFaults(t *testing.T) {
	sim, c := simulated(t, photosim.Config{})
	for i := range 120 {
		if _, err := c.CreateAlbum(t.Context(), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	inject(t, sim,
		photosim.Fault{Route: "albums.list", Calls: []int{1}, Mode: photosim.Repeat},
		photosim.Fault{Route: "albums.list", Calls: []int{2, 4}, Mode: photosim.Empty})
	seen := map[string]int{}
	for album, err := range c.AllAlbums(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		seen[album.ID]++
	}
	if len(seen) != 120 {
		t.Errorf("got %d of 120 albums", len(seen))
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s came %d times", id, n)
		}
	}
}

func TestScopesAndQuotas(t *testing.T) {
	const prefix = "https://www.googleapis.com/auth/photoslibrary."
	_, c := simulated(t, photosim.Config{Quotas: true, DailyRequests: 3}, prefix+"readonly.appcreateddata")
	_, err := c.Upload(t.Context(), photo(1))
	if photos.KindOf(err) != photos.ScopeMissing {
		t.Errorf("got %v", err)
	}
	for range 4 {
		_, err = c.ListItems(t.Context(), 0, "")
	}
	if photos.KindOf(err) != photos.DailyQuota {
		t.Errorf("got %v", err)
	}
}

func TestOneWriterAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim, c := simulated(t, photosim.Config{})
		first, second := upload(t, c, photo(1)), upload(t, c, photo(2))
		sim.Latency(map[string]photosim.Delay{"mediaItems.batchCreate": {Base: time.Minute}})
		group, ctx := errgroup.WithContext(t.Context())
		group.Go(func() error {
			_, err := c.CreateItems(ctx, "", []photos.NewItem{{Token: first}})
			return err
		})
		synctest.Wait() // the first write is at Google now
		if _, err := c.CreateItems(t.Context(), "", []photos.NewItem{{Token: second}}); photos.KindOf(err) != photos.ConcurrentWrites {
			t.Errorf("got %v", err)
		}
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatDiesWithTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim, c := simulated(t, photosim.Config{AccessTokenLife: 30 * 24 * time.Hour})
		token := upload(t, c, photo(7))
		item := made(t, c, "", 1)[0]
		item, err := c.Item(t.Context(), item.ID)
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.Start(t.Context(), video(1000))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(61 * time.Minute)
		if _, err := c.Download(t.Context(), item.BaseURL, photos.SuffixPhoto); photos.KindOf(err) != photos.Expired {
			t.Errorf("base URL: %v", err)
		}
		time.Sleep(24 * time.Hour)
		created, err := c.CreateItems(t.Context(), "", []photos.NewItem{{Token: token}})
		if err != nil || photos.KindOf(created[0].Err) != photos.Rejected {
			t.Errorf("upload token: %+v, %v", created, err)
		}
		time.Sleep(6 * 24 * time.Hour)
		if _, err := c.Query(t.Context(), s); photos.KindOf(err) != photos.Expired {
			t.Errorf("session: %v", err)
		}
		inject(t, sim, photosim.Fault{Route: "mediaItems.list", Mode: photosim.Stall})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := c.ListItems(ctx, 0, ""); photos.KindOf(err) != photos.Transient || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("stall: %v", err)
		}
		inject(t, sim)
		time.Sleep(30 * 24 * time.Hour)
		if _, err := c.ListItems(t.Context(), 0, ""); photos.KindOf(err) != photos.Unauthorized {
			t.Errorf("access token: %v", err)
		}
	})
}
