package store

import "context"

// keyRecord of [Bridge] is what the key has sealed that the store was first used with by several processes.
const keyRecord = "key"

// SameKey fails with secret.ErrOtherKey in a process that has another key than the others that share the store: it would open none of their
// links, and they none of what it seals. The first one notes its key; with note false nothing is written.
func (s *Store) SameKey(ctx context.Context, note bool) error {
	var sealed []byte
	found, err := s.LoadState(ctx, Bridge, keyRecord, &sealed)
	if err == nil && !found && note {
		// A stop right here leaves it to the next process.
		err = s.MergeState(ctx, Bridge, keyRecord, &sealed, func() {
			if sealed == nil {
				sealed = s.key.Seal([]byte(keyRecord), keyRecord)
			}
		})
	}
	if err == nil && sealed != nil {
		_, err = s.key.Open(sealed, keyRecord)
	}
	return during("compare keys", err)
}
