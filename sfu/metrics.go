package sfu

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"conclave/media"
	"conclave/sfu/drop"
	"conclave/sfu/forward"
	"conclave/sfu/sframe"
)

// Collector exposes the media path as Prometheus metrics. No label tells anything about a user: they are reasons,
// worker numbers and our own directions.
type Collector struct{ server *Server }

// Collector returns a collector to register.
func (s *Server) Collector() *Collector { return &Collector{server: s} }

type metric struct {
	desc  *prometheus.Desc
	read  func(*forward.Counters) *atomic.Uint64
	scale float64
}

func senderMetric(name, help string, read func(*forward.Counters) *atomic.Uint64) metric {
	return metric{desc(name, help, "sender"), read, 1}
}

// senderMetrics are counters kept by each sender: the workers, the player of kept key frames, and the pacer.
func senderMetrics() []metric {
	type c = forward.Counters
	type n = *atomic.Uint64
	busy := senderMetric("busy_seconds_total", "Time spent on packets, waiting excluded.", func(c *c) n { return &c.Busy })
	busy.scale = 1e-9
	return []metric{
		busy,
		senderMetric("received_packets_total", "Datagrams received.", func(c *c) n { return &c.Received }),
		senderMetric("received_bytes_total", "Bytes received.", func(c *c) n { return &c.ReceivedBytes }),
		senderMetric("forwarded_packets_total", "Media packets sent to viewers.", func(c *c) n { return &c.Forwarded }),
		senderMetric("forwarded_bytes_total", "Bytes of media sent to viewers.", func(c *c) n { return &c.ForwardedBytes }),
		senderMetric("sent_bytes_total", "All bytes sent to viewers: media, retransmissions, probes, key frames played "+
			"again.",
			func(c *c) n { return &c.SentBytes }),
		senderMetric("retransmitted_packets_total", "Packets sent again: NACKs answered from the history.",
			func(c *c) n { return &c.Retransmitted }),
		senderMetric("copied_packets_total", "Audio packets sent again unasked, to viewers who lose packets.",
			func(c *c) n { return &c.Copied }),
		senderMetric("history_misses_total", "Packets asked for by NACK and not sent: too old, too often, or over the cap.",
			func(c *c) n { return &c.HistoryMisses }),
		senderMetric("probe_packets_total", "Packets sent to find out whether a viewer's path carries more.",
			func(c *c) n { return &c.Probes }),
		senderMetric("connectivity_checks_total", "STUN checks of clients answered.", func(c *c) n { return &c.Checks }),
		senderMetric("batches_total", "Receive batches.", func(c *c) n { return &c.Batches }),
		senderMetric("messages_total", "Messages handed to the kernel; with segmentation offload one is several packets.",
			func(c *c) n { return &c.Messages }),
		senderMetric("send_calls_total", "System calls that sent messages.", func(c *c) n { return &c.Calls }),
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
	senders, totals := s.engine.Senders(), s.engine.Totals()
	for _, m := range senderMetrics() {
		for _, sender := range senders {
			counter(m.desc, m.scale*float64(m.read(sender.Counters).Load()), sender.Name)
		}
	}
	drops := desc("dropped_packets_total", "Packets not forwarded, by reason.", "reason")
	for r := range drop.Reasons {
		var n uint64
		for _, sender := range senders {
			n += sender.Drops[r].Load()
		}
		counter(drops, float64(n), r.String())
	}
	frames := desc("encrypted_frames_total",
		"Frames looked at in rooms that require end-to-end encryption, by what was found.", "reason")
	for result := range sframe.Results {
		counter(frames, float64(totals.Frames[result]), result.String())
	}
	latency := desc("forwarding_seconds", "From a batch's arrival to its departure.", "sender")
	delay := desc("delay_seconds", "From the kernel's receipt of a batch's oldest datagram to the batch's departure.",
		"sender")
	sizes := desc("batch_packets", "Datagrams in a receive batch.", "sender")
	for _, sender := range senders {
		if !sender.Worker {
			continue
		}
		for d, h := range map[*prometheus.Desc]*forward.Histogram{latency: &sender.Latency, delay: &sender.Delay,
			sizes: &sender.BatchSize} {
			count, sum, buckets := h.Snapshot()
			ch <- prometheus.MustNewConstHistogram(d, count, sum, buckets, sender.Name)
		}
	}
	counter(desc("key_frame_requests_total", "Key frames asked of publishers."), float64(totals.KeyFrameRequests))
	counter(desc("nacked_packets_total", "Packets asked of publishers again."), float64(totals.Nacked))
	switches := desc("layer_switches_total", "Changes from one layer of a source to another.", "direction")
	counter(switches, float64(totals.Ups), "up")
	counter(switches, float64(totals.Downs), "down")
	failures := desc("media_failures_total",
		"Media connections lost for good (failed) or waiting for their next step on the way up (stuck), by cause.", "state",
		"cause")
	for t, n := range s.troubles {
		counter(failures, float64(n.Load()), string(t.kind), string(t.cause))
	}
	s.load.collect(ch)
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
