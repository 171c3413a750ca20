"""Lines that say what is being done, and the messages that end them, as the protocol wants it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from botbuilder.schema import Activity
from botframework.connector.models import ErrorResponseException
from msrest.exceptions import ClientRequestError

from bot.conversations import Conversation
from bot.outbound import Message, Outbound, Receipt
from tests.support.clock import FakeClock

CHAT = Conversation(id="a:megan", service_url="https://smba.example/", channel_id="msteams", user_id="u", bot_id="b")
CARD = {"type": "AdaptiveCard", "body": []}


class Channel:
    """The channel's side of streams, as documented: ids for the first line, nothing for what follows."""

    BOT_CONNECTOR_CLIENT_KEY, USER_TOKEN_CLIENT_KEY, app_id = "connector", "tokens", "bot"

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.refuse: Callable[[dict[str, Any]], Exception | None] = lambda _: None
        self.hold: asyncio.Event | None = None
        self.conversations = self

    async def continue_conversation(self, _: Any, callback: Callable[[Any], Any], __: str) -> None:
        await callback(SimpleNamespace(turn_state={"connector": self}, activity=None))

    async def send_to_conversation(self, _: str, activity: Activity) -> Any:
        if self.hold is not None:
            await self.hold.wait()
        wire = activity.serialize()
        if error := self.refuse(wire):
            raise error
        self.got.append(wire)
        later = self.stream(wire) and self.stream(wire).get("streamId")
        return SimpleNamespace(id=None if later else f"m{len(self.got)}")

    @staticmethod
    def stream(wire: dict[str, Any]) -> dict[str, Any]:
        return next((each for each in wire.get("entities") or [] if each["type"] == "streaminfo"), {})

    @property
    def streams(self) -> list[dict[str, Any]]:
        return [self.stream(wire) for wire in self.got]


def refusal(status: int, code: str) -> ErrorResponseException:
    error = ErrorResponseException.__new__(ErrorResponseException)
    error.response = SimpleNamespace(status_code=status, headers={}, text=lambda: f'{{"error": {{"code": "{code}"}}}}')
    return error


@pytest.fixture
def channel() -> Channel:
    return Channel()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def outbound(channel: Channel, clock: FakeClock) -> Outbound:
    return Outbound(channel, clock=clock)  # type: ignore[arg-type]


async def test_lines_go_on_in_one_stream_and_the_whole_message_ends_it(
    outbound: Outbound, channel: Channel, clock: FakeClock
) -> None:
    for text in ("Reading SAP …", "Reading Dynamics …"):
        await outbound.hint(CHAT, text)
        clock.advance(timedelta(seconds=2))
    receipt = await outbound.send(CHAT, Message(summary="Here is the plan", card=CARD))
    assert channel.streams == [
        {"type": "streaminfo", "streamType": "informative", "streamSequence": 1},
        {"type": "streaminfo", "streamType": "informative", "streamSequence": 2, "streamId": "m1"},
        {"type": "streaminfo", "streamType": "final", "streamId": "m1"},
    ]
    assert [wire["type"] for wire in channel.got] == ["typing", "typing", "message"]
    last = channel.got[-1]
    assert last["attachments"][0]["content"] == CARD
    assert last["text"] == "Here is the plan", "the end of a stream needs a text"
    assert receipt == Receipt("a:megan", "m1"), "updates find the message by the stream's id"
    await outbound.send(CHAT, Message(summary="next", text="next"))
    assert channel.streams[-1] == {}


async def test_the_same_line_and_one_too_soon_are_not_sent(
    outbound: Outbound, channel: Channel, clock: FakeClock
) -> None:
    await outbound.hint(CHAT, "one")
    await outbound.hint(CHAT, "two")
    clock.advance(timedelta(seconds=2))
    await outbound.hint(CHAT, "one")
    await outbound.hint(CHAT, "two")
    assert [wire["text"] for wire in channel.got] == ["one", "two"]


@pytest.mark.parametrize("kind", ["groupChat", "channel"])
async def test_nothing_is_streamed_in_groups(outbound: Outbound, channel: Channel, kind: str) -> None:
    await outbound.hint(msgspec.structs.replace(CHAT, kind=kind), "one")
    assert channel.got == []


