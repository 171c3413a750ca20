"""Order, patience and the meaning of a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botbuilder.schema import Activity, ChannelAccount
from botframework.connector.models import ErrorResponseException
from msrest.exceptions import ClientRequestError

from bot.conversations import Conversation
from bot.outbound import Message, Outbound, Receipt
from bot.texts import CARD_REFUSED
from orchestration.errors import Invalid, NotFound, Unavailable
from tests.support.chat import MEGAN

CHAT = Conversation(id="a:megan", service_url="https://smba.example/", channel_id="msteams", user_id="u", bot_id="b")
OTHER = Conversation(id="a:alex", service_url="https://smba.example/", channel_id="msteams", user_id="v", bot_id="b")
HELLO = Message(summary="hello", text="hello *there*")


def refusal(status: int, **headers: str) -> ErrorResponseException:
    response = SimpleNamespace(
        status_code=status, headers=headers, text=lambda: "said", reason="", raise_for_status=None
    )
    error = ErrorResponseException.__new__(ErrorResponseException)
    error.response = response
    return error


class Connector:
    """The channel's side: plays `answers` in turn, then accepts."""

    def __init__(self) -> None:
        self.answers: list[Exception] = []
        self.got: list[tuple[str, Activity]] = []
        self.hold: dict[str, asyncio.Event] = {}
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
        return ChannelAccount.deserialize(
            {"id": member, "name": "Megan Bowen", "userPrincipalName": "megan@contoso.example", "givenName": "Megan"}
        )


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


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def outbound(connector: Connector, waits: list[float]) -> Outbound:
    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    return Outbound(FakeAdapter(connector), sleep=sleep)  # type: ignore[arg-type]


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
    outbound: Outbound, connector: Connector, waits: list[float]
) -> None:
    connector.answers = [refusal(429, **{"Retry-After": "2.5"}), refusal(503), ClientRequestError("reset")]
    await outbound.send(CHAT, HELLO)
    assert waits == [2.5, 2.0, 4.0]
    assert len(connector.got) == 1


async def test_patience_ends(outbound: Outbound, connector: Connector, waits: list[float]) -> None:
    connector.answers = [refusal(500) for _ in range(5)]
    with pytest.raises(Unavailable, match="500"):
        await outbound.send(CHAT, HELLO)
    assert waits == [1.0, 2.0, 4.0, 8.0]


async def test_a_long_wait_is_left_to_the_caller(outbound: Outbound, connector: Connector, waits: list[float]) -> None:
    connector.answers = [refusal(429, **{"Retry-After": "600"})]
    with pytest.raises(Unavailable) as caught:
        await outbound.send(CHAT, HELLO)
    assert caught.value.retry_after is not None
    assert waits == []


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
    assert connector.got[0][1].text == f"Decide, please. {CARD_REFUSED}"
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


async def test_order_holds_while_the_first_message_waits_for_the_channel(connector: Connector) -> None:
    go_on = asyncio.Event()

    async def sleep(_: float) -> None:
        await go_on.wait()

    outbound = Outbound(FakeAdapter(connector), sleep=sleep)  # type: ignore[arg-type]
    connector.answers = [refusal(429, **{"Retry-After": "1"})]
    first = asyncio.ensure_future(outbound.send(CHAT, Message(summary="1", text="1")))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(outbound.send(CHAT, Message(summary="2", text="2")))
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(first, second)
    assert [activity.text for _, activity in connector.got] == ["1", "2"]


async def test_typing_that_does_not_get_through_is_no_loss(outbound: Outbound, connector: Connector) -> None:
    connector.answers = [refusal(500)]
    await outbound.typing(CHAT)
    await outbound.typing(CHAT)
    assert [activity.type for _, activity in connector.got] == ["typing"]


async def test_the_channel_introduces_a_person(outbound: Outbound) -> None:
    known = await outbound.introduce(MEGAN, CHAT)
    assert (known.name, known.upn, known.id) == ("Megan Bowen", "megan@contoso.example", MEGAN.id)


def test_a_receipt_of_another_surface_is_none() -> None:
    assert Receipt.decode("terminal:3") is None
    assert Receipt.decode("") is None
    assert Receipt.decode(Receipt("a", "b").encode()) == Receipt("a", "b")
