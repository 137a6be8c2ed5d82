package mqttapi

// The words that Home Assistant shows to people, all in this file so that they can be read, and one day translated, in
// one place. Home Assistant puts the device's name before an entity's, so the latter do not repeat it.
const (
	nameDevice       = "Google Photos " // and the name of the entry
	nameManufacturer = "Google"
	nameModel        = "Google Photos library"
	nameOrigin       = "gphotos2mqtt"

	nameUpload        = "Upload"
	nameUploadResult  = "Upload result"
	nameLatestUpload  = "Latest upload"
	nameAlbums        = "Albums"
	nameAlbum         = "Album" // one without a title; the others have theirs
	nameRecentMedia   = "Recent media"
	nameLastUpload    = "Last upload"
	nameQueue         = "Queue"
	nameUploaded      = "Uploaded"
	nameRequestsLeft  = "Requests left today"
	nameLinkStatus    = "Link status"
	nameProgress      = "Upload progress"
	nameProblem       = "Problem"
	nameRefresh       = "Refresh"
	nameLink          = "Link account"
	nameUnlink        = "Unlink account"
	nameFinishLinking = "Finish linking"

	unitAlbums   = "albums"
	unitItems    = "items"
	unitFiles    = "files"
	unitRequests = "requests"
)
