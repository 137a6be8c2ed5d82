package media

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/mqttapi"
)

func TestExpand(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	for _, name := range []string{
		"clips/2.mp4", "clips/1.mp4", "clips/a.jpg", "clips/day/3.mp4", "clips/day/.4.mp4", "clips/day/5.mp4.part", "clips/.hidden/6.mp4",
		"clips/@eaDir/7.mp4", "clips/Thumbs.db", "other/8.mp4", "odd[1].jpg", "odd1.jpg",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"clips/day/loop": "..", "clips/link.mp4": "1.mp4", "way": outside} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	m, err := Open(t.Context(), []string{dir})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		path  string
		below bool
		want  []string
		code  mqttapi.Code
	}{
		"pattern":             {dir + "/clips/*.mp4", false, []string{"clips/1.mp4", "clips/2.mp4", "clips/link.mp4"}, ""},
		"relative":            {"clips/*.jpg", false, []string{"clips/a.jpg"}, ""},
		"folders too":         {dir + "/*/*.mp4", false, []string{"clips/1.mp4", "clips/2.mp4", "clips/link.mp4", "other/8.mp4"}, ""},
		"folder":              {dir + "/clips", true, []string{"clips/1.mp4", "clips/2.mp4", "clips/a.jpg", "clips/day/3.mp4", "clips/link.mp4"}, ""},
		"pattern and folders": {dir + "/c*", true, []string{"clips/1.mp4", "clips/2.mp4", "clips/a.jpg", "clips/day/3.mp4", "clips/link.mp4"}, ""},
		"file":                {dir + "/clips/a.jpg", true, []string{"clips/a.jpg"}, ""},
		"hidden, if asked":    {dir + "/clips/day/.*.mp4", false, []string{"clips/day/.4.mp4"}, ""},
		"class":               {dir + "/odd[1].jpg", false, []string{"odd1.jpg"}, ""},
		"folder, not below":   {dir + "/clips", false, nil, mqttapi.CodeUnreadable},
		"nothing":             {dir + "/clips/*.png", false, nil, mqttapi.CodeNotFound},
		"no folder":           {dir + "/none/*.png", false, nil, mqttapi.CodeNotFound},
		"broken":              {dir + "/[a", false, nil, mqttapi.CodeBadPayload},
		"outside":             {outside + "/*", false, nil, mqttapi.CodeNotAllowed},
		"up":                  {dir + "/../*", false, nil, mqttapi.CodeNotAllowed},
		"leads out":           {dir + "/way", true, nil, mqttapi.CodeNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := m.Expand(t.Context(), tc.path, tc.below)
			for i := range got {
				got[i] = strings.TrimPrefix(got[i], dir+"/")
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || codeOf(err) != tc.code {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}
