package main

import (
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

const (
	// Radius of Earth in Redis, so that our distances equal those of GEOSEARCH.
	earthRadiusKm = 6372.797560856
	// Highest latitude that Redis can index, because it uses Web Mercator tiles.
	maxLatitude = 85.05112878
	// Largest distance between two places: half of Earth's circumference.
	maxDistanceKm = math.Pi * earthRadiusKm
)

// invalidInput is the error for a value of a request that is out of range; the text says what is valid.
type invalidInput string

func (e invalidInput) Error() string { return string(e) }

// checkPosition returns an error if Redis can't index a position, in degrees north and east.
func checkPosition(latitude, longitude float64) error {
	if !(math.Abs(latitude) <= maxLatitude) { // written so that NaN fails too
		return invalidInput(fmt.Sprintf("latitude is %.6g; use degrees from -85.05 to 85.05", latitude))
	}
	if !(math.Abs(longitude) <= 180) {
		return invalidInput(fmt.Sprintf("longitude is %.6g; use degrees from -180 to 180", longitude))
	}
	return nil
}

// checkRadius returns an error unless a radius in km is more than 0 and at most maxDistanceKm.
func checkRadius(radiusKm float64) error {
	if !(radiusKm > 0 && radiusKm <= maxDistanceKm) {
		return invalidInput(fmt.Sprintf("radius_km is %.6g; use more than 0 and at most %.0f", radiusKm, maxDistanceKm))
	}
	return nil
}

// checkText returns an error if a text is empty or has more than limit characters.
func checkText(field, text string, limit int) error {
	if count := utf8.RuneCountInString(text); count < 1 || count > limit {
		return invalidInput(fmt.Sprintf("%s has %d characters; use 1 to %d", field, count, limit))
	}
	return nil
}

// roundedKm returns a length rounded to a millimeter, as Python's round does. The last bits of a sine depend on the language, and
// the sample's servers are interchangeable.
func roundedKm(lengthKm float64) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(lengthKm, 'f', 6, 64), 64)
	if err != nil { // ParseFloat reads everything that FormatFloat writes
		panic(err)
	}
	return rounded
}

// distanceKm returns the great-circle distance in km between two positions in degrees (haversine formula).
func distanceKm(latitude1, longitude1, latitude2, longitude2 float64) float64 {
	radians := math.Pi / 180
	phi1, phi2 := latitude1*radians, latitude2*radians
	u := math.Sin((phi2 - phi1) / 2)
	v := math.Sin((longitude2 - longitude1) * radians / 2)
	h := u*u + math.Cos(phi1)*math.Cos(phi2)*v*v
	return 2 * earthRadiusKm * math.Asin(math.Sqrt(min(1, h)))
}
