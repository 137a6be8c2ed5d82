//go:build !linux && !freebsd

package disk

import (
	"os"

	"go.etcd.io/bbolt"
)

// readPages does nothing: there is no such advice here.
func readPages(*os.File) {}

// forgetPages does nothing either.
func forgetPages(*bbolt.Tx) {}
