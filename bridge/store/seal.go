package store

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// sealed marks a secret that is not in the clear.
const sealed = "sealed:"

func newSeal(key []byte) (cipher.AEAD, error) {
	if key == nil {
		return nil, nil
	}
	if len(key) != 32 {
		return nil, fmt.Errorf("the store's key has %d bytes and must have 32", len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// sealJob returns a copy of j whose secrets may lie on the disk. They are bound
// to the job, so that one cannot be moved into another.
func (s *Store) sealJob(j *Job) *Job {
	c := *j
	c.Files = slices.Clone(j.Files)
	for i := range c.Files {
		for _, secret := range []*Secret{&c.Files[i].Session, &c.Files[i].Token} {
			if s.seal != nil && *secret != "" {
				box := s.seal.Seal(nil, nil, []byte(*secret), []byte(j.ID)) //nolint:gosec // this AEAD makes its own nonce
				*secret = Secret(sealed + base64.RawStdEncoding.EncodeToString(box))
			}
		}
	}
	return &c
}

// unsealJob is the way back. What cannot be opened is forgotten: the file is
// then sent from its beginning.
func (s *Store) unsealJob(j *Job) {
	for i := range j.Files {
		f := &j.Files[i]
		f.Session = s.unseal(f.Session, j.ID)
		if f.Token = s.unseal(f.Token, j.ID); f.Token == "" && f.Status == FileSent {
			f.Status = FileQueued
		}
	}
}

func (s *Store) unseal(secret Secret, id string) Secret {
	text, isSealed := strings.CutPrefix(string(secret), sealed)
	if !isSealed {
		return secret
	}
	box, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || s.seal == nil {
		return ""
	}
	open, err := s.seal.Open(nil, nil, box, []byte(id))
	if err != nil {
		return ""
	}
	return Secret(open)
}
