package store

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"gphotos2mqtt/bridge/store/engine"
)

// JobIDs returns the ids of all jobs of all entries, also of those that were set aside.
func (s *Store) JobIDs(ctx context.Context) (map[string]bool, error) {
	ids := make(map[string]bool)
	add := func(key string, _ engine.Record, _ error) bool {
		ids[key[strings.LastIndexByte(key, '.')+1:]] = true
		return true
	}
	return ids, errors.Join(s.each(ctx, add, kindJobs), s.each(ctx, add, kindDamaged))
}

// PayloadNames tells of a payload whether a job of any entry names it; of a job that cannot be understood, all that begin with its id.
func (s *Store) PayloadNames(ctx context.Context) (named func(payload string) bool, err error) {
	payloads, ids := make(map[string]bool), make(map[string]bool)
	aside := func(key string, _ engine.Record, _ error) bool {
		ids[key[strings.LastIndexByte(key, '.')+1:]] = true
		return true
	}
	err = s.each(ctx, func(key string, r engine.Record, err error) bool {
		var j struct{ Files []struct{ Payload string } }
		if err != nil || json.Unmarshal(r.Value, &j) != nil {
			return aside(key, r, err)
		}
		for _, f := range j.Files {
			payloads[f.Payload] = true
		}
		return true
	}, kindJobs)
	err = errors.Join(err, s.each(ctx, aside, kindDamaged))
	return func(payload string) bool {
		id, _, _ := strings.Cut(payload, ".")
		return payloads[payload] || ids[id]
	}, err
}
