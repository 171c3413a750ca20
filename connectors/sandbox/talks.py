"""Chats, teams and their channels, and as chats/*.yml and teams/*.yml describe them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import yaml

from connectors.sandbox.data import Tenant
from connectors.sandbox.days import past_moment
from connectors.sandbox.mailbox_settings import Mailbox
from connectors.sandbox.tables import Problems


class Outsider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody of another organisation with whom a channel is shared."""

    name: str
    email: str


class Talk(msgspec.Struct):
    """A chat or a channel: who may read and write there; `outsiders` read there, too."""

    id: str
    kind: str  # oneOnOne, group, channel
    topic: str
    members: list[str]
    created: datetime
    team: str = ""
    owners: list[str] = []
    outsiders: list[Outsider] = []


class Team(msgspec.Struct, frozen=True):
    """A team and its people."""

    id: str
    name: str
    description: str
    members: list[str]


class ChatMessage(msgspec.Struct):
    """One message of a chat or channel; `reply_to` is the first message of its thread in a channel."""

    id: str
    talk: str
    sender: str
    created: datetime
    body: str
    body_type: str = "text"
    reply_to: str = ""
    subject: str = ""
    importance: str = "normal"
    attachments: list[dict[str, Any]] = []
    mentions: list[dict[str, Any]] = []


class Said(msgspec.Struct, forbid_unknown_fields=True):
    """A message in a data file; `at` is a day and time, local to who says it."""

    by: str
    at: str
    text: str


class ChatFile(msgspec.Struct, forbid_unknown_fields=True):
    """The contents of chats/<name>.yml."""

    members: list[str]
    topic: str = ""
    messages: list[Said] = []


class TeamFile(msgspec.Struct, forbid_unknown_fields=True):
    """The contents of teams/<name>.yml; members are keys of people or names of groups.

    `shared` names channels that are shared with people of other organisations.
    """

    name: str
    members: list[str]
    channels: dict[str, list[Said]]
    description: str = ""
    shared: dict[str, list[Outsider]] = {}


class Talks(msgspec.Struct, frozen=True):
    """All that the data folder says about chats and teams."""

    teams: list[Team]
    talks: list[Talk]
    messages: list[ChatMessage]


def load_talks(
    folder: Path, tenant: Tenant, mailboxes: Mapping[str, Mailbox], today: date, problems: Problems
) -> Talks:
    """Reads chats/*.yml and teams/*.yml; both folders may be absent."""
    found = Talks([], [], [])
    for file in sorted((folder / "chats").glob("*.yml")):
        chat = _read(file, ChatFile, problems)
        if chat is None:
            continue
        members = _members(file, chat.members, tenant, problems)
        if len(members) < 2:
            problems.add(file, "a chat has two members or more", column="members")
        kind = "oneOnOne" if len(members) == 2 and not chat.topic else "group"
        talk = Talk(
            chat_id(kind, members, file.stem, tenant), kind, chat.topic, members, datetime(2026, 1, 8, 9, tzinfo=UTC)
        )
        found.talks.append(talk)
        found.messages.extend(_said(file, talk, chat.messages, tenant, mailboxes, today, problems))
    for file in sorted((folder / "teams").glob("*.yml")):
        described = _read(file, TeamFile, problems)
        if described is None:
            continue
        members = _members(file, described.members, tenant, problems)
        team = Team(
            str(uuid.uuid5(uuid.NAMESPACE_URL, f"{tenant.id}/team/{file.stem}")),
            described.name,
            described.description,
            members,
        )
        found.teams.append(team)
        for name in described.shared.keys() - described.channels.keys():
            problems.add(file, f"{name!r} is shared, but no channel", column="shared")
        for name, messages in described.channels.items():
            channel = uuid.uuid5(uuid.NAMESPACE_URL, f"{team.id}/{name}").hex
            talk = Talk(
                id=f"19:{channel}@thread.tacv2",
                kind="channel",
                topic=name,
                members=members,
                created=datetime(2026, 1, 8, 9, tzinfo=UTC),
                team=team.id,
                outsiders=described.shared.get(name, []),
            )
            found.talks.append(talk)
            found.messages.extend(_said(file, talk, messages, tenant, mailboxes, today, problems))
    return found


def chat_id(kind: str, members: list[str], seed: str, tenant: Tenant) -> str:
    """The id of a chat; that of a one-on-one chat follows from who is in it."""
    if kind == "oneOnOne":
        return f"19:{'_'.join(sorted(tenant.people[key].id for key in members))}@unq.gbl.spaces"
    return f"19:{uuid.uuid5(uuid.NAMESPACE_URL, f'{tenant.id}/chat/{seed}').hex}@thread.v2"


def _read(file: Path, kind: type[Any], problems: Problems) -> Any:
    try:
        return msgspec.convert(
            yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader), kind
        )  # the safe loader, in C
    except (msgspec.ValidationError, yaml.YAMLError, UnicodeDecodeError) as error:
        problems.add(file, str(error).replace("\n", " "))
        return None


def _members(file: Path, names: list[str], tenant: Tenant, problems: Problems) -> list[str]:
    members: dict[str, None] = {}
    for name in names:
        if name in tenant.groups:
            members.update(dict.fromkeys(tenant.groups[name].members))
        elif name in tenant.people:
            members[name] = None
        else:
            problems.add(file, f"{name!r} is neither a group nor a key of people.csv", column="members")
    return list(members)


def _said(
    file: Path,
    talk: Talk,
    messages: list[Said],
    tenant: Tenant,
    mailboxes: Mapping[str, Mailbox],
    today: date,
    problems: Problems,
) -> list[ChatMessage]:
    made: list[ChatMessage] = []
    for number, said in enumerate(messages, 1):
        if said.by not in tenant.people or said.by not in talk.members:
            problems.add(file, f"message {number}: {said.by!r} is not a member", column="by")
            continue
        try:
            when = past_moment(said.at, today, mailboxes[said.by].zone)
        except ValueError as error:
            problems.add(file, f"message {number}: {error}", column="at")
            continue
        made.append(ChatMessage(str(int(when.timestamp() * 1000) + number), talk.id, said.by, when, said.text))
    return made
