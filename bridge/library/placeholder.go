package library

import _ "embed" // of a picture

// noUpload stands for the id of the newest upload while there is none.
const noUpload = "-"

// placeholder is what E/image shows before the first upload, as a picture is what it is said to be: a frame with the sun above a hill.
//
//go:embed placeholder.jpg
var placeholder []byte
