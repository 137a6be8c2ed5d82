package auth

import (
	"slices"
	"strings"
)

// The Photos scopes that are left since 31 March 2025; each covers only what this Google Cloud project made.
// https://developers.google.com/photos/overview/authorization
const (
	ScopeAppend = "https://www.googleapis.com/auth/photoslibrary.appendonly"
	ScopeRead   = "https://www.googleapis.com/auth/photoslibrary.readonly.appcreateddata"
	ScopeEdit   = "https://www.googleapis.com/auth/photoslibrary.edit.appcreateddata"
)

// Scopes is what a link asks for. Google's page lets the person untick each one.
// https://developers.google.com/identity/protocols/oauth2/resources/granular-permissions
var Scopes = []string{ScopeAppend, ScopeRead, ScopeEdit, "openid", "email", "profile"}

// longScopes are the forms in which Google's answers name what was asked for by a short name.
var longScopes = map[string]string{
	"https://www.googleapis.com/auth/userinfo.email":   "email",
	"https://www.googleapis.com/auth/userinfo.profile": "profile",
}

// features says in words what is off without a scope.
var features = map[string]string{
	ScopeAppend: "uploading photos and creating albums",
	ScopeRead:   "listing albums and photos",
	ScopeEdit:   "changing descriptions, album titles and covers, and taking photos out of albums",
	"email":     "showing the account's e-mail address",
	"profile":   "showing the account's name",
}

// parseScopes reads a space-separated list as Google writes it: sorted, without repeats, and with the short
// names of Scopes.
func parseScopes(list string) []string {
	scopes := strings.Fields(list)
	for i, s := range scopes {
		scopes[i] = shortScope(s)
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}

// missingScopes gives those of Scopes that are not granted, in their order.
func missingScopes(granted []string) []string {
	var missing []string
	for _, s := range Scopes {
		if !slices.Contains(granted, s) {
			missing = append(missing, s)
		}
	}
	return missing
}

func shortScope(s string) string {
	if short, ok := longScopes[s]; ok {
		return short
	}
	return s
}
