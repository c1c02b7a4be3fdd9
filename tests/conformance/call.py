"""A call between clients that are not ours: one publishes VP8 or H.264 with Opus, the other receives.

    CONCLAVE=http://127.0.0.1:8080 TOKEN=<bot token> /usr/bin/python3 call.py PUBLISHER RECEIVER VP8|H264 SECONDS

A client is aiortc or gstreamer. "aiortc:mdns" changes its offer first (trickle, mdns, no-rtx). It exits with 1 unless
picture and sound arrive for the whole time without a lost packet. It uses nothing but the public protocol.
"""

import asyncio
import importlib
import sys
import time

import aiohttp

from seat import create_meeting


def client(spec):
    """The class of a client, and the change to its offer."""
    name, _, change = spec.partition(":")
    return importlib.import_module(name + "_client").Client, change


async def call(publisher, receiver, codec, seconds):
    what = f"{codec} from {publisher} to {receiver}"
    (Publisher, change), (Receiver, other) = client(publisher), client(receiver)
    async with aiohttp.ClientSession() as http:
        meeting = await create_meeting(http)
        ana, ben = Publisher(http, meeting, "Ana"), Receiver(http, meeting, "Ben")
        await ana.join()
        await ben.join()
        await ana.publish(codec, change)
        await ben.receive(codec, other)
        assert (await ana.ask(type="media", sources=["mic", "camera"]))["type"] == "ok"
        want = {"participant": ana.number, "source": "camera", "height": 480}
        assert (await ben.ask(type="view", wants=[want]))["type"] == "ok"
        began = time.monotonic()
        before, lost = await ben.counts()
        while len(before) < 2 and time.monotonic() - began < 15:
            await asyncio.sleep(0.1)
            before, lost = await ben.counts()
        print(f"{what}: first picture and sound after {time.monotonic() - began:.1f} s")
        await asyncio.sleep(seconds)
        frames, lost = await ben.counts()
        got = {kind: frames.get(kind, 0) - before.get(kind, 0) for kind in ("audio", "video")}
        print(f"{what}: in {seconds} s {got['video']} pictures, {got['audio']} sounds, lost {lost}")
        failures = [e for p in (ana, ben) for e in p.events if e["type"] in ("media_failed", "warnings", "error")]
        await ana.leave()
        await ben.leave()
        assert not failures, failures
        assert got["audio"] >= 40 * seconds and got["video"] >= 15 * seconds, got
        assert len(lost) == 2 and not any(lost.values()), lost


asyncio.run(call(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
