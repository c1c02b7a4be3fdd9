package receive

import "maps"

// seqWindow is how many sequence numbers back a missing packet can still be filled in: more than 4 s of the densest
// stream a bot sees.
const seqWindow = 2048

// audioNACKed is how many packets back audio is asked for again: half a second, which is what the server keeps.
const audioNACKed = 25

// maxNACK bounds the sequence numbers asked for in one round of one stream.
const maxNACK = 64

// nackTries bounds how often one packet is asked for.
const nackTries = 8

// seqLog counts one stream's packets by the continuity of their sequence numbers. The server sends every slot as one
// continuous stream, so a gap is a loss whatever the slot carries. Pure: no clock, no socket.
type seqLog struct {
	started bool
	// shift is 0, or of a sample 1 << shift: only the numbers that this divides come, each for so many packets. All but
	// expected, lost and number count what comes.
	shift   uint8
	base    int64 // first extended sequence number
	highest int64

	state [seqWindow]seqState // by extended number modulo seqWindow, valid for (highest-seqWindow, highest]
	asked map[int64]int64     // when what is missing was asked for last, ns, by extended number; at most seqWindow

	Direct     uint64 // distinct packets that came the first time
	Recovered  uint64 // distinct packets that came by RTX, or late after having been asked for
	Duplicates uint64
	Reordered  uint64
	TooOld     uint64 // came, but too late to be told from a duplicate
}

// seqState says what is known of one sequence number: here, or absent, with the number of tries to have it sent again.
// A bot has one for each of the last packets of each slot, so it is small.
type seqState uint8

const here seqState = 255

// add takes note of a packet. rtx says that it came by retransmission. It returns its extended number and whether it
// was new.
func (l *seqLog) add(seq uint16, rtx bool) (ext int64, fresh bool) {
	if !l.started {
		if rtx { // nothing to fill in yet
			return 0, false
		}
		l.started = true
		l.base = (int64(seq) + 1<<16) >> l.shift
		l.highest = l.base
		l.state[l.highest%seqWindow] = here
		l.Direct++
		return l.highest, true
	}
	ext = l.highest + int64(int16(seq-uint16(l.number())))>>l.shift
	recovered := rtx
	switch {
	case ext > l.highest:
		for n := max(l.highest+1, ext-seqWindow+1); n < ext; n++ { // what lies between is missing so far
			l.state[n%seqWindow] = 0
		}
		l.highest = ext
	case ext <= l.highest-seqWindow:
		l.TooOld++
		return ext, false
	case ext < l.base:
		if rtx {
			return ext, false
		}
		for n := ext + 1; n < l.base; n++ { // overtaken by the stream's first packet to arrive
			l.state[n%seqWindow] = 0
		}
		l.base = ext
		l.Reordered++
	default:
		if l.state[ext%seqWindow] == here {
			l.Duplicates++
			return ext, false
		}
		recovered = rtx || l.state[ext%seqWindow] > 0 // a voice has no RTX
		if !rtx {
			l.Reordered++
		}
	}
	l.state[ext%seqWindow] = here
	delete(l.asked, ext)
	if recovered {
		l.Recovered++
	} else {
		l.Direct++
	}
	return ext, true
}

// number is the highest extended sequence number.
func (l *seqLog) number() int64 { return l.highest << l.shift }

// due is how many packets should have come.
func (l *seqLog) due() uint64 { return uint64(l.highest - l.base + 1) }

// expected is how many packets were sent on the stream, as far as the highest number tells. A sample begins and ends
// anywhere in what its first and last packet stand for.
func (l *seqLog) expected() uint64 {
	if !l.started {
		return 0
	}
	return l.due() << l.shift
}

// lost returns how many packets never came, before and after retransmission. Of a sample it is an estimate: which
// packets of the sample are missing is known, and each stands for 1 << shift.
func (l *seqLog) lost() (before, after uint64) {
	if !l.started {
		return 0, 0
	}
	before = l.due() - min(l.due(), l.Direct)
	after = before - min(before, l.Recovered)
	return before << l.shift, after << l.shift
}

// missing returns the numbers to ask for at time now (ns): absent ones of the last back, at most seqWindow, not asked
// for within interval, at most maxNACK, oldest first. It counts the tries. waiting says that it is to be called again,
// whether more is lost or not.
func (l *seqLog) missing(now, interval, back int64, buf []uint16) (_ []uint16, waiting bool) {
	if !l.started {
		return buf, false
	}
	for n := max(l.base, l.highest-back+1); n <= l.highest && len(buf) < maxNACK; n++ {
		s := &l.state[n%seqWindow]
		if *s >= nackTries { // here is more than nackTries
			continue
		}
		waiting = true
		if *s > 0 && now-l.asked[n] < interval {
			continue
		}
		*s++
		l.ask(n, now)
		buf = append(buf, uint16(n))
	}
	return buf, waiting
}

// ask notes when a packet was asked for, and forgets those that can't be filled in any more.
func (l *seqLog) ask(n, now int64) {
	if l.asked == nil {
		l.asked = map[int64]int64{}
	}
	if len(l.asked) >= seqWindow {
		maps.DeleteFunc(l.asked, func(n, _ int64) bool { return n <= l.highest-seqWindow })
	}
	l.asked[n] = now
}

// complete says whether every packet of (after, upTo] is here.
func (l *seqLog) complete(after, upTo int64) bool {
	if upTo-after >= seqWindow || after < l.base-1 {
		return false
	}
	for n := after + 1; n <= upTo; n++ {
		if l.state[n%seqWindow] != here {
			return false
		}
	}
	return true
}
