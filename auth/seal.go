package auth

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A sealed record is: one byte version, four bytes key id, then nonce, AES-256-GCM ciphertext and tag. The
// seal covers version, key id and the entry's name too, so that a record put under another entry's name does
// not open. Nonces are random: safe for 2^32 records under one key, which at one record an hour and entry is
// never reached. https://pkg.go.dev/crypto/cipher#NewGCMWithRandomNonce
const (
	sealVersion = 1
	sealHeader  = 1 + 4
	maxSealed   = 64 << 10
)

// plainRecord is a record as it is sealed: the one form in which tokens are plain text.
type plainRecord struct {
	Account Account   `json:"account"`
	Scopes  []string  `json:"scopes"`
	Access  string    `json:"access_token"`
	Expires time.Time `json:"expires"`
	Refresh string    `json:"refresh_token"`
	Granted time.Time `json:"granted"`
	Until   time.Time `json:"until,omitzero"`
	Renewed time.Time `json:"renewed"`
	Reason  string    `json:"reason,omitempty"`
}

// seal encrypts the record of an entry.
func (k Key) seal(entry string, r *record) ([]byte, error) {
	plain, err := json.Marshal(plainRecord{
		Account: r.Account, Scopes: r.Scopes,
		Access: string(r.Access), Expires: r.Expires, Refresh: string(r.Refresh),
		Granted: r.Granted, Until: r.Until, Renewed: r.Renewed, Reason: r.Reason,
	})
	if err != nil {
		return nil, fmt.Errorf("seal link: %w", err)
	}
	aead, err := k.aead()
	if err != nil {
		return nil, fmt.Errorf("seal link: %w", err)
	}
	id := k.id()
	header := append([]byte{sealVersion}, id[:]...)
	covered := append(bytes.Clone(header), entry...)
	return aead.Seal(header, nil, plain, covered), nil //nolint:gosec // G407: this AEAD makes its own nonces
}

// unseal is the way back. Its errors are ErrSealed with a sentence that says which of the two is wrong, the
// key or the record.
func (k Key) unseal(entry string, sealed []byte) (*record, error) {
	id := k.id()
	switch {
	case len(sealed) < sealHeader || len(sealed) > maxSealed:
		return nil, damaged(entry, fmt.Errorf("%d bytes", len(sealed)))
	case sealed[0] != sealVersion:
		return nil, damaged(entry, fmt.Errorf("version %d", sealed[0]))
	case !bytes.Equal(sealed[1:sealHeader], id[:]):
		return nil, because(ErrSealed, fmt.Sprintf("The link of entry %s was sealed with another secret key "+
			"(key-%x, and the key in use is %s). Put the old key back into GPHOTOS_SECRET_KEY or the key file, "+
			"or delete the stored link and link the account again.", entry, sealed[1:sealHeader], k), nil)
	}
	aead, err := k.aead()
	if err != nil {
		return nil, damaged(entry, err)
	}
	covered := append(bytes.Clone(sealed[:sealHeader]), entry...)
	plain, err := aead.Open(nil, nil, sealed[sealHeader:], covered)
	if err != nil {
		return nil, damaged(entry, err)
	}
	var p plainRecord
	if err := json.Unmarshal(plain, &p); err != nil || p.Account.ID == "" {
		return nil, damaged(entry, errors.New("no record under the seal"))
	}
	return &record{
		Account: p.Account, Scopes: p.Scopes,
		Access: Secret(p.Access), Expires: p.Expires, Refresh: Secret(p.Refresh),
		Granted: p.Granted, Until: p.Until, Renewed: p.Renewed, Reason: p.Reason,
	}, nil
}

func (k Key) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func damaged(entry string, cause error) error {
	return because(ErrSealed, fmt.Sprintf("The stored link of entry %s is damaged. "+
		"Restore the data directory from a backup, or delete the stored link and link the account again.", entry), cause)
}
