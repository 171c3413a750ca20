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
        self.kept: dict[tuple[str, str], bytes] = {}
        self.writes = 0

    async def get(self, kind: str, key: str) -> bytes | None:
        return self.kept.get((kind, key))

    async def put(self, kind: str, key: str, body: bytes) -> None:
        self.kept[kind, key] = body
        self.writes += 1

    async def drop(self, kind: str, key: str) -> None:
        self.kept.pop((kind, key), None)

    async def documents(self, kind: str) -> dict[str, bytes]:
        return {key: body for (of, key), body in self.kept.items() if of == kind}


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


async def test_a_chat_that_is_shut_is_forgotten_with_its_person() -> None:
    memory = Memory()
    conversations = Conversations(memory)
    await conversations.remember(MEGAN, THERE)
    await conversations.lost("a:other")
    assert await conversations.of(MEGAN.id) is not None
    await conversations.lost("a:1")
    assert await conversations.of(MEGAN.id) is None
    assert memory.kept == {}


GENERAL = msgspec.structs.replace(THERE, id="19:general@thread.tacv2;messageid=7", kind="channel", team="19:general")


async def test_a_group_survives_a_restart_and_a_thread_is_found_by_its_place() -> None:
    memory = Memory()
    await Conversations(memory).enter(GENERAL)
    found = await Conversations(memory).group("19:general@thread.tacv2;messageid=9")
    assert found is not None
    assert (found.id, found.service_url, found.kind) == ("19:general@thread.tacv2;messageid=9", "https://a", "channel")
    assert found.user_id == "", "a group is nobody's"


async def test_many_messages_in_a_group_are_one_write() -> None:
    memory = Memory()
    conversations = Conversations(memory)
    for n in range(3):
        await conversations.enter(msgspec.structs.replace(GENERAL, user_id=f"29:{n}", id=f"19:general;messageid={n}"))
    assert memory.writes == 1


async def test_a_removal_from_a_team_forgets_all_its_channels_and_no_others() -> None:
    conversations = Conversations(Memory())
    for name, team in (("19:general", "19:general"), ("19:other", "19:general"), ("19:away", "19:away")):
        await conversations.enter(msgspec.structs.replace(GENERAL, id=name, team=team))
    await conversations.leave("19:general", team="19:general")
    assert [await conversations.group(name) is None for name in ("19:general", "19:other", "19:away")] == [
        True,
        True,
        False,
    ]


async def test_whether_somebody_is_a_guest_is_kept_until_the_channel_says_otherwise() -> None:
    memory = Memory()
    await Conversations(memory).remember(MEGAN, THERE, guest=True)
    assert (await Conversations(memory).remember(MEGAN, THERE)).guest
    assert not (await Conversations(memory).remember(MEGAN, THERE, guest=False)).guest
