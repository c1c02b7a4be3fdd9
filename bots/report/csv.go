package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
)

// csvColumns are the columns of the CSV form, in order. Columns are added at the end, never renamed.
var csvColumns = [...]string{
	"bot", "meeting", "role", "error", "join_ms", "first_rtp_ms", "first_key_frame_ms", "sent_packets", "received_packets",
	"received_bytes", "expected_packets", "lost_before_rtx", "lost_after_rtx", "expected_audio_streams",
	"arrived_audio_streams",
	"expected_video_streams", "arrived_video_streams", "freezes", "freeze_ms", "audio_delay_p50_ms", "audio_delay_p99_ms",
	"video_delay_p50_ms", "video_delay_p99_ms", "sample",
}

// WriteCSV writes a line for each bot. What was not measured is empty.
func (r *Report) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	_ = out.Write(csvColumns[:]) // Error below has it
	for i := range r.Bots {
		_ = out.Write(r.Bots[i].record())
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("bots: report: %w", err)
	}
	return nil
}

// record is a bot's line.
func (b *Bot) record() []string {
	count := func(n uint64) string { return strconv.FormatUint(n, 10) }
	ms := func(value float64, measured bool) string {
		if !measured {
			return ""
		}
		return strconv.FormatFloat(value, 'f', 3, 64)
	}
	phase := func(name string) string {
		value, ok := b.JoinMS[name]
		return ms(value, ok)
	}
	audio, video := b.AudioDelay.Count > 0, b.VideoDelay.Count > 0
	return []string{
		strconv.Itoa(b.Bot), strconv.Itoa(b.Meeting), b.Role, b.Error, phase("total"), phase("first_rtp"),
		phase("first_key_frame"), count(b.SentPackets), count(b.ReceivedPackets), count(b.ReceivedBytes), count(b.Expected),
		count(b.LostBefore), count(b.LostAfter), strconv.Itoa(b.ExpectedAudio), strconv.Itoa(b.ArrivedAudio),
		strconv.Itoa(b.ExpectedVideo), strconv.Itoa(b.ArrivedVideo), count(b.Freezes), ms(b.FreezeMS, true),
		ms(b.AudioDelay.P50, audio), ms(b.AudioDelay.P99, audio), ms(b.VideoDelay.P50, video), ms(b.VideoDelay.P99, video),
		strconv.Itoa(b.Sample),
	}
}
