package e2ee

import (
	"bytes"
	"testing"
	"time"
)

// BenchmarkSealAudio seals frames of 80 bytes, as Opus makes them at 32 kbit/s. Goal: 500,000 a second and core,
// nothing allocated.
func BenchmarkSealAudio(b *testing.B) { benchmarkSeal(b, TrackMic, Opus, 80) }

// BenchmarkSealVideo seals frames of 5 kB: 1.2 Mbit/s at 30 frames a second.
func BenchmarkSealVideo(b *testing.B) { benchmarkSeal(b, TrackCamera, VP8, 5000) }

func benchmarkSeal(b *testing.B, track Track, c Codec, size int) {
	s := NewSealer(Hash{1})
	s.SetKey(SenderKey{Generation: 3})
	frame := bytes.Repeat([]byte{1}, size)
	dst := make([]byte, 0, size+Overhead)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Seal(dst, track, c, false, frame); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "frames/s")
}

// BenchmarkOpenAudio opens frames of 80 bytes.
func BenchmarkOpenAudio(b *testing.B) {
	key := SenderKey{Generation: 3}
	s, o := NewSealer(Hash{1}), NewOpener()
	s.SetKey(key)
	o.SetKey(1, Hash{1}, key)
	frame := bytes.Repeat([]byte{1}, 80)
	wire, dst := make([]byte, 0, 128), make([]byte, 0, 128)
	now := time.UnixMilli(0)
	b.ReportAllocs()
	for b.Loop() {
		sealed, err := s.Seal(wire, TrackMic, Opus, false, frame)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := o.Open(dst, 1, TrackMic, Opus, sealed, now); err != nil {
			b.Fatal(err)
		}
	}
}

// TestSealingAndOpeningAllocateNothing: per frame, once the key is derived.
func TestSealingAndOpeningAllocateNothing(t *testing.T) {
	key := SenderKey{Generation: 3}
	s, o := NewSealer(Hash{1}), NewOpener()
	s.SetKey(key)
	o.SetKey(1, Hash{1}, key)
	frame := bytes.Repeat([]byte{1}, 80)
	wire, dst := make([]byte, 0, 128), make([]byte, 0, 128)
	for _, c := range []Codec{Opus, VP8, VP9, AV1} {
		n := testing.AllocsPerRun(100, func() {
			sealed, err := s.Seal(wire, TrackCamera, c, false, frame)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := o.Open(dst, 1, TrackCamera, c, sealed, time.UnixMilli(0)); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("codec %d: %v allocations", c, n)
		}
	}
}
