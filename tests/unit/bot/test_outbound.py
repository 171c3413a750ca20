"""Order, patience and the meaning of a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botbuilder.schema import Activity, ChannelAccount
from botframework.connector.models import ErrorResponseException
from msrest.exceptions import ClientRequestError

from bot.conversations import Conversation
from bot.outbound import Message, Outbound, Receipt, Unreachable
from bot.texts import card_refused
from orchestration.errors import Invalid, NotFound, Unavailable
from tests.support.chat import MEGAN, TENANT
from tests.support.clock import FakeClock

CHAT = Conversation(id="a:megan", service_url="https://smba.example/", channel_id="msteams", user_id="u", bot_id="b")
OTHER = Conversation(id="a:alex", service_url="https://smba.example/", channel_id="msteams", user_id="v", bot_id="b")
HELLO = Message(summary="hello", text="hello *there*")


def refusal(status: int, said: str = "said", **headers: str) -> ErrorResponseException:
    response = SimpleNamespace(status_code=status, headers=headers, text=lambda: said, reason="", raise_for_status=None)
    error = ErrorResponseException.__new__(ErrorResponseException)
    error.response = response
    return error


class Connector:
    """The channel's side: plays `answers` in turn, then accepts."""

    def __init__(self) -> None:
        self.answers: list[Exception] = []
        self.got: list[tuple[str, Activity]] = []
        self.hold: dict[str, asyncio.Event] = {}
        self.member = {"id": "u", "name": "Megan Bowen", "userPrincipalName": "megan@contoso.example"}
        self.conversations = self

    async def send_to_conversation(self, conversation: str, activity: Activity) -> Any:
        if conversation in self.hold:
            await self.hold[conversation].wait()
        if self.answers:
            raise self.answers.pop(0)
        self.got.append((conversation, activity))
        return SimpleNamespace(id=f"m{len(self.got)}")

    async def update_activity(self, conversation: str, activity_id: str, activity: Activity) -> Any:
        return await self.send_to_conversation(conversation, activity)

    async def get_conversation_member(self, conversation: str, member: str) -> ChannelAccount:
        return ChannelAccount.deserialize(self.member)


class FakeAdapter:
    """As much of the adapter as sending needs."""

    BOT_CONNECTOR_CLIENT_KEY = "connector"
    USER_TOKEN_CLIENT_KEY = "tokens"
    app_id = "bot"

    def __init__(self, connector: Connector) -> None:
        self.connector = connector
        self.references: list[Any] = []

    async def continue_conversation(self, reference: Any, callback: Callable[[Any], Any], app_id: str) -> None:
        self.references.append(reference)
        await callback(SimpleNamespace(turn_state={"connector": self.connector}, activity=None))


@pytest.fixture
def connector() -> Connector:
    return Connector()


