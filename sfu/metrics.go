package sfu

import (
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"conclave/media"
	"conclave/sfu/drop"
	"conclave/sfu/sframe"
)

// Collector exposes the media path as Prometheus metrics. No label tells anything about a user: they are reasons, worker
// numbers and our own directions.
type Collector struct{ server *Server }

// Collector returns a collector to register.
func (s *Server) Collector() *Collector { return &Collector{server: s} }

type metric struct {
	desc  *prometheus.Desc
	read  func(*workerStats) *atomic.Uint64
	scale float64
}

func workerMetric(name, help string, read func(*workerStats) *atomic.Uint64) metric {
	return metric{prometheus.NewDesc("conclave_sfu_"+name, help, []string{"worker"}, nil), read, 1}
}

// workerMetrics are counters kept by each worker.
func workerMetrics() []metric {
	busy := workerMetric("busy_seconds_total", "Time spent on packets, waiting excluded.", func(w *workerStats) *atomic.Uint64 { return &w.busy })
	busy.scale = 1e-9
	return []metric{
		busy,
		workerMetric("received_packets_total", "Datagrams received.", func(w *workerStats) *atomic.Uint64 { return &w.received }),
		workerMetric("received_bytes_total", "Bytes received.", func(w *workerStats) *atomic.Uint64 { return &w.receivedBytes }),
		workerMetric("forwarded_packets_total", "Media packets sent to subscribers.", func(w *workerStats) *atomic.Uint64 { return &w.forwarded }),
		workerMetric("forwarded_bytes_total", "Bytes of media sent to subscribers.", func(w *workerStats) *atomic.Uint64 { return &w.forwardBytes }),
		workerMetric("retransmitted_packets_total", "Packets sent again as RTX: NACKs answered from the history.", func(w *workerStats) *atomic.Uint64 { return &w.retransmitted }),
		workerMetric("history_misses_total", "Packets asked for by NACK and not sent: too old, too often, or over the cap.", func(w *workerStats) *atomic.Uint64 { return &w.historyMisses }),
		workerMetric("connectivity_checks_total", "STUN checks of clients answered.", func(w *workerStats) *atomic.Uint64 { return &w.checks }),
		workerMetric("batches_total", "Receive batches.", func(w *workerStats) *atomic.Uint64 { return &w.batches }),
		workerMetric("messages_total", "Messages handed to the kernel; a message with segmentation offload is several packets.", func(w *workerStats) *atomic.Uint64 { return &w.messages }),
		workerMetric("send_calls_total", "System calls that sent messages.", func(w *workerStats) *atomic.Uint64 { return &w.calls }),
	}
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("conclave_sfu_"+name, help, labels, nil)
}

var _ prometheus.Collector = (*Collector)(nil)

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	s := c.server
	counter := func(d *prometheus.Desc, n float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, n, labels...)
	}
	gauge := func(d *prometheus.Desc, n int) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n))
	}
	for _, m := range workerMetrics() {
		for _, w := range s.workers {
			counter(m.desc, m.scale*float64(m.read(&w.stats).Load()), strconv.Itoa(w.index))
		}
	}
	drops := desc("dropped_packets_total", "Packets not forwarded, by reason.", "reason")
	for r := range drop.Reasons {
		var n uint64
		for _, w := range s.workers {
			n += w.stats.drops[r].Load()
		}
		counter(drops, float64(n), r.String())
	}
	frames := desc("encrypted_frames_total", "Frames looked at in rooms that require end-to-end encryption, by what was found.", "reason")
	for result := range sframe.Results {
		counter(frames, float64(s.frames[result].Load()), result.String())
	}
	latency := desc("forwarding_seconds", "From a batch's arrival to its departure.", "worker")
	sizes := desc("batch_packets", "Datagrams in a receive batch.", "worker")
	for _, w := range s.workers {
		for d, h := range map[*prometheus.Desc]*histogram{latency: &w.stats.latency, sizes: &w.stats.batchSize} {
			count, sum, buckets := h.snapshot()
			ch <- prometheus.MustNewConstHistogram(d, count, sum, buckets, strconv.Itoa(w.index))
		}
	}
	counter(desc("key_frame_requests_total", "Key frames asked of publishers."), float64(s.stats.pli.Load()))
	counter(desc("probe_packets_total", "Packets sent to find out whether a subscriber's path carries more."), float64(s.stats.probes.Load()))
	counter(desc("nacked_packets_total", "Packets asked of publishers again."), float64(s.stats.nacks.Load()))
	switches := desc("layer_switches_total", "Changes from one layer of a source to another.", "direction")
	counter(switches, float64(s.stats.ups.Load()), "up")
	counter(switches, float64(s.stats.downs.Load()), "down")
	rooms, peers, tracks, withheld := s.census()
	left := desc("withheld", "Sources wanted by viewers and not sent to them, by reason.", "reason")
	for _, reason := range media.Reasons {
		ch <- prometheus.MustNewConstMetric(left, prometheus.GaugeValue, float64(withheld[reason]), string(reason))
	}
	gauge(desc("rooms", "Rooms open."), rooms)
	gauge(desc("peers", "Peers in rooms."), peers)
	gauge(desc("tracks", "Tracks published."), tracks)
}

func (s *Server) census() (rooms, peers, tracks int, withheld map[media.Reason]int) {
	list := s.listRooms()
	withheld = map[media.Reason]int{}
	for _, r := range list {
		r.mu.Lock()
		peers += len(r.peers)
		tracks += len(r.tracks)
		for _, p := range r.peers {
			for _, w := range p.withheld {
				withheld[w.Reason]++
			}
		}
		r.mu.Unlock()
	}
	return len(list), peers, tracks, withheld
}
