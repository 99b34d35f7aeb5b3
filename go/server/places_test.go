package main

import (
	"strings"
	"testing"
)

// The embedded table has the world's time zones, with their positions.
func TestTheTableHasPlaces(t *testing.T) {
	places, err := parseTable(zoneTable)
	if err != nil || len(places) < 300 {
		t.Fatalf("got %d places, %v", len(places), err)
	}
	for _, p := range places {
		if p.name == "Europe/Zurich" {
			near(t, p.latitude, 47.3833, 0.001)
			near(t, p.longitude, 8.5333, 0.001)
			if !strings.HasPrefix(p.countries, "CH,") {
				t.Errorf("got %q", p.countries)
			}
			return
		}
	}
	t.Error("Europe/Zurich is missing")
}

// Seconds, signs and remarks are read.
func TestALineIsRead(t *testing.T) {
	places, err := parseTable("# comment\nUS,CA\t-010203+1795959\tA/One\ta remark\n")
	if err != nil || len(places) != 1 {
		t.Fatalf("got %v, %v", places, err)
	}
	want := place{"A/One", -1.0341666666666667, 179.9997222222222, "US,CA", "a remark"} // as Python computes them
	if places[0] != want {
		t.Errorf("got %v, want %v", places[0], want)
	}
}

// A malformed table is an error that names the line.
func TestAMalformedTableIsAnError(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "the table has no places",
		"CH\t+4723+00832":                        "line 1: \"CH\\t+4723+00832\" has 2 columns",
		"CH\t4723+00832\tA":                      "line 1: \"4723+00832\" is not a position",
		"CH\t+472301+00832\tA":                   "is not a position",
		"CH\t+4760+00832\tA":                     "60 minutes and 0 seconds must be below 60",
		"CH\t+9100+00832\tA":                     "lies off the globe",
		"CH\t+4723+00832\tA\nCH\t+4723+00832\tA": "line 2: A is repeated",
	} {
		if _, err := parseTable(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %v", text, err, want)
		}
	}
}
