package bwe

const (
	rateBucket  = 10_000 // µs
	rateBuckets = 128    // 1.28 s
)

// rateMeter measures a bit rate over the latest part of a second, in buckets of 10 ms. Its times are whatever clock its
// caller has, as long as that mostly goes forward.
type rateMeter struct {
	bytes  [rateBuckets]uint32
	newest int64 // bucket number
	oldest int64 // of the first packet since the last pause
	any    bool
}

// add counts a packet. One that is older than the ring is left out; a jump of more than the ring starts anew.
func (m *rateMeter) add(at int64, size int) {
	b := at / rateBucket
	switch {
	case !m.any || b-m.newest >= rateBuckets || m.newest-b >= rateBuckets:
		*m = rateMeter{newest: b, oldest: b, any: true}
	case b > m.newest:
		for i := m.newest + 1; i <= b; i++ {
			m.bytes[uint64(i)%rateBuckets] = 0
		}
		m.newest = b
	}
	m.bytes[uint64(b)%rateBuckets] += uint32(size)
}

// over is the rate in bit/s over the window, in µs, that ends where the newest packet's bucket begins: that bucket is
// still filling. It is 0 while less than the window is known.
func (m *rateMeter) over(window int64) int64 {
	n := window / rateBucket
	if !m.any || m.newest-m.oldest < n {
		return 0
	}
	var sum int64
	for i := range n {
		sum += int64(m.bytes[uint64(m.newest-1-i)%rateBuckets])
	}
	return sum * 8 * 1_000_000 / (n * rateBucket)
}
