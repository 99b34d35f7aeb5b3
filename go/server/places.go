package main

import (
	_ "embed"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// The table of the PyPI package tzdata, which the Python server reads too, so that both write the same places to Redis.
//
//go:embed zone1970.tab
var zoneTable string

var iso6709 = regexp.MustCompile(`^([+-])(\d{2})(\d{2})(\d{2})?([+-])(\d{3})(\d{2})(\d{2})?$`)

// A place is the principal location of a time zone.
type place struct {
	name                string  // of the zone, such as "Europe/Zurich"
	latitude, longitude float64 // degrees north, degrees east
	countries           string  // ISO 3166 codes, separated by commas, principal country first
	remark              string  // part of the country to which the zone applies; may be empty
}

// parsePosition parses a position in ISO 6709 form, ±DDMM±DDDMM or ±DDMMSS±DDDMMSS, such as "+4723+00832".
func parsePosition(text string) (latitude, longitude float64, err error) {
	match := iso6709.FindStringSubmatch(text)
	if match == nil || (match[4] == "") != (match[8] == "") {
		return 0, 0, fmt.Errorf("%q is not a position; use ±DDMM±DDDMM or ±DDMMSS±DDDMMSS", text)
	}
	if latitude, err = degrees(match[1:5]); err != nil {
		return 0, 0, err
	}
	if longitude, err = degrees(match[5:9]); err != nil {
		return 0, 0, err
	}
	if math.Abs(latitude) > 90 || math.Abs(longitude) > 180 {
		return 0, 0, fmt.Errorf("%q lies off the globe", text)
	}
	return latitude, longitude, nil
}

// degrees converts sign, degrees, minutes and seconds.
func degrees(parts []string) (float64, error) {
	var numbers [3]int
	for i, part := range parts[1:] {
		numbers[i], _ = strconv.Atoi(part) // the pattern allows only digits, or nothing
	}
	if numbers[1] >= 60 || numbers[2] >= 60 {
		return 0, fmt.Errorf("%d minutes and %d seconds must be below 60", numbers[1], numbers[2])
	}
	value := float64(numbers[0]) + float64(numbers[1])/60 + float64(numbers[2])/3600
	if parts[0] == "-" {
		value = -value
	}
	return value, nil
}

// parseTable parses zone1970.tab: lines of country codes, position, zone name and an optional remark, separated by tabs; lines
// that start with # are comments.
func parseTable(text string) ([]place, error) {
	var places []place
	seen := map[string]bool{}
	for number, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		columns := strings.Split(line, "\t")
		if len(columns) < 3 || len(columns) > 4 || columns[0] == "" || columns[2] == "" {
			return nil, fmt.Errorf("line %d: %q has %d columns, some maybe empty; use 3 or 4", number+1, line, len(columns))
		}
		latitude, longitude, err := parsePosition(columns[1])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number+1, err)
		}
		if seen[columns[2]] {
			return nil, fmt.Errorf("line %d: %s is repeated; remove one of the lines", number+1, columns[2])
		}
		seen[columns[2]] = true
		places = append(places, place{columns[2], latitude, longitude, columns[0], strings.Join(columns[3:], "")})
	}
	if len(places) == 0 {
		return nil, fmt.Errorf("the table has no places; add at least one line")
	}
	return places, nil
}
