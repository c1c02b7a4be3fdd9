package speech

import (
	"math"
	"testing"
	"time"
)

// watch looks at a conversation each 5 ms for some hours, and returns the parts of the time: silence, one speaker, two.
func watch(t *testing.T, c *Conversation, people int) (parts [3]float64, own []float64, spurt time.Duration) {
	t.Helper()
	const step, length = 5 * time.Millisecond, 2 * time.Hour
	own = make([]float64, people)
	was := make([]bool, people)
	spurts, n := 0, 0
	for at := 1000 * scene; at < 1000*scene+length; at += step {
		speaking := 0
		for i := range people {
			speaks := c.Speaks(i, at)
			if speaks {
				speaking++
				own[i]++
				if !was[i] {
					spurts++
				}
			}
			was[i] = speaks
		}
		if speaking > 2 {
			t.Fatalf("%d speak at once", speaking)
		}
		parts[speaking]++
		n++
	}
	spoken := 0.0
	for i := range own {
		spoken += own[i]
		own[i] /= float64(n)
	}
	for i := range parts {
		parts[i] /= float64(n)
	}
	return parts, own, time.Duration(spoken / float64(spurts) * float64(step))
}

// P.59, table 1, measured people: each of two speaks for 38.53 % of the time, both for 6.59 %, none for 22.48 %, and a
// talk spurt lasts 1.004 s. The chain of its durations and probabilities comes near; it is what is checked closely.
func TestTwoPeopleTalkAsP59Says(t *testing.T) {
	// Of the chain silence → one → both or silence: visits to one : both : silence are 1 : 0.4 : 0.6.
	one, both, none := singleTalk.Seconds(), 0.4*doubleTalk.Seconds(), 0.6*mutualSilence.Seconds()
	all := one + both + none
	parts, own, spurt := watch(t, New(1, 2), 2)
	for i, want := range []float64{none / all, one / all, both / all} {
		if math.Abs(parts[i]-want) > 0.01 {
			t.Errorf("%d speak for %.2f %% of the time, want %.2f %%", i, 100*parts[i], 100*want)
		}
	}
	for i, part := range own {
		if want := (one/2 + both) / all; math.Abs(part-want) > 0.02 {
			t.Errorf("person %d speaks for %.1f %%, want %.1f %%", i, 100*part, 100*want)
		}
	}
	if math.Abs(parts[0]-0.2248) > 0.02 || math.Abs(parts[2]-0.0659) > 0.02 || math.Abs(own[0]-0.3853) > 0.06 {
		t.Errorf("silence %.3f, double talk %.3f, each speaks %.3f: not near P.59's table", parts[0], parts[2], own[0])
	}
	if spurt < 800*time.Millisecond || spurt > 1200*time.Millisecond { // P.59: 1.004 s
		t.Errorf("a talk spurt lasts %v", spurt)
	}
}

func TestAllOfAMeetingGetTheirTurn(t *testing.T) {
	_, own, _ := watch(t, New(7, 9), 9)
	for i, part := range own {
		if part < 0.06 || part > 0.14 {
			t.Errorf("person %d of 9 speaks for %.1f %% of the time", i, 100*part)
		}
	}
	if parts, _, _ := watch(t, New(7, 1), 1); parts[2] > 0 || parts[0] < 0.2 || parts[1] < 0.5 {
		t.Errorf("one person alone: %v", parts)
	}
}

// A clock may be set to before 1970, by another machine too.
func TestATimeBefore1970IsATimeLikeOthers(t *testing.T) {
	c := New(1, 3)
	for at := -3 * scene; at < scene; at += scene / 4 {
		c.Speaks(1, at)
		New(1, 3).Speaks(1, at)
	}
}

func TestEqualSeedsMakeEqualConversations(t *testing.T) {
	a, b, other := New(3, 5), New(3, 5), New(4, 5)
	differs := 0
	for at := time.Duration(0); at < 10*scene; at += 50 * time.Millisecond {
		if a.Speaks(2, at) != b.Speaks(2, at) {
			t.Fatalf("they differ at %v", at)
		}
		if a.Speaks(2, at) != other.Speaks(2, at) {
			differs++
		}
	}
	if b.Speaks(2, 0); differs == 0 { // going back is allowed
		t.Error("another seed changes nothing")
	}
}
