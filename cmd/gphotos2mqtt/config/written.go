package config

import (
	"cmp"
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// yes and no, as people and YAML write them.
var yesAndNo = map[string]bool{
	"true": true, "t": true, "1": true, "yes": true, "y": true, "on": true,
	"false": false, "f": false, "0": false, "no": false, "n": false, "off": false,
}

func readBool(text string) (bool, error) {
	value, ok := yesAndNo[strings.ToLower(text)]
	if !ok {
		return false, errors.New("write true or false")
	}
	return value, nil
}

var (
	errDuration  = errors.New("write a duration such as 90s, 50m, 12h or 7d")
	durationPart = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)\s*([a-z]+)[\s,]*`)
	// As people write them; a minute is m, as in Go, and nothing here lasts months.
	durationUnits = map[string]time.Duration{
		"ms": time.Millisecond,
		"s":  time.Second, "sec": time.Second, "second": time.Second,
		"m": time.Minute, "min": time.Minute, "minute": time.Minute,
		"h": time.Hour, "hour": time.Hour, "d": 24 * time.Hour, "day": 24 * time.Hour, "w": 7 * 24 * time.Hour, "week": 7 * 24 * time.Hour,
	}
)

// readDuration takes what Go writes, such as 1h30m, and days and weeks, with units also as words. A number alone is none but 0.
func readDuration(text string) (sum time.Duration, _ error) {
	if d, err := time.ParseDuration(text); err == nil {
		return d, nil
	}
	for rest := strings.ToLower(text); rest != ""; {
		part := durationPart.FindStringSubmatch(rest)
		if part == nil {
			return 0, errDuration
		}
		unit := cmp.Or(durationUnits[part[2]], durationUnits[strings.TrimSuffix(part[2], "s")])
		n, err := strconv.ParseFloat(part[1], 64)
		if unit == 0 || err != nil || float64(sum)+n*float64(unit) > math.MaxInt64/2 {
			return 0, errDuration
		}
		sum += time.Duration(n * float64(unit))
		rest = rest[len(part[0]):]
	}
	return sum, nil
}
