package photosim

import (
	"html"
	"net/http"
)

// writeHTML sends a page of Google's front end.
func writeHTML(w http.ResponseWriter, status int, title, text string) {
	page := "<!DOCTYPE html>\n<html lang=en>\n<meta charset=utf-8>\n<meta name=viewport content=\"width=device-width, initial-scale=1\">\n<title>" +
		html.EscapeString(title) + "</title>\n<p><b>" + html.EscapeString(title) + "</b>\n<p>" + html.EscapeString(text) + "\n"
	write(w, status, "text/html; charset=utf-8", []byte(page))
}