class Waiting(FakeClock):
    """A clock that goes on by itself as soon as everybody waits, and keeps how long."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    async def until(self, done: asyncio.Future[Any]) -> None:
        while not done.done():
            for _ in range(20):
                await asyncio.sleep(0)
            if not done.done() and self.next_timer is not None:
                before = self.now()
                self.advance(self.next_timer - before)
                self.waits.append(round((self.now() - before).total_seconds(), 1))


@pytest.fixture
def clock() -> Waiting:
    return Waiting()


@pytest.fixture
def lost() -> list[str]:
    return []


@pytest.fixture
def outbound(connector: Connector, clock: Waiting, lost: list[str]) -> Outbound:
    async def gone(conversation: str) -> None:
        lost.append(conversation)

    return Outbound(FakeAdapter(connector), clock=clock, lost=gone)  # type: ignore[arg-type]


async def told(clock: Waiting, doing: Any) -> Any:
    """What comes of it, however long the clock has to go on."""
    task = asyncio.ensure_future(doing)
    await clock.until(task)
    return await task


async def test_a_text_is_plain_and_has_a_notification(outbound: Outbound, connector: Connector) -> None:
    assert await outbound.send(CHAT, HELLO) == Receipt("a:megan", "m1")
    sent = connector.got[0][1]
    assert (sent.text, sent.text_format, sent.summary) == ("hello *there*", "plain", "hello")
    assert (sent.recipient.id, sent.from_property.id, sent.service_url) == ("u", "b", CHAT.service_url)


async def test_a_card_is_an_attachment_and_has_a_notification(outbound: Outbound, connector: Connector) -> None:
    await outbound.send(CHAT, Message(summary="look", card={"type": "AdaptiveCard"}))
    sent = connector.got[0][1]
    assert sent.attachments[0].content == {"type": "AdaptiveCard"}
    assert sent.summary == "look"
    assert sent.text is None


async def test_a_throttling_channel_is_obeyed_to_the_fraction_of_a_second(
    outbound: Outbound, connector: Connector, clock: Waiting
) -> None:
    connector.answers = [refusal(429, **{"Retry-After": "2.5"}), refusal(503), ClientRequestError("reset")]
    await told(clock, outbound.send(CHAT, HELLO))
    assert clock.waits == [2.5, 2.0, 4.0]
    assert len(connector.got) == 1


async def test_patience_ends(outbound: Outbound, connector: Connector, clock: Waiting) -> None:
    connector.answers = [refusal(500) for _ in range(5)]
    with pytest.raises(Unavailable, match="500"):
        await told(clock, outbound.send(CHAT, HELLO))
    assert clock.waits == [1.0, 2.0, 4.0, 8.0]


async def test_a_long_wait_is_left_to_the_caller(outbound: Outbound, connector: Connector, clock: Waiting) -> None:
    connector.answers = [refusal(429, **{"Retry-After": "600"})]
    with pytest.raises(Unavailable) as caught:
        await told(clock, outbound.send(CHAT, HELLO))
    assert caught.value.retry_after is not None
    assert clock.waits == []


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_a_chat_that_is_gone_is_not_tried_again(outbound: Outbound, connector: Connector, status: int) -> None:
    connector.answers = [refusal(status)]
    with pytest.raises(NotFound):
        await outbound.update(CHAT, "m1", HELLO)
    assert connector.answers == []


async def test_a_refused_card_goes_out_as_its_text_and_the_operator_hears_of_it(
    outbound: Outbound, connector: Connector, caplog: pytest.LogCaptureFixture
) -> None:
    connector.answers = [refusal(413)]
    await outbound.send(CHAT, Message(summary="Decide, please", card={"type": "AdaptiveCard"}))
    assert connector.got[0][1].text == f"Decide, please. {card_refused()}"
    assert "413" in caplog.text
    connector.answers = [refusal(400)]
    with pytest.raises(Invalid):
        await outbound.send(CHAT, HELLO)


async def test_messages_of_one_chat_stay_in_order_while_others_go_on(outbound: Outbound, connector: Connector) -> None:
    connector.hold["a:megan"] = asyncio.Event()
    pending = [asyncio.ensure_future(outbound.send(CHAT, Message(summary=str(n), text=str(n)))) for n in range(3)]
    await outbound.send(OTHER, HELLO)
    assert [conversation for conversation, _ in connector.got] == ["a:alex"]
    connector.hold.pop("a:megan").set()
    await asyncio.gather(*pending)
    assert [activity.text for _, activity in connector.got[1:]] == ["0", "1", "2"]


async def test_order_holds_while_the_first_message_waits_for_the_channel(
    outbound: Outbound, connector: Connector, clock: Waiting
) -> None:
    connector.answers = [refusal(429, **{"Retry-After": "1"})]
    sending = [asyncio.ensure_future(outbound.send(CHAT, Message(summary=str(n), text=str(n)))) for n in (1, 2)]
    await clock.until(asyncio.gather(*sending))
    assert [activity.text for _, activity in connector.got] == ["1", "2"]


async def test_twenty_messages_to_one_chat_keep_to_its_limit_and_their_order(
    outbound: Outbound, connector: Connector, clock: Waiting
) -> None:
    sending = [asyncio.ensure_future(outbound.send(CHAT, Message(summary=str(n), text=str(n)))) for n in range(20)]
    await clock.until(asyncio.gather(*sending))
    assert [activity.text for _, activity in connector.got] == [str(n) for n in range(20)]
    assert 4.0 <= sum(clock.waits) <= 5.0, "Teams takes eight in two seconds"


async def test_of_many_updates_of_one_card_the_newest_is_sent_and_everybody_knows(
    outbound: Outbound, connector: Connector, clock: Waiting
) -> None:
    connector.hold["a:megan"] = asyncio.Event()
    updates = [
        asyncio.ensure_future(outbound.update(CHAT, "m1", Message(summary=str(n), text=str(n)))) for n in range(9)
    ]
    for _ in range(20):
        await asyncio.sleep(0)
    connector.hold.pop("a:megan").set()
    await clock.until(asyncio.gather(*updates))
    assert [activity.text for _, activity in connector.got] == ["0", "8"]


async def test_an_update_that_was_overtaken_fails_with_the_one_that_took_its_place(
    outbound: Outbound, connector: Connector, clock: Waiting
) -> None:
    connector.hold["a:megan"] = asyncio.Event()
    connector.answers = [refusal(500), refusal(404)]
    updates = [
        asyncio.ensure_future(outbound.update(CHAT, "m1", Message(summary=str(n), text=str(n)))) for n in range(2)
    ]
    for _ in range(20):
        await asyncio.sleep(0)
    connector.hold.pop("a:megan").set()
    outcomes = asyncio.gather(*updates, return_exceptions=True)
    await clock.until(outcomes)
    assert [type(each) for each in await outcomes] == [NotFound, NotFound]


async def test_a_chat_that_had_too_much_says_until_when(
    outbound: Outbound, connector: Connector, clock: Waiting
) -> None:
    for _ in range(1800):
        clock.advance(timedelta(seconds=1.95))
        await outbound.send(CHAT, HELLO)
    with pytest.raises(Unavailable) as caught:
        await told(clock, outbound.send(CHAT, HELLO))
    assert caught.value.retry_after is not None
    assert 60 < caught.value.retry_after.total_seconds() < 3600
    await outbound.send(OTHER, HELLO)


async def test_whoever_stops_waiting_holds_nobody_up(outbound: Outbound, connector: Connector, clock: Waiting) -> None:
    connector.hold["a:megan"] = asyncio.Event()
    sending = [asyncio.ensure_future(outbound.send(CHAT, Message(summary=str(n), text=str(n)))) for n in range(3)]
    for _ in range(20):
        await asyncio.sleep(0)
    sending[0].cancel()
    sending[1].cancel()
    connector.hold.pop("a:megan").set()
    await clock.until(sending[2])
    assert [activity.text for _, activity in connector.got] == ["2"]


@pytest.mark.parametrize(
    "said", ["ConversationBlockedByUser", "BotNotInConversationRoster", "BotDisabledByAdmin", "ConversationNotFound"]
)
async def test_a_chat_that_is_shut_is_forgotten(
    outbound: Outbound, connector: Connector, lost: list[str], said: str
) -> None:
    connector.answers = [refusal(403, f'{{"error": {{"code": "{said}", "message": "no"}}}}')]
    with pytest.raises(Unreachable):
        await outbound.send(CHAT, HELLO)
    assert lost == ["a:megan"]


async def test_a_message_that_is_gone_leaves_the_chat_known(
    outbound: Outbound, connector: Connector, lost: list[str]
) -> None:
    connector.answers = [refusal(404, '{"error": {"code": "ActivityNotFoundInConversation"}}')]
    with pytest.raises(NotFound):
        await outbound.update(CHAT, "m1", HELLO)
    assert lost == []


async def test_typing_that_does_not_get_through_is_no_loss(outbound: Outbound, connector: Connector) -> None:
    connector.answers = [refusal(500)]
    await outbound.typing(CHAT)
    await outbound.typing(CHAT)
    assert [activity.type for _, activity in connector.got] == ["typing"]


async def test_typing_is_not_shown_behind_a_message_that_is_on_its_way(
    outbound: Outbound, connector: Connector, clock: Waiting
) -> None:
    connector.hold["a:megan"] = asyncio.Event()
    sending = asyncio.ensure_future(outbound.send(CHAT, HELLO))
    await asyncio.sleep(0)
    await outbound.typing(CHAT)
    connector.hold.pop("a:megan").set()
    await sending
    assert [activity.type for _, activity in connector.got] == ["message"]


async def test_the_channel_introduces_a_person(outbound: Outbound) -> None:
    known = await outbound.introduce(MEGAN, CHAT)
    assert (known.person.name, known.person.upn, known.person.id) == ("Megan Bowen", "megan@contoso.example", MEGAN.id)
    assert not known.guest


@pytest.mark.parametrize(
    "said",
    [
        {"userPrincipalName": "eve_evil.example#EXT#@contoso.example"},
        {"userPrincipalName": "eve@evil.example", "userRole": "guest"},
        {"userPrincipalName": "eve@evil.example", "userRole": "Guest"},
        {"userRole": "anonymous"},
    ],
)
async def test_the_channel_tells_a_guest(outbound: Outbound, connector: Connector, said: dict[str, str]) -> None:
    connector.member = {"id": "u", "name": "Eve", "tenantId": TENANT.upper(), **said}
    known = await outbound.introduce(MEGAN, CHAT)
    assert (known.guest, known.tenant) == (True, TENANT)


def test_a_receipt_of_another_surface_is_none() -> None:
    assert Receipt.decode("terminal:3") is None
    assert Receipt.decode("") is None
    assert Receipt.decode(Receipt("a", "b").encode()) == Receipt("a", "b")
