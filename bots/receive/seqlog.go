package receive

// seqWindow is how many sequence numbers back a missing packet can still be filled in: more than 4 s of the densest
// stream a bot sees.
const seqWindow = 2048

// maxNACK bounds the sequence numbers asked for in one round of one stream.
const maxNACK = 64

// nackTries bounds how often one packet is asked for.
const nackTries = 8

// seqLog counts one stream's packets by the continuity of their sequence numbers. The server sends every slot as one
// continuous stream, so a gap is a loss whatever the slot carries. Pure: no clock, no socket.
type seqLog struct {
	started bool
	base    int64 // first extended sequence number
	highest int64

	state [seqWindow]seqState // by extended number modulo seqWindow, valid for (highest-seqWindow, highest]

	Direct     uint64 // distinct packets that came the first time
	Recovered  uint64 // distinct packets that came by RTX, or late after having been asked for
	Duplicates uint64
	Reordered  uint64
	TooOld     uint64 // came, but too late to be told from a duplicate
}

// seqState says what is known of one sequence number: absent with the number of tries to have it sent again, or here.
type seqState struct {
	here  bool
	tries uint8
	asked int64 // time of the last try, ns
}

// add takes note of a packet. rtx says that it came by retransmission. It returns its extended number and whether it
// was new.
func (l *seqLog) add(seq uint16, rtx bool) (ext int64, fresh bool) {
	if !l.started {
		if rtx { // nothing to fill in yet
			return 0, false
		}
		l.started = true
		l.base, l.highest = int64(seq)+1<<16, int64(seq)+1<<16
		l.state[l.highest%seqWindow] = seqState{here: true}
		l.Direct++
		return l.highest, true
	}
	ext = l.highest + int64(int16(seq-uint16(l.highest)))
	switch {
	case ext > l.highest:
		for n := max(l.highest+1, ext-seqWindow+1); n < ext; n++ { // what lies between is missing so far
			l.state[n%seqWindow] = seqState{}
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
			l.state[n%seqWindow] = seqState{}
		}
		l.base = ext
		l.Reordered++
	default:
		if l.state[ext%seqWindow].here {
			l.Duplicates++
			return ext, false
		}
		if !rtx {
			l.Reordered++
		}
	}
	l.state[ext%seqWindow].here = true
	if rtx {
		l.Recovered++
	} else {
		l.Direct++
	}
	return ext, true
}

// expected is how many packets were sent on the stream, as far as the highest number tells.
func (l *seqLog) expected() uint64 {
	if !l.started {
		return 0
	}
	return uint64(l.highest - l.base + 1)
}

// lost returns how many packets never came, before and after retransmission.
func (l *seqLog) lost() (before, after uint64) {
	e := l.expected()
	before = e - min(e, l.Direct)
	return before, before - min(before, l.Recovered)
}

// missing returns the numbers to ask for at time now (ns): absent ones, not asked for within interval, at most maxNACK,
// oldest first. It counts the tries.
func (l *seqLog) missing(now, interval int64, buf []uint16) []uint16 {
	if !l.started {
		return buf
	}
	for n := max(l.base, l.highest-seqWindow+1); n <= l.highest && len(buf) < maxNACK; n++ {
		s := &l.state[n%seqWindow]
		if s.here || s.tries >= nackTries || (s.tries > 0 && now-s.asked < interval) {
			continue
		}
		s.tries++
		s.asked = now
		buf = append(buf, uint16(n))
	}
	return buf
}

// complete says whether every packet of (after, upTo] is here.
func (l *seqLog) complete(after, upTo int64) bool {
	if upTo-after >= seqWindow || after < l.base-1 {
		return false
	}
	for n := after + 1; n <= upTo; n++ {
		if !l.state[n%seqWindow].here {
			return false
		}
	}
	return true
}
