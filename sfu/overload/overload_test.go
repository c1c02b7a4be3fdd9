package overload

import (
	"slices"
	"testing"
	"time"
)

var epoch = time.Unix(1000, 0)

// model is a machine in virtual time: sound and pictures cost it something, and what it can't do waits.
type model struct {
	t        *testing.T
	g        Governor
	now      time.Time
	sound    float64 // of the machine's capacity, as is pictures: 1 is all of it
	pictures float64
	queue    time.Duration
	worst    time.Duration // the longest delay
	changes  int           // of the plan
}

// run lets the time pass, a sample each 100 ms.
func (m *model) run(d time.Duration) {
	const step = 100 * time.Millisecond
	for end := m.now.Add(d); m.now.Before(end); m.now = m.now.Add(step) {
		before := m.g.Plan()
		load := m.sound + m.pictures*before.Share
		if before.Voices > 0 { // of four
			load = m.sound * float64(before.Voices) / 4
		}
		m.queue = min(max(0, m.queue+time.Duration((load-1)*float64(step))), 150*time.Millisecond)
		m.worst = max(m.worst, m.queue)
		after := m.g.Observe(m.now, Sample{Delay: m.queue + time.Millisecond, CPU: min(1, load)})
		if after.Gather = before.Gather; after != before {
			m.changes++
		}
	}
}

func (m *model) want(levels ...Level) {
	m.t.Helper()
	for _, l := range levels {
		if m.g.Plan().Level == l {
			return
		}
	}
	m.t.Errorf("level %d with share %.2f, want one of %v", m.g.Plan().Level, m.g.Plan().Share, levels)
}

func newModel(t *testing.T) *model { return &model{t: t, now: epoch} }

// A machine with room to spare gives everything, whatever moments of work it has.
func TestACalmMachineGivesEverything(t *testing.T) {
	m := newModel(t)
	for load := 0.0; load < 0.9; load += 0.05 {
		m.sound, m.pictures = load/5, 4*load/5
		m.run(2 * time.Second)
		m.want(Calm)
	}
	m.g.Observe(m.now, Sample{Delay: late, CPU: 0.5})
	m.want(Calm)
	if m.changes != 0 || m.g.Plan().Share != 1 || m.g.Full() {
		t.Errorf("%d changes, %+v", m.changes, m.g.Plan())
	}
}

// What comes within 20 ms is sent together from when the machine has much to do until it has little: it has less to do
// by that, and must not turn back for it. A batch may then take twice as long before something gives way.
func TestMuchIsSentTogether(t *testing.T) {
	m := newModel(t)
	for _, c := range []struct {
		load    float64
		gathers bool
	}{{0.55, false}, {0.65, true}, {0.3, true}, {0.2, false}, {0.55, false}, {0.95, true}} {
		m.sound, m.pictures = c.load/5, 4*c.load/5
		m.run(2 * time.Second)
		if m.g.Plan().Gather != c.gathers {
			t.Errorf("at %.2f: %v", c.load, m.g.Plan().Gather)
		}
	}
	m = newModel(t)
	m.sound = 0.7
	m.run(2 * time.Second)
	for _, c := range []struct {
		delay time.Duration
		level Level
	}{{2 * late, Calm}, {2*late + 2, Layers}} {
		for range 5 {
			m.now = m.now.Add(100 * time.Millisecond)
			m.g.Observe(m.now, Sample{Delay: c.delay, CPU: 0.7})
		}
		if c.level == Calm {
			m.want(Calm)
		} else if m.g.Plan().Level < c.level {
			t.Errorf("%v: nothing gives way", c.delay)
		}
	}
}

