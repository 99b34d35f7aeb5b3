package main

import (
	"math"
	"strings"
	"testing"
)

func near(t *testing.T, got, want, within float64) {
	t.Helper()
	if math.Abs(got-want) > within {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Known distances are right: a degree on the equator, also across the date line, pole to pole, and Zurich to London.
func TestKnownDistances(t *testing.T) {
	near(t, distanceKm(0, 0, 0, 1), math.Pi*earthRadiusKm/180, 1e-6)
	near(t, distanceKm(0, 179.5, 0, -179.5), math.Pi*earthRadiusKm/180, 1e-6)
	near(t, distanceKm(90, 0, -90, 77), maxDistanceKm, 1e-6)
	near(t, distanceKm(47.3833, 8.5333, 51.5083, -0.1253), 778, 3)
}

// A length is rounded to a millimeter, so that it is the same in every language.
func TestLengthsAreRounded(t *testing.T) {
	near(t, roundedKm(31313.5761150000012), 31313.576115, 0)
	near(t, roundedKm(0), 0, 0)
}

// A value that is out of range, or is not a number, is an error that says what is valid.
func TestValuesOutOfRange(t *testing.T) {
	for want, err := range map[string]error{
		"latitude is 85.06; use degrees from -85.05 to 85.05":  checkPosition(85.06, 0),
		"latitude is NaN; use degrees from -85.05 to 85.05":    checkPosition(math.NaN(), 0),
		"longitude is -181; use degrees from -180 to 180":      checkPosition(0, -181),
		"radius_km is 0; use more than 0 and at most 20021":    checkRadius(0),
		"radius_km is +Inf; use more than 0 and at most 20021": checkRadius(math.Inf(1)),
		"author has 0 characters; use 1 to 64":                 checkText("author", "", 64),
		"author has 65 characters; use 1 to 64":                checkText("author", strings.Repeat("é", 65), 64),
	} {
		if _, ok := err.(invalidInput); !ok || err.Error() != want {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

// The limits themselves are valid.
func TestValidEdgesPass(t *testing.T) {
	for _, err := range []error{checkPosition(85.05, 180), checkPosition(-85.05, -180), checkRadius(maxDistanceKm), checkText("text", strings.Repeat("é", 256), 256)} {
		if err != nil {
			t.Error(err)
		}
	}
}
