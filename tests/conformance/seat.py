"""A seat in a meeting by the public protocol (docs/protocol.md), without any media: what the clients here share."""

import asyncio
import json
import os

SERVER = os.environ["CONCLAVE"]
HEADERS = {"Authorization": "Bearer " + os.environ["TOKEN"]}


async def create_meeting(http):
    """Makes a plain meeting and returns its id."""
    created = await http.post(SERVER + "/api/meetings", json={"e2ee": False, "lobby": False}, headers=HEADERS)
    assert created.status == 201, await created.text()
    return (await created.json())["meeting"]


class Seat:
    """A WebSocket, its requests by id, and the events that came. A client adds publish, receive, counts and stop."""

    def __init__(self, http, meeting, name):
        self.http, self.meeting, self.name = http, meeting, name
        self.replies, self.events, self.next_id = {}, [], 0

    async def join(self):
        self.socket = await self.http.ws_connect(SERVER + "/ws", protocols=["conclave.v1"], headers=HEADERS)
        self.reader = asyncio.create_task(self.read())
        welcome = await self.ask(type="join", version=1, meeting=self.meeting, name=self.name)
        assert welcome["type"] == "welcome", welcome
        self.number = welcome["participant"]

    async def read(self):
        async for frame in self.socket:
            message = json.loads(frame.data)
            waiting = self.replies.pop(message.get("id"), None)
            if waiting:
                waiting.set_result(message)
            else:
                self.events.append(message)

    async def ask(self, **message):
        self.next_id += 1
        message["id"] = self.next_id
        self.replies[self.next_id] = asyncio.get_running_loop().create_future()
        reply = self.replies[self.next_id]
        await self.socket.send_json(message)
        return await asyncio.wait_for(reply, 10)

    async def offer(self, sdp, tracks):
        """Sends an offer and returns the answer's text."""
        if os.environ.get("SHOW_OFFERS"):
            print(sdp)
        answer = await self.ask(type="offer", sdp=sdp, tracks=tracks)
        assert answer["type"] == "answer", answer
        return answer["sdp"]

    async def leave(self):
        await self.socket.send_json({"type": "leave", "id": 1000})
        await asyncio.wait_for(self.reader, 10)
        assert self.events[-1]["type"] == "bye", self.events[-1]
        await self.stop()