// Asked for more than it carries, the machine gives up pictures within a second, keeps most of what it could carry, and
// stays there. When the load ends, all is back within ten seconds.
func TestPicturesGiveWayAndComeBack(t *testing.T) {
	for _, times := range []float64{1.2, 1.5, 2, 3, 5} {
		m := newModel(t)
		m.sound, m.pictures = 0.05, 0.5
		m.run(3 * time.Second)
		m.want(Calm)
		m.sound, m.pictures = 0.05*times, 0.95*times
		if times < 2 {
			m.run(300 * time.Millisecond) // a little too much takes a little longer to see
		}
		m.run(300 * time.Millisecond)
		m.want(Layers, Pictures)
		m.run(2 * time.Second)
		if m.queue > late {
			t.Errorf("%.1f×: the queue stands at %v", times, m.queue)
		}
		m.run(30 * time.Second)
		m.changes, m.worst = 0, 0
		m.run(60 * time.Second)
		if load := m.sound + m.pictures*m.g.Plan().Share; load < 0.6 || load > 1 {
			t.Errorf("%.1f×: it settled at a load of %.2f", times, load)
		}
		if m.changes > 6 || m.worst > late {
			t.Errorf("%.1f×: %d changes in a minute of the same load, %v of delay", times, m.changes, m.worst)
		}
		m.sound, m.pictures = 0.02, 0.1
		m.run(10 * time.Second)
		m.want(Calm)
	}
}

// A machine that carried a load before a rush carries it afterwards, also if that is most of what it can do.
func TestWhatWasCarriedBeforeIsCarriedAfterwards(t *testing.T) {
	for _, load := range []float64{0.5, 0.7, 0.8, 0.84} {
		m := newModel(t)
		m.sound, m.pictures = 0.2*load, 0.8*load
		m.run(3 * time.Second)
		m.want(Calm)
		m.sound, m.pictures = 0.6*load, 2.4*load
		m.run(60 * time.Second)
		m.want(Pictures)
		m.sound, m.pictures = 0.2*load, 0.8*load
		m.run(10 * time.Second)
		if share := m.g.Plan().Share; share < 1 {
			t.Errorf("%.2f: after 10 s %.2f of the pictures are sent", load, share)
		}
	}
}

// Layers that give way come back by what they take: at once where they take nothing, as in a meeting that is shown
// small pictures only, and not where the processor is too busy for them.
func TestLayersComeBackByWhatTheyTake(t *testing.T) {
	for _, tt := range []struct {
		cpu, layers float64
		back        bool
	}{{0.84, 1, true}, {0.84, 1.1, false}, {0.75, 1.1, true}, {0.84, 0, false}, {0.75, 0, false}, {0.75, 4, false},
		{0.65, 4, true}, {0.65, 0, true}, {0.88, 1, false}} {
		m := newModel(t)
		m.g.Observe(m.now, Sample{})
		for range 4 { // of processor time
			m.now = m.now.Add(settles)
			m.g.Observe(m.now, Sample{CPU: 1})
		}
		for range 300 {
			m.now = m.now.Add(100 * time.Millisecond)
			m.g.Observe(m.now, Sample{CPU: tt.cpu * m.g.Plan().Share, Layers: tt.layers})
			tt.layers = min(tt.layers, 1) // encodings that no one is sent stop
		}
		if back := m.g.Plan().Level == Calm; back != tt.back {
			t.Errorf("%+v: level %d, share %.2f", tt, m.g.Plan().Level, m.g.Plan().Share)
		}
	}
}

// Where sound alone is too much, no one else comes in, until it is not.
func TestSoundAloneCanFillTheMachine(t *testing.T) {
	m := newModel(t)
	m.sound, m.pictures = 1.2, 1
	m.run(8 * time.Second)
	m.want(Full)
	if !m.g.Full() || m.g.Plan().Share != 0 {
		t.Errorf("%+v", m.g.Plan())
	}
	m.sound = 0.78
	m.run(2 * time.Second)
	if m.want(Sound); !m.g.Full() {
		t.Error("more are let in, though their sound would be too much soon")
	}
	m.sound = 0.70
	m.run(2 * time.Second)
	if m.want(Sound); m.g.Full() {
		t.Error("no one is let in, though there is room for sound")
	}
	m.sound = 0.2
	m.run(10 * time.Second)
	m.want(Calm, Layers, Pictures)
	if m.g.Full() {
		t.Error("still full")
	}
}

