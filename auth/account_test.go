package auth

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseAccount(t *testing.T) {
	tests := map[string]Account{
		`{"sub":"1","name":"Sam","email":"a@b","email_verified":true,"picture":"https://x"}`: {ID: "1", Name: "Sam", Email: "a@b"},
		`{"id":"2","name":"Sam"}`:                               {ID: "2", Name: "Sam"},
		`{"sub":"1","id":"2"}`:                                  {ID: "1"},
		`{"sub":"1","name":" S\u0000a\nm\u202e "}`:              {ID: "1", Name: "Sam"},
		`{"sub":"1","name":"` + strings.Repeat("ä", 300) + `"}`: {ID: "1", Name: strings.Repeat("ä", maxName)},
	}
	for body, want := range tests {
		if got, err := parseAccount([]byte(body)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
	for _, body := range []string{
		"", "[]", "{}", `{"sub":""}`, `{"sub":1}`, `{"sub":"a\nb"}`, `{"sub":"` + strings.Repeat("1", maxID+1) + `"}`, "<html>",
	} {
		if got, err := parseAccount([]byte(body)); !errors.Is(err, errAccount) {
			t.Errorf("%s: %+v", body, got)
		}
	}
}

func TestAccountString(t *testing.T) {
	for want, a := range map[string]Account{
		"Sam (a@b)": {ID: "1", Name: "Sam", Email: "a@b"}, "Sam": {ID: "1", Name: "Sam"},
		"a@b": {ID: "1", Email: "a@b"}, "account 1": {ID: "1"},
	} {
		if got := a.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func FuzzAccount(f *testing.F) {
	f.Add([]byte(`{"sub":"1","name":"Sam","email":"a@b"}`))
	f.Add([]byte(`{"id":"2","name":"\ud800"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := parseAccount(body)
		if err != nil {
			return
		}
		if a.ID == "" || len(a.ID) > maxID || !utf8.ValidString(a.Name+a.Email) ||
			utf8.RuneCountInString(a.Name) > maxName || strings.ContainsFunc(a.ID+a.Name+a.Email, unprintable) {
			t.Fatalf("%+v", a)
		}
	})
}
