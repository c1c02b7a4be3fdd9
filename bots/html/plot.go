package html

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// The plots' own coordinates. They are stretched to the width of the page; labels are text beside them, so that they
// keep their size.
const (
	plotWidth  = 1000
	plotHeight = 200
)

// line is one line of a plot, a value for each sample; NaN is a gap.
type line struct {
	name   string
	values []float64
}

// plot is a plot of values over time.
type plot struct {
	title, unit string
	// span is the time of all samples in seconds, from and to the measured window in it.
	at             []float64
	span, from, to float64
	lines          []line
}

// figure is a plot as the template draws it.
type figure struct {
	Title, Unit string
	// Label says in words what is drawn, for those who cannot see it.
	Label string
	Lines []figureLine
	// Window is where the measured window lies; its width is 0 if there is none.
	WindowX, WindowWidth string
	Y, X                 []string // labels, from the top and from the left
	Wide                 bool
}

type figureLine struct {
	Number int // of its colour and dashes, from 1
	Name   string
	Paths  []string // points of polylines: one, but for gaps
	Last   string
}

// draw works out where everything goes; ok is false when there is nothing to draw.
func (p *plot) draw() (f figure, ok bool) {
	top := 0.0
	for _, l := range p.lines {
		for _, v := range l.values {
			if !math.IsNaN(v) {
				top, ok = max(top, v), true
			}
		}
	}
	if !ok || p.span <= 0 {
		return figure{}, false
	}
	top = roundUp(top)
	f = figure{Title: p.title, Unit: p.unit, Y: []string{number(top), number(top / 2), "0"}}
	f.X = []string{"0:00", minutes(p.span / 2), minutes(p.span)}
	f.WindowX, f.WindowWidth = coordinate(p.from/p.span*plotWidth), coordinate(max(0, p.to-p.from)/p.span*plotWidth)
	labels := make([]string, 0, len(p.lines))
	for i, l := range p.lines {
		drawn := figureLine{Number: i + 1, Name: l.name, Paths: p.paths(l.values, top)}
		low, high := bounds(l.values)
		if len(drawn.Paths) > 0 {
			labels = append(labels, fmt.Sprintf("%s from %s to %s", l.name, number(low), number(high)))
		}
		f.Lines = append(f.Lines, drawn)
	}
	f.Label = fmt.Sprintf("%s, %s, over %s: %s", p.title, p.unit, minutes(p.span), strings.Join(labels, "; "))
	return f, true
}

// paths returns the points of a line, one list for each stretch without a gap.
func (p *plot) paths(values []float64, top float64) (list []string) {
	var b strings.Builder
	end := func() {
		if b.Len() > 0 {
			list = append(list, strings.TrimSpace(b.String()))
			b.Reset()
		}
	}
	for i, v := range values {
		if math.IsNaN(v) {
			end()
			continue
		}
		x, y := p.at[i]/p.span*plotWidth, plotHeight*(1-v/top)
		if b.Len() == 0 { // a point alone is a short line
			fmt.Fprintf(&b, "%s,%s ", coordinate(x-1), coordinate(y))
		}
		fmt.Fprintf(&b, "%s,%s ", coordinate(x), coordinate(y))
	}
	end()
	return list
}

func coordinate(v float64) string {
	return strconv.FormatFloat(math.Round(10*min(max(v, 0), plotWidth))/10, 'f', -1, 64)
}

// roundUp returns the next of 1, 2, 2.5, 5 and 10 times a power of ten.
func roundUp(v float64) float64 {
	if v <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 2, 2.5, 5, 10} {
		if step*power >= v*0.9999 {
			return step * power
		}
	}
	return 10 * power
}

func bounds(values []float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if !math.IsNaN(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	return low, high
}

// number writes a number short: 12,300 is 12.3 k.
func number(v float64) string {
	abs := math.Abs(v)
	switch {
	case math.IsInf(v, 0) || math.IsNaN(v):
		return "–"
	case abs >= 1e9:
		return trim(v/1e9) + " G"
	case abs >= 1e6:
		return trim(v/1e6) + " M"
	case abs >= 1e4:
		return trim(v/1e3) + " k"
	}
	return trim(v)
}

func trim(v float64) string {
	digits := 0
	switch abs := math.Abs(v); {
	case abs == 0:
	case abs < 0.1:
		digits = 3
	case abs < 10:
		digits = 2
	case abs < 100:
		digits = 1
	}
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// minutes writes seconds as 2:07, or 1:02:07.
func minutes(s float64) string {
	d := time.Duration(s * float64(time.Second)).Round(time.Second)
	h, m, sec := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	if h > 0 {
		return fmt.Sprintf("%d:%02d:%02d", h, m, sec)
	}
	return fmt.Sprintf("%d:%02d", m, sec)
}
