from __future__ import annotations

import msgspec

from bot.conversations import Conversation, Conversations
from orchestration.core.run import Person
from tests.support.chat import MEGAN

THERE = Conversation(
    id="a:1", service_url="https://a", channel_id="msteams", user_id="29:m", bot_id="28:b", locale="de"
)


class Memory:
    """Documents that count writes."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.writes = 0

    async def get(self, kind: str, key: str) -> bytes | None:
        return self.kept.get(key)

    async def put(self, kind: str, key: str, body: bytes) -> None:
        self.kept[key] = body
        self.writes += 1

    async def drop(self, kind: str, key: str) -> None:
        self.kept.pop(key, None)


async def test_a_chat_survives_a_restart() -> None:
    memory = Memory()
    await Conversations(memory).remember(MEGAN, THERE)
    known = await Conversations(memory).of(MEGAN.id)
    assert known is not None
    assert known.conversation == THERE
    assert known.person == MEGAN


async def test_only_what_is_new_is_written() -> None:
    memory = Memory()
    conversations = Conversations(memory)
    for _ in range(3):
        await conversations.remember(MEGAN, THERE)
    assert memory.writes == 1
    await conversations.remember(MEGAN, msgspec.structs.replace(THERE, service_url="https://b"))
    assert memory.writes == 2


async def test_an_activity_that_says_less_takes_nothing_away() -> None:
    memory = Memory()
    conversations = Conversations(memory)
    await conversations.remember(MEGAN, THERE)
    known = await conversations.remember(Person(MEGAN.id, ""), msgspec.structs.replace(THERE, locale=""))
    assert (known.person.name, known.person.upn, known.conversation.locale) == (MEGAN.name, MEGAN.upn, "de")


async def test_a_forgotten_chat_is_unknown_until_the_person_writes_again() -> None:
    memory = Memory()
    conversations = Conversations(memory)
    await conversations.remember(MEGAN, THERE)
    await conversations.forget(MEGAN.id)
    assert await conversations.of(MEGAN.id) is None
    assert memory.kept == {}
    await conversations.remember(MEGAN, THERE)
    assert await conversations.of(MEGAN.id) is not None
