"""Chats are opened with people of the tenant who have the app, and nothing is sent into somebody else's."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botbuilder.core import BotAdapter

from bot.conversations import Conversation, Conversations
from bot.routes.doors import Doors
from orchestration.core.run import Person
from orchestration.errors import NotFound, TandemError, Unavailable
from orchestration.stores.sqlite import SqliteStore
from tests.unit.routes.bureau import ALEX, MEGAN, TENANT, chat_of


class Channel:
    """Implements what doors need of `Outbound` and the connector behind it."""

    def __init__(self) -> None:
        self.made: list[Any] = []
        self.service = ""
        self.members: list[Any] = [account(ALEX)]
        self.refuse: TandemError | None = None
        self.places: list[Conversation] = []

    async def in_chat(self, to: Conversation, action: Any) -> Any:
        self.places.append(to)
        if self.refuse:
            raise self.refuse
        return await action(SimpleNamespace(turn_state={BotAdapter.BOT_CONNECTOR_CLIENT_KEY: self}))

    @property
    def conversations(self) -> Channel:
        return self

    async def create_conversation(self, wanted: Any) -> Any:
        self.made.append(wanted)
        return SimpleNamespace(id="a:new", service_url=self.service)

    async def get_conversation_paged_members(self, _: str) -> Any:
        return SimpleNamespace(members=self.members)


def account(person: Person, **more: Any) -> Any:
    known = {"userPrincipalName": person.upn, **more}
    return SimpleNamespace(
        id=f"29:{person.id[:8]}", name=person.name, aad_object_id=person.id, additional_properties=known
    )


@pytest.fixture
async def doors(tmp_path: Path) -> Any:
    store = SqliteStore(tmp_path / "tandem.db")
    await store.open()
    conversations, channel = Conversations(store), Channel()
    await conversations.remember(MEGAN, chat_of(MEGAN))
    made = Doors(conversations, channel, TENANT)  # type: ignore[arg-type]
    yield SimpleNamespace(open=made.open, channel=channel, conversations=conversations)
    await store.close()


async def test_a_member_is_asked_for_by_id_and_the_chat_is_kept(doors: Any) -> None:
    who = await doors.open(ALEX, MEGAN)
    (wanted,) = doors.channel.made
    assert [member.id for member in wanted.members] == [ALEX.id]
    assert (wanted.is_group, wanted.tenant_id, wanted.channel_data) == (False, TENANT, {"tenant": {"id": TENANT}})
    assert (who.conversation.id, who.conversation.user_id) == ("a:new", f"29:{ALEX.id[:8]}")
    assert who.person.upn == ALEX.upn
    assert await doors.conversations.of(ALEX.id) == who


async def test_without_the_app_there_is_no_chat(doors: Any) -> None:
    doors.channel.refuse = NotFound("403: the bot is not installed in this person's personal scope")
    assert await doors.open(ALEX, MEGAN) is None
    assert await doors.conversations.of(ALEX.id) is None


async def test_an_outage_is_not_taken_for_a_missing_app(doors: Any) -> None:
    doors.channel.refuse = Unavailable("503")
    with pytest.raises(Unavailable):
        await doors.open(ALEX, MEGAN)


@pytest.mark.parametrize(
    "person",
    [
        Person("alex", "Alex", "", TENANT),
        Person("../" + ALEX.id, "Alex", "", TENANT),
        Person(ALEX.id, "Alex", "", "99999999-9999-4999-8999-999999999999"),
    ],
)
async def test_others_than_members_of_the_tenant_are_not_even_asked_for(doors: Any, person: Person) -> None:
    assert await doors.open(person, MEGAN) is None
    assert doors.channel.places == []


@pytest.mark.parametrize(
    "more",
    [
        {"userRole": "guest"},
        {"userRole": "Anonymous"},
        {"userPrincipalName": "alex_example.org#EXT#@contoso.example"},
        {"tenantId": "99999999-9999-4999-8999-999999999999"},
    ],
)
async def test_guests_get_no_chat_of_the_bots_making(doors: Any, more: dict[str, str]) -> None:
    doors.channel.members = [account(ALEX, **more)]
    assert await doors.open(ALEX, MEGAN) is None
    assert await doors.conversations.of(ALEX.id) is None


@pytest.mark.parametrize("members", [[], [account(MEGAN)], [account(ALEX), account(MEGAN)]])
async def test_a_chat_that_is_not_the_persons_alone_is_not_used(doors: Any, members: list[Any]) -> None:
    doors.channel.members = members
    assert await doors.open(ALEX, MEGAN) is None
    assert await doors.conversations.of(ALEX.id) is None


@pytest.mark.parametrize(
    "service", ["https://evil.example/", "http://127.0.0.1:1/", "https://smba.example.evil.example/"]
)
async def test_the_bots_token_goes_to_no_new_host(doors: Any, service: str) -> None:
    doors.channel.service = service
    who = await doors.open(ALEX, MEGAN)
    assert who.conversation.service_url == "https://smba.example/"
    assert {place.service_url for place in doors.channel.places} == {"https://smba.example/"}


async def test_nobodys_chat_is_known_so_none_is_opened(doors: Any) -> None:
    assert await doors.open(ALEX, Person("aaaa0009-0000-4000-8000-000000000009", "Lee", "", TENANT)) is None
