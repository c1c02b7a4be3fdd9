"""Debian's unmodified GStreamer (webrtcbin) in a seat. Its offers have no candidates (trickle), no RTX, no transport-cc
and no simulcast.
"""

import asyncio

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC  # noqa: E402 (the versions come first)

from seat import Seat  # noqa: E402

Gst.init(None)

ENCODERS = {
    "VP8": "vp8enc deadline=1 cpu-used=8 target-bitrate=800000 keyframe-max-dist=60 ! rtpvp8pay picture-id-mode=2",
    "H264": "x264enc tune=zerolatency speed-preset=ultrafast bitrate=800 key-int-max=60"
    " ! video/x-h264,profile=constrained-baseline ! rtph264pay config-interval=-1 aggregate-mode=zero-latency",
}
DECODERS = {
    "VP8": "rtpvp8depay ! vp8dec",
    "H264": "rtph264depay ! h264parse ! avdec_h264",
    "OPUS": "rtpopusdepay ! opusdec",
}
OPUS = "application/x-rtp,media=audio,encoding-name=OPUS,payload=97,clock-rate=48000,encoding-params=(string)2"
VIDEO = "application/x-rtp,media=video,encoding-name=%s,payload=96,clock-rate=90000"
PROFILE = ",packetization-mode=(string)1,profile-level-id=(string)42e01f"


def caps(codec):
    """What a receiver offers. A sender's H.264 profile is the encoder's, 42c015 here: the same in another spelling."""
    return VIDEO % codec + (PROFILE if codec == "H264" else "")


class Client(Seat):
    """Publishes a picture and a sound, or receives one of each. GStreamer's threads change numbers here and no more."""

    async def publish(self, codec, _change):
        self.start(
            f"webrtcbin name=rtc bundle-policy=max-bundle "
            f"audiotestsrc is-live=true ! audioconvert ! audioresample ! opusenc ! rtpopuspay ! {OPUS} ! rtc.sink_0 "
            f"videotestsrc is-live=true ! video/x-raw,width=640,height=360,framerate=30/1,format=I420 "
            f"! {ENCODERS[codec]} ! {VIDEO % codec} ! rtc.sink_1"
        )
        for at in range(2):
            transceiver = self.rtc.emit("get-transceiver", at)
            transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
        await self.negotiate(["mic", "camera"])

    async def receive(self, codec, _change):
        self.frames, self.lost, self.last = {}, {}, {}
        self.start("webrtcbin name=rtc bundle-policy=max-bundle")
        self.rtc.connect("pad-added", self.added)
        for text in (OPUS, caps(codec)):
            self.rtc.emit(
                "add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, Gst.Caps.from_string(text)
            )
        await self.negotiate([])

    def start(self, description):
        self.pipeline = Gst.parse_launch("pipeline.( " + description + " )")
        self.rtc = self.pipeline.get_by_name("rtc")
        self.pipeline.set_state(Gst.State.PLAYING)

    async def negotiate(self, sources):
        if sources:
            await self.flowing()
        sdp = await asyncio.to_thread(self.create_offer)
        mids = [line[len("a=mid:") :] for line in sdp.splitlines() if line.startswith("a=mid:")]
        answer = await self.offer(sdp, [{"mid": m, "source": s} for m, s in zip(mids, sources)])
        await asyncio.to_thread(self.set_answer, answer)

    async def flowing(self):
        """Waits until both payloaders have told their formats: before that the offer would have no SSRC."""
        for _ in range(100):
            if all(self.rtc.get_static_pad(f"sink_{i}").get_current_caps() for i in range(2)):
                return
            await asyncio.sleep(0.1)
        raise AssertionError("the encoders send nothing")

    def create_offer(self):
        """Sets an offer and returns its text. The reply belongs to the promise and is read while it lives."""
        promise = Gst.Promise.new()
        self.rtc.emit("create-offer", None, promise)
        assert promise.wait() == Gst.PromiseResult.REPLIED
        reply = promise.get_reply()
        offer = reply.get_value("offer")
        text = offer.sdp.as_text()
        self.describe("set-local-description", GstWebRTC.WebRTCSDPType.OFFER, text)
        return text

    def set_answer(self, text):
        self.describe("set-remote-description", GstWebRTC.WebRTCSDPType.ANSWER, text)

    def describe(self, signal, kind, text):
        result, message = GstSdp.SDPMessage.new_from_text(text)
        assert result == GstSdp.SDPResult.OK, result
        promise = Gst.Promise.new()
        self.rtc.emit(signal, GstWebRTC.WebRTCSessionDescription.new(kind, message), promise)
        promise.wait()

    def added(self, _rtc, pad):
        """Decodes a new track, and counts its frames and the gaps in its sequence numbers after the jitter buffer."""
        structure = pad.get_current_caps().get_structure(0)
        kind, codec = structure.get_string("media"), structure.get_string("encoding-name")
        sink = Gst.parse_bin_from_description(
            f"queue ! {DECODERS[codec]} ! fakesink name=end sync=false async=false", True
        )
        pad.add_probe(Gst.PadProbeType.BUFFER, self.packet, kind)
        sink.get_by_name("end").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self.frame, kind)
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def packet(self, _pad, info, kind):
        number = int.from_bytes(info.get_buffer().extract_dup(2, 2), "big")
        gap = (number - self.last.get(kind, number - 1) - 1) & 0xFFFF
        self.lost[kind] = self.lost.get(kind, 0) + gap
        self.last[kind] = number
        return Gst.PadProbeReturn.OK

    def frame(self, _pad, _info, kind):
        self.frames[kind] = self.frames.get(kind, 0) + 1
        return Gst.PadProbeReturn.OK

    async def counts(self):
        """Decoded frames and lost packets by kind."""
        error = self.pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
        assert error is None, error.parse_error()
        return dict(self.frames), dict(self.lost)

    async def stop(self):
        await asyncio.to_thread(self.pipeline.set_state, Gst.State.NULL)