@pytest.mark.parametrize(
    "error", [refusal(403, "ContentStreamNotAllowed"), refusal(400, "BadArgument"), refusal(405, "NotAllowed")]
)
async def test_a_chat_that_takes_no_streams_gets_plain_messages_and_is_not_asked_again_for_an_hour(
    outbound: Outbound, channel: Channel, clock: FakeClock, error: Exception
) -> None:
    channel.refuse = lambda wire: error if channel.stream(wire) else None
    await outbound.hint(CHAT, "one")
    await outbound.send(CHAT, Message(summary="whole", text="the whole answer"))
    assert [(wire["type"], wire["text"], wire.get("entities")) for wire in channel.got] == [
        ("message", "the whole answer", None)
    ]
    channel.refuse = lambda _: None
    await outbound.hint(CHAT, "two")
    assert len(channel.got) == 1
    clock.advance(timedelta(hours=1, seconds=1))
    await outbound.hint(CHAT, "three")
    assert channel.got[-1]["text"] == "three"


async def test_a_stream_that_the_person_stopped_ends_in_a_plain_message(outbound: Outbound, channel: Channel) -> None:
    await outbound.hint(CHAT, "one")
    channel.refuse = lambda wire: refusal(403, "ContentStreamNotAllowed") if channel.stream(wire) else None
    receipt = await outbound.send(CHAT, Message(summary="whole", text="the whole answer"))
    assert channel.got[-1]["text"] == "the whole answer"
    assert not channel.streams[-1]
    assert receipt.activity == "m2"


async def test_a_throttled_end_of_a_stream_is_its_end_all_the_same(
    outbound: Outbound, channel: Channel, clock: FakeClock
) -> None:
    await outbound.hint(CHAT, "one")
    refusals: list[Exception] = [refusal(429, "Throttled")]
    channel.refuse = lambda _: refusals.pop() if refusals else None
    sending = asyncio.ensure_future(outbound.send(CHAT, Message(summary="whole", text="the whole answer")))
    for _ in range(20):
        await asyncio.sleep(0)
    clock.advance(timedelta(seconds=2))
    await sending
    assert channel.streams[-1] == {"type": "streaminfo", "streamType": "final", "streamId": "m1"}


async def test_a_line_that_does_not_get_through_is_no_loss(
    outbound: Outbound, channel: Channel, clock: FakeClock
) -> None:
    errors: list[Exception] = [ClientRequestError("reset")]
    channel.refuse = lambda _: errors.pop() if errors else None
    await outbound.hint(CHAT, "one")
    assert not outbound.streaming(CHAT)
    await outbound.send(CHAT, Message(summary="whole", text="the whole answer"))
    assert not channel.streams[-1]


async def test_a_stream_that_teams_has_ended_by_its_time_limit_is_not_ended_again(
    outbound: Outbound, channel: Channel, clock: FakeClock
) -> None:
    await outbound.hint(CHAT, "one")
    assert outbound.streaming(CHAT)
    clock.advance(timedelta(seconds=121))
    assert not outbound.streaming(CHAT)
    await outbound.send(CHAT, Message(summary="whole", text="the whole answer"))
    assert not channel.streams[-1]


async def test_a_line_that_was_overtaken_by_its_message_does_not_begin_a_stream(
    outbound: Outbound, channel: Channel
) -> None:
    channel.hold = asyncio.Event()
    before = asyncio.ensure_future(outbound.send(CHAT, Message(summary="before", text="before")))
    await asyncio.sleep(0)
    line = asyncio.ensure_future(outbound.hint(CHAT, "one"))
    await asyncio.sleep(0)
    whole = asyncio.ensure_future(outbound.send(CHAT, Message(summary="whole", text="whole")))
    await asyncio.sleep(0)
    channel.hold.set()
    await asyncio.gather(before, line, whole)
    assert [wire["text"] for wire in channel.got] == ["before", "whole"]
    assert not outbound.streaming(CHAT)
