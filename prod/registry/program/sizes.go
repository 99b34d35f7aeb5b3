package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

var units = []struct {
	suffix string
	bytes  int64
}{{"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {"Ti", 1 << 40}}

// parseSize returns the bytes of a size such as 8Gi, as Kubernetes writes them.
func parseSize(text string) (int64, error) {
	number, factor := text, int64(1)
	for _, unit := range units {
		if rest, found := strings.CutSuffix(text, unit.suffix); found {
			number, factor = rest, unit.bytes
		}
	}
	count, err := strconv.ParseInt(number, 10, 64)
	if err != nil || count <= 0 || count > math.MaxInt64/factor {
		return 0, fmt.Errorf("%q is not a size; use a number of bytes, or one with Ki, Mi, Gi or Ti", text)
	}
	return count * factor, nil
}

// formatSize returns a size for people: 1.5 GiB.
func formatSize(bytes int64) string {
	text := fmt.Sprintf("%d bytes", bytes)
	for _, unit := range units {
		if bytes >= unit.bytes {
			text = fmt.Sprintf("%.1f %sB", float64(bytes)/float64(unit.bytes), unit.suffix)
		}
	}
	return text
}
