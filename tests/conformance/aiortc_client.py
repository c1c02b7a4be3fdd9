"""Debian's unmodified aiortc in a seat. It has neither transport-cc, nor simulcast, nor an ICE restart."""

import asyncio
import re

from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

from seat import Seat


class Client(Seat):
    """Publishes a picture and a sound, or receives one of each."""

    async def publish(self, codec, change):
        self.pc = RTCPeerConnection()
        self.pc.addTransceiver(AudioStreamTrack(), direction="sendonly")
        prefer(self.pc.addTransceiver(VideoStreamTrack(), direction="sendonly"), codec)
        await self.negotiate([{"mid": "0", "source": "mic"}, {"mid": "1", "source": "camera"}], change)

    async def receive(self, codec, change):
        self.pc, self.frames = RTCPeerConnection(), {}
        self.pc.on("track", lambda track: asyncio.ensure_future(count(track, self.frames)))
        self.pc.addTransceiver("audio", direction="recvonly")
        prefer(self.pc.addTransceiver("video", direction="recvonly"), codec)
        await self.negotiate([], change)

    async def negotiate(self, tracks, change):
        await self.pc.setLocalDescription(await self.pc.createOffer())
        answer = await self.offer(CHANGES[change](self.pc.localDescription.sdp), tracks)
        await self.pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def counts(self):
        """Decoded frames and lost packets by kind."""
        stats = await self.pc.getStats()
        return dict(self.frames), {s.kind: s.packetsLost for s in stats.values() if s.type == "inbound-rtp"}

    async def stop(self):
        await self.pc.close()


def prefer(transceiver, codec):
    """Puts a codec first; H.264 in the profile that the server takes."""
    codecs = RTCRtpSender.getCapabilities("video").codecs
    wanted = [c for c in codecs if c.mimeType == "video/" + codec]
    if codec == "H264":
        wanted = [c for c in wanted if c.parameters.get("profile-level-id") == "42e01f"]
    transceiver.setCodecPreferences(wanted)


async def count(track, frames):
    try:
        while True:
            await track.recv()
            frames[track.kind] = frames.get(track.kind, 0) + 1
    except Exception:  # the track has ended
        return


def trickle(sdp):
    """The offer as a client sends it that has no candidates yet."""
    sdp = re.sub(r"a=(candidate:.*|end-of-candidates)\r\n", "", sdp)
    return sdp.replace("a=setup:", "a=ice-options:trickle\r\na=setup:")


def mdns(sdp):
    """The offer with mDNS names for addresses, as browsers write them."""
    name = "4b0a9d3c-0000-4000-8000-1234567890ab.local"
    return re.sub(r"(a=candidate:\S+ \d udp \d+) \S+", r"\1 " + name, sdp)


def no_rtx(sdp):
    """The offer without retransmission streams."""
    formats = re.findall(r"a=rtpmap:(\d+) rtx/", sdp)
    for number in formats:
        sdp = re.sub(rf"a=(rtpmap|fmtp):{number} .*\r\n", "", sdp)
        sdp = re.sub(rf"(m=video.*) {number}\b", r"\1", sdp)
    return re.sub(r"a=ssrc-group:FID .*\r\n", "", sdp)


CHANGES = {"": lambda sdp: sdp, "trickle": trickle, "mdns": mdns, "no-rtx": no_rtx}
