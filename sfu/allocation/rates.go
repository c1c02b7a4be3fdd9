package allocation

import (
	"math"
	"time"
)

// Inputs: the measured rates of layers.

const (
	rateWindow   = 2 * time.Second
	rateSamples  = 11                     // in a window, one every 200 ms
	rateEvery    = 200 * time.Millisecond // at least between two
	rateSettles  = time.Second            // so long must have been measured
	rateLasts    = 30 * time.Second       // so long a rate is remembered
	rateRestarts = 3 * time.Second        // a silence so long begins a new measurement
)

// Meter measures the rates of one encoding up to each of its temporal layers. The zero value is ready. It keeps nothing
// but its fixed size.
type Meter struct {
	samples [rateSamples]sample
	n       int // samples kept, newest last

	known    bool
	rates    [MaxTemporal]int64
	temporal int
	at       time.Time // of the latest rates
}

type sample struct {
	at    time.Time
	bytes [MaxTemporal]uint64
}

// Observe takes in how many bytes each temporal layer has brought so far.
func (m *Meter) Observe(now time.Time, bytes [MaxTemporal]uint64) {
	if m.n > 0 {
		last := &m.samples[m.n-1]
		switch silence := now.Sub(last.at); {
		case fewer(bytes, last.bytes): // the encoding has begun anew
			m.n = 0
		case last.bytes == bytes || silence < rateEvery: // a pause is no lower rate
			return
		case silence >= rateRestarts:
			m.n = 0
		}
	}
	first := 0
	for first < m.n && (m.n-first == rateSamples || now.Sub(m.samples[first].at) > rateWindow) {
		first++
	}
	m.n = copy(m.samples[:], m.samples[first:m.n])
	m.samples[m.n] = sample{now, bytes}
	m.n++
	m.measure()
}

func fewer(a, b [MaxTemporal]uint64) bool {
	for i := range a {
		if a[i] < b[i] {
			return true
		}
	}
	return false
}

func (m *Meter) measure() {
	first, last := &m.samples[0], &m.samples[m.n-1]
	elapsed := last.at.Sub(first.at)
	if elapsed < rateSettles {
		return
	}
	var sum int64
	temporal := 1
	for i := range m.rates {
		if grown := last.bytes[i] - first.bytes[i]; last.bytes[i] > first.bytes[i] {
			sum += int64(float64(grown) * 8 / elapsed.Seconds())
			temporal = i + 1
		}
		m.rates[i] = sum
	}
	m.temporal, m.at, m.known = temporal, last.at, true
}

// Measured is the rate of the whole encoding, if it has been measured lately.
func (m *Meter) Measured(now time.Time) (rate int64, ok bool) {
	return m.rates[MaxTemporal-1], m.known && now.Sub(m.at) < rateLasts
}

// Rates fills in what l takes: measured, if it was lately, else nominal.
func (m *Meter) Rates(now time.Time, l *Layer) {
	if m.known && now.Sub(m.at) < rateLasts {
		l.Temporal, l.Rates = m.temporal, m.rates
		return
	}
	l.Temporal = max(1, m.temporal)
	total := nominal(l.Height)
	for i := range l.Rates {
		l.Rates[i] = total * nominalShare(l.Temporal, i) / 100
	}
	if m.known && m.rates[MaxTemporal-1] < total { // it did with less, and is measured anew as soon as it is sent
		l.Rates = m.rates
	}
}

// nominal is what a camera of the given height usually takes: 150 kbit/s with 180 lines, 1.6 Mbit/s with 720.
func nominal(height int) int64 {
	h := float64(min(max(height, 1), 4320))
	return int64(150_000 * math.Pow(h/180, 1.7))
}

// nominalShare is how many hundredths of a layer's rate its temporal layers up to i take.
func nominalShare(temporal, i int) int64 {
	switch {
	case i >= temporal-1:
		return 100
	case i == temporal-2:
		return 60
	default:
		return 40
	}
}