// Where even sound is much more than the machine carries, the voices that are least loud give way, and soon: a queue
// doesn't stand. They come back one step after the other, and before any picture.
func TestVoicesGiveWayAtLast(t *testing.T) {
	for _, tt := range []struct {
		sound  float64
		voices int
	}{{1.5, 2}, {3, 1}} {
		m := newModel(t)
		m.sound, m.pictures = 0.2, 0.4
		m.run(3 * time.Second)
		m.sound, m.pictures = tt.sound, tt.sound
		m.run(5 * time.Second)
		m.want(Full)
		m.worst, m.changes = 0, 0
		m.run(60 * time.Second)
		if got := m.g.Plan(); got.Voices != tt.voices || got.Share != 0 || !m.g.Full() || m.worst > late || m.changes > 0 {
			t.Errorf("%.1f: %+v, full %v, %v of delay, %d changes", tt.sound, got, m.g.Full(), m.worst, m.changes)
		}
		m.sound, m.pictures = 0.2, 0.4
		steps := []int{tt.voices}
		for range 100 {
			m.run(100 * time.Millisecond)
			got := m.g.Plan()
			if got.Share == 0 && got.Voices != steps[len(steps)-1] {
				steps = append(steps, got.Voices)
			}
		}
		if want := []int{1, 2, 0}[tt.voices-1:]; !slices.Equal(steps, want) {
			t.Errorf("%.1f: before pictures come back there are %v voices, want %v", tt.sound, steps, want)
		}
		if got := m.g.Plan(); got.Voices != 0 || got.Share < 1 {
			t.Errorf("%.1f: 10 s after its end: %+v", tt.sound, got)
		}
	}
}

// A standing queue is enough: another program may have the processor.
func TestAStandingQueueGivesWayWithoutProcessorTime(t *testing.T) {
	m := newModel(t)
	m.g.Observe(m.now, Sample{})
	for range 5 {
		m.now = m.now.Add(settles)
		m.g.Observe(m.now, Sample{CPU: 0.3, Stands: true})
	}
	if m.want(Pictures); m.g.Plan().Share > 0.3 {
		t.Errorf("share %.2f", m.g.Plan().Share)
	}
}

// Where processor time doesn't tell what is too much, steps up that were too early become rare.
func TestStepsThatWereTooEarlyBecomeRare(t *testing.T) {
	m := newModel(t)
	changes := 0
	for i := range 1800 { // three minutes
		s := Sample{CPU: 0.6}
		if m.g.Plan().Share > 0.5 {
			s.Delay = 4 * late
		}
		before := m.g.Plan()
		if m.g.Observe(m.now, s) != before && i >= 1200 {
			changes++
		}
		m.now = m.now.Add(100 * time.Millisecond)
	}
	if changes == 0 || changes > 16 {
		t.Errorf("%d changes in the third minute", changes)
	}
}

func TestNearlyNoMemoryLetsNoOneIn(t *testing.T) {
	var g Governor
	for _, tt := range []struct {
		used float64
		full bool
	}{{0.5, false}, {0.91, true}, {0.87, true}, {0.84, false}} {
		if g.Observe(epoch, Sample{Memory: tt.used}); g.Full() != tt.full {
			t.Errorf("%.2f of the memory used: full %v", tt.used, g.Full())
		}
	}
}

// The share holds over all viewers, even where each has a single picture, and each viewer's is as near as can be.
func TestTheShareHoldsOverAllViewers(t *testing.T) {
	for _, n := range []int{1, 3, 9, 49} {
		for share := 0.0; share <= 1; share += 0.05 {
			p, total := Plan{Level: Pictures, Share: share}, 0
			const viewers = 200
			for v := range uint32(viewers) {
				k := p.Keep(n, v+1)
				if d := float64(k) - share*float64(n); d <= -1 || d >= 1 {
					t.Fatalf("%d of %d at %.2f", k, n, share)
				}
				total += k
			}
			if got := float64(total) / float64(viewers*n); got < share-0.02 || got > share+0.02 {
				t.Errorf("%d pictures: %.3f of them are sent, want %.2f", n, got, share)
			}
		}
	}
	if (Plan{Level: Sound}).Keep(9, 12) != 0 || (Plan{Share: 1}).Keep(9, 12) != 9 {
		t.Error("none and all are not exact")
	}
}

