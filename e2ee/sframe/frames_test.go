package sframe

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

var start = time.UnixMilli(1_795_300_000_000)

// epochOf is an epoch in which ann (1) has leaf 0 and bob (2) has leaf 1.
func epochOf(number uint64, own uint32) *Epoch {
	return &Epoch{Number: number, State: number, Base: [16]byte{1, byte(number)}, Own: own, Leaves: []Key{{1}, {2}}}
}

// pair are ann's sealer and bob's opener, in epoch 5.
func pair() (*Sealer, *Opener) {
	s, o := &Sealer{}, &Opener{}
	s.Use(epochOf(5, 0))
	o.SetOwner(1, Key{1})
	o.SetOwner(2, Key{2})
	o.Add(epochOf(5, 1), start)
	return s, o
}

func seal(t testing.TB, s *Sealer, track Track, c Codec, key bool, frame []byte) []byte {
	t.Helper()
	b, err := s.Seal(nil, track, c, key, frame)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wantErr(t *testing.T, o *Opener, from uint32, track Track, frame []byte, at time.Duration, want error) {
	t.Helper()
	_, err := o.Open(nil, from, track, VP8, false, frame, start.Add(at))
	if !errors.Is(err, want) {
		t.Errorf("%v, want %v", err, want)
	}
}

var someFrame = bytes.Repeat([]byte{1}, 40)

func TestFramesOpen(t *testing.T) {
	s, o := pair()
	for _, c := range []Codec{Opus, VP8, VP9, AV1} {
		for _, key := range []bool{false, true} {
			frame := bytes.Repeat([]byte{1}, 300)
			if c == VP8 && key {
				frame[0] = 0
			}
			got, err := o.Open(nil, 1, Camera, c, key, seal(t, s, Camera, c, key, frame), start)
			if err != nil || !bytes.Equal(got, frame) {
				t.Errorf("codec %d, key %v: %v", c, key, err)
			}
		}
	}
}

func TestAKeyFrameMarkIsAuthentic(t *testing.T) {
	s, o := pair()
	for _, c := range []Codec{VP9, AV1} {
		b := seal(t, s, Camera, c, false, someFrame)
		if _, err := o.Open(nil, 1, Camera, c, true, b, start); !errors.Is(err, ErrOpen) {
			t.Errorf("codec %d: a delta frame passed for a key frame: %v", c, err)
		}
		if _, err := o.Open(nil, 1, Camera, c, false, b, start); err != nil {
			t.Errorf("codec %d: %v", c, err)
		}
	}
}

func TestACounterIsAcceptedOnceEver(t *testing.T) {
	s, o := pair()
	first := seal(t, s, Camera, VP8, false, someFrame)
	if _, err := o.Open(nil, 1, Camera, VP8, false, first, start); err != nil {
		t.Fatal(err)
	}
	wantErr(t, o, 1, Camera, first, 0, ErrReplay)
	o.ForgetOwner(1)
	o.SetOwner(1, Key{1})
	wantErr(t, o, 1, Camera, first, 0, ErrReplay)
	o.SetOwner(9, Key{1}) // the same member under another number
	wantErr(t, o, 9, Camera, first, 0, ErrReplay)
	for range windowSize {
		if _, err := o.Open(nil, 1, Camera, VP8, false, seal(t, s, Camera, VP8, false, someFrame), start); err != nil {
			t.Fatal(err)
		}
	}
	wantErr(t, o, 1, Camera, first, 0, ErrReplay)
}

func TestOnlyAFrameThatOpensMakesAWindow(t *testing.T) {
	s, o := pair()
	good := seal(t, s, Camera, VP8, false, someFrame)
	for ctr := uint64(1); ctr < 20; ctr++ {
		forged := appendHeader([]byte{1}, KID(Camera, 0, 5), ctr<<40)
		wantErr(t, o, 1, Camera, append(forged, someFrame...), 0, ErrOpen)
	}
	if _, err := o.Open(nil, 1, Camera, VP8, false, good, start); err != nil {
		t.Errorf("forged frames put a genuine one out: %v", err)
	}
}

func TestOwnerTrackAndEpochCount(t *testing.T) {
	s, o := pair()
	b := seal(t, s, Camera, VP8, false, someFrame)
	wantErr(t, o, 2, Camera, b, 0, ErrOwner)
	wantErr(t, o, 1, Screen, b, 0, ErrTrack)
	wantErr(t, o, 7, Camera, b, 0, ErrNoKey)
	s.Use(epochOf(6, 0))
	wantErr(t, o, 1, Camera, seal(t, s, Camera, VP8, false, someFrame), 0, ErrUnknown)
	old := &Sealer{}
	old.Use(epochOf(4, 0))
	wantErr(t, o, 1, Camera, seal(t, old, Camera, VP8, false, someFrame), 0, ErrPast)
}

func TestAnEpochCloses(t *testing.T) {
	for _, c := range []struct {
		removes bool
		opens   time.Duration
		closed  time.Duration
	}{{true, 1999 * time.Millisecond, 2 * time.Second}, {false, 4999 * time.Millisecond, 5 * time.Second}} {
		s, o := pair()
		a, b := seal(t, s, Camera, VP8, false, someFrame), seal(t, s, Camera, VP8, false, someFrame)
		next := epochOf(6, 1)
		next.Removes = c.removes
		o.Add(next, start)
		wantErr(t, o, 1, Camera, a, c.opens, nil)
		wantErr(t, o, 1, Camera, b, c.closed, ErrPast)
	}
}

func TestASendersFirstNewFrameClosesTheOldEpochASecondLater(t *testing.T) {
	s, o := pair()
	a, b := seal(t, s, Camera, VP8, false, someFrame), seal(t, s, Camera, VP8, false, someFrame)
	next := epochOf(6, 0)
	next.Removes = true
	o.Add(next, start)
	s.Use(next)
	wantErr(t, o, 1, Camera, seal(t, s, Camera, VP8, false, someFrame), 100*time.Millisecond, nil)
	wantErr(t, o, 1, Camera, a, 1099*time.Millisecond, nil)
	wantErr(t, o, 1, Camera, b, 1100*time.Millisecond, ErrPast)
}

func TestAFloodCostsThirtyTries(t *testing.T) {
	s, o := pair()
	good := seal(t, s, Camera, VP8, false, someFrame)
	forged := append(appendHeader([]byte{1}, KID(Camera, 0, 5), 100), someFrame...)
	for range maxFailures {
		wantErr(t, o, 1, Camera, forged, 0, ErrOpen)
	}
	wantErr(t, o, 1, Camera, good, 999*time.Millisecond, ErrFlood)
	o.Add(epochOf(6, 1), start)
	wantErr(t, o, 1, Camera, append(appendHeader([]byte{1}, KID(Camera, 0, 6), 0), someFrame...), 0, ErrOpen)
	wantErr(t, o, 1, Camera, good, time.Second, nil)
}

func TestASealerNeverSealsACounterTwice(t *testing.T) {
	s := &Sealer{}
	five, six := epochOf(5, 0), epochOf(6, 0)
	s.Use(five)
	a := seal(t, s, Mic, Opus, false, someFrame)
	s.Stop()
	if _, err := s.Seal(nil, Mic, Opus, false, someFrame); !errors.Is(err, ErrNoKey) {
		t.Fatalf("sealed after Stop: %v", err)
	}
	s.Use(five)
	if b := seal(t, s, Mic, Opus, false, someFrame); bytes.Equal(a, b) {
		t.Error("the counter began anew")
	}
	s.Use(six)
	s.Use(five)
	if id, _, _, err := ParseHeader(seal(t, s, Mic, Opus, false, someFrame)); err != nil || id != KID(Mic, 0, 6) {
		t.Errorf("went back to an older epoch: %v, %v", id, err)
	}
}

func TestOpenersAreBounded(t *testing.T) {
	o := &Opener{}
	for i := range uint32(2 * maxOwners) {
		o.SetOwner(i, Key{1})
	}
	for i := range uint64(100) {
		o.Add(epochOf(i+1, 1), start)
		for n := range uint32(2 * maxOutside) {
			o.AddOutside(i+1, n, Key{3}, [16]byte{1})
		}
		for n := range uint64(2 * maxSingles) {
			o.AddSingle(i+1, n, Key{1}, SingleKey{}, start)
		}
	}
	if len(o.owners) > maxOwners || len(o.epochs) > MaxEpochs {
		t.Errorf("%d owners, %d epochs", len(o.owners), len(o.epochs))
	}
	for _, e := range o.epochs {
		if len(e.outside) > maxOutside || len(e.singles) > maxSingles {
			t.Errorf("%d outside, %d keys", len(e.outside), len(e.singles))
		}
	}
}

func TestSendersOutside(t *testing.T) {
	_, o := pair()
	e := &Epoch{Number: 5, State: 5, Base: [16]byte{9}}
	s := &Sealer{}
	s.UseOutside(e, 3)
	b := seal(t, s, Camera, VP8, false, someFrame)
	o.SetOwner(9, Key{9})
	wantErr(t, o, 9, Camera, b, 0, ErrNoKey)
	o.AddOutside(5, 3, Key{9}, e.Base)
	wantErr(t, o, 1, Camera, b, 0, ErrOwner)
	wantErr(t, o, 9, Camera, b, 0, nil)
	o.AddOutside(5, 3, Key{8}, [16]byte{8}) // a second one is refused
	wantErr(t, o, 9, Camera, seal(t, s, Camera, VP8, false, someFrame), 0, nil)
}

func TestASingleKeyOpensOneTrack(t *testing.T) {
	s, _ := pair()
	kid, key, err := epochOf(5, 0).Single(Camera)
	if err != nil {
		t.Fatal(err)
	}
	o := &Opener{}
	o.SetOwner(1, Key{1})
	o.SetOwner(2, Key{2})
	o.AddSingle(5, kid, Key{1}, key, start)
	a, b := seal(t, s, Camera, VP8, false, someFrame), seal(t, s, Camera, VP8, false, someFrame)
	wantErr(t, o, 2, Camera, a, 0, ErrOwner)
	wantErr(t, o, 1, Camera, a, 0, nil)
	wantErr(t, o, 1, Screen, seal(t, s, Screen, VP8, false, someFrame), 0, ErrNoKey)
	six, key, err := epochOf(6, 0).Single(Camera)
	if err != nil {
		t.Fatal(err)
	}
	o.AddSingle(6, six, Key{1}, key, start)
	wantErr(t, o, 1, Camera, b, 5*time.Second, ErrPast)
}

// TestSealingAndOpeningAllocateNothing: per frame, once the key is derived.
func TestSealingAndOpeningAllocateNothing(t *testing.T) {
	s, o := pair()
	frame := bytes.Repeat([]byte{1}, 80)
	wire, dst := make([]byte, 0, 128), make([]byte, 0, 128)
	for _, c := range []Codec{Opus, VP8, VP9, AV1} {
		n := testing.AllocsPerRun(100, func() {
			sealed, err := s.Seal(wire, Camera, c, false, frame)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := o.Open(dst, 1, Camera, c, false, sealed, start); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("codec %d: %v allocations", c, n)
		}
	}
}

// BenchmarkSealAudio seals frames of 80 bytes, as Opus makes them at 32 kbit/s.
func BenchmarkSealAudio(b *testing.B) { benchmarkSeal(b, Mic, Opus, 80) }

// BenchmarkSealVideo seals frames of 5 kB: 1.2 Mbit/s at 30 frames a second.
func BenchmarkSealVideo(b *testing.B) { benchmarkSeal(b, Camera, VP8, 5000) }

func benchmarkSeal(b *testing.B, track Track, c Codec, size int) {
	s, _ := pair()
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

// BenchmarkOpenAudio seals and opens frames of 80 bytes.
func BenchmarkOpenAudio(b *testing.B) {
	s, o := pair()
	frame := bytes.Repeat([]byte{1}, 80)
	wire, dst := make([]byte, 0, 128), make([]byte, 0, 128)
	b.ReportAllocs()
	for b.Loop() {
		sealed, err := s.Seal(wire, Mic, Opus, false, frame)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := o.Open(dst, 1, Mic, Opus, false, sealed, start); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzOpen: any bytes as a frame.
func FuzzOpen(f *testing.F) {
	s, _ := pair()
	f.Add(seal(f, s, Camera, VP8, false, someFrame), uint8(VP8))
	f.Add(seal(f, s, Camera, AV1, false, someFrame), uint8(AV1))
	f.Fuzz(func(t *testing.T, b []byte, c uint8) {
		_, o := pair()
		if out, err := o.Open(nil, 1, Camera, Codec(c), true, b, start); err == nil && len(out) != len(someFrame) {
			t.Error("something else opened")
		}
	})
}
