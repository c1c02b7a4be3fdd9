package html

import (
	"conclave/bots/receive"
	"conclave/bots/report"
)

type layerCounts = receive.Pictures

// layers are lines of the pictures by height.
func layers(of func(string, func(*report.Sample) float64) line, counts func(*report.Sample) *layerCounts) []line {
	return []line{
		of("up to 180", func(x *report.Sample) float64 { return float64(counts(x).P180) }),
		of("up to 360", func(x *report.Sample) float64 { return float64(counts(x).P360) }),
		of("up to 720", func(x *report.Sample) float64 { return float64(counts(x).P720) }),
		of("more", func(x *report.Sample) float64 { return float64(counts(x).More) }),
	}
}