// A queue that is worked off is no reason to lose anything, however old it is; one that stands is.
func TestAQueueThatStands(t *testing.T) {
	const ms = time.Millisecond
	var q Queue
	at := epoch
	observe := func(after, age time.Duration, want bool) {
		t.Helper()
		at = at.Add(after)
		if got := q.Observe(age, at); got != want {
			t.Errorf("age %v: %v", age, got)
		}
	}
	observe(0, 900*ms, false) // the process did not run
	observe(20*ms, 400*ms, false)
	observe(20*ms, 45*ms, false)
	observe(50*ms, 60*ms, false)
	observe(59*ms, 60*ms, false)
	observe(ms, 60*ms, true)
	observe(ms, Rest, true)
	observe(ms, Rest-1, false)
	observe(Stands, Bound, false)
	observe(Stands, Bound, false)
}

func TestTheWindowForgets(t *testing.T) {
	var w Window
	const first = time.Millisecond
	counts := make([]uint64, 8)
	check := func(want time.Duration) {
		t.Helper()
		if got := w.Quantile(0.99, counts, first); got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
	check(0)
	counts[0] = 99
	check(first)
	counts[0], counts[3] = 99+98, 2
	check(8 * first)
	counts[0], counts[3] = 99+98+1000, 3
	check(first)
	counts[7]++
	check(128 * first)
	check(0)
}

// Joins come in as fast as they can be afforded. Some wait for a turn, none for long.
func TestTheDoor(t *testing.T) {
	var d Door
	in := func(level Level, cores float64, each time.Duration, n int) (let int, longest time.Duration) {
		at := epoch
		turns := map[time.Duration]int{} // by second
		for range n {
			if wait, ok := d.Admit(at, level, cores); ok {
				let++
				longest = max(longest, wait)
				turns[at.Add(wait).Sub(epoch).Truncate(time.Second)]++
			}
			at = at.Add(each)
		}
		for second, n := range turns {
			if most := int(2*max(1, cores*joinsWithPictures)) + 1; level == Pictures && n > most {
				t.Errorf("%d come in in second %v", n, second)
			}
		}
		d = Door{}
		return let, longest
	}
	for _, tt := range []struct {
		level  Level
		lo, hi int
		waits  bool
	}{{Calm, 275, 281, true}, {Layers, 275, 281, true}, {Pictures, 100, 120, true}, {Sound, 20, 24, true},
		{Full, 0, 0, false}} {
		got, longest := in(tt.level, 0.4, 10*time.Millisecond, 1000)
		if got < tt.lo || got > tt.hi {
			t.Errorf("level %d: %d of 1,000 in 10 s with 0.4 cores", tt.level, got)
		}
		if longest > InLine || (longest > InLine*3/4) != tt.waits {
			t.Errorf("level %d: one waited for %v", tt.level, longest)
		}
	}
	if got, longest := in(Pictures, 0.4, 200*time.Millisecond, 100); got != 100 || longest > 0 {
		t.Errorf("%d of 100 came in, one after %v, though there was a turn for each", got, longest)
	}
	if got, _ := in(Calm, 2, 0, 400); got != 400 {
		t.Errorf("%d of 400 who come at once come in", got)
	}
}

// Joins that fail keep nobody out, and save nothing up.
func TestTurnsAtTheDoorAreGivenBack(t *testing.T) {
	var d Door
	d.Return()
	for range 1000 {
		if wait, ok := d.Admit(epoch, Sound, 1); !ok || wait > 0 {
			t.Fatal("those who did not come in take the place of others")
		}
		d.Return()
	}
	for range 1000 {
		d.Return()
	}
	in := 0
	for {
		wait, ok := d.Admit(epoch, Sound, 1)
		if !ok || wait > 0 {
			break
		}
		in++
	}
	if in != joinsWithSound {
		t.Errorf("%d come in at once", in)
	}
}
