"""`chat.post`: says something in a Teams chat or channel, in the initiator's name.

Teams has no key that refuses a second message, so each message ends with a short reference that is made from the
task's key. Whether a message is there already is seen by looking for it among the latest ones.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.graph import audience
from connectors.graph.client import SYSTEM, GraphClient, GraphSession, as_object, inner, texts
from connectors.graph.pages import pages
from connectors.graph.people import People, Who
from connectors.graph.wording import shown
from connectors.http import clipped
from orchestration.capabilities.descriptor import Destination, Done, NotDone, Preview, TaskContext, Unknown
from orchestration.core.label import UNLABELLED
from orchestration.errors import (
    Invalid,
    InvalidContent,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    Refused,
    TandemError,
    Unavailable,
)
from orchestration.validation.egress import Egress

LONGEST_TEXT = 20_000
LOOKED_THROUGH_PAGES = 10
LOOKED_BACK = timedelta(hours=24)
_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Post(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `chat.post`: a text, and one place: a person, a chat, or a channel of a team.

    Attributes:
        text: Plain text; line breaks stay.
        person: Name or address of somebody, for the chat with them alone.
        chat: Id of a chat, `19:...`.
        team: Name or id of a team.
        channel: Name or id of its channel; empty: General.
    """

    text: str
    person: str = ""
    chat: str = ""
    team: str = ""
    channel: str = ""


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """A message in Teams; `place` is its chat, or its team and channel."""

    message: str
    place: str
    link: str = ""


class _Place(msgspec.Struct, frozen=True):
    path: str
    shown: str
    members: str  # where it is listed who reads there


class Chats:
    """Posts through a Graph client."""

    def __init__(
        self,
        client: GraphClient,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        egress: Egress | None = None,
    ) -> None:
        self._client = client
        self._egress = egress or Egress()
        self._people = People(client)
        self._now = now

    async def post(self, post: Post, task: TaskContext) -> Posted:
        """Post the message; if one with the task's reference is there already, that is the success.

        Raises:
            Invalid: There is no text, or not just one place.
            NotCleared: The message is more sensitive than what somebody there may see; nothing was posted.
            NotFound: There is no such person, chat, team or channel.
            NotPermitted: The initiator may not write there.
            Unavailable: Nothing was posted.
            OutcomeUnknown: It may have been.
        """
        text = _text(post, self._egress)
        reference = _reference(task)
        session = self._client.acting_as(task.initiator)
        place = await self._place(session, post, task)
        try:
            found = await self._found(session, place, reference, task)
        except NotPermitted:
            if task.attempt > 1:
                raise
            found = None  # whoever may write but not read: the first attempt cannot repeat anything
        if found is not None:
            return _posted(found, place)
        await self._check_label(session, place, task)
        if task.not_after is not None and self._now() > task.not_after:
            raise Unavailable("It became too late to post the message. Nothing was posted.")
        body = {"body": {"contentType": "text", "content": f"{text}\n\n{_signed(reference)}"}}
        response = await session.call("POST", place.path, body=body, write=True)
        if not response.is_success:
            raise _refusal(session.failure(response, f"post in {place.shown}", write=True), place)
        try:
            return _posted(as_object(response), place)
        except InvalidContent as error:
            raise OutcomeUnknown(f"{SYSTEM} took the message, but its answer cannot be read.") from error

    async def _check_label(self, session: GraphSession, place: _Place, task: TaskContext) -> None:
        policy = self._egress.policy
        if task.label == "public":
            return
        try:
            room = await audience.members(session, policy, place.members, home=task.initiator.upn)
        except NotPermitted:
            room = audience.Room(UNLABELLED, "you may not see who is there")
        audience.check("The message", task.label, place.shown, room, "Nothing was posted.")

    async def reconcile(self, post: Post, task: TaskContext) -> Done | NotDone | Unknown:
        """Whether the message with this task's reference is among the latest of its place."""
        session = self._client.acting_as(task.initiator)
        try:
            place = await self._place(session, post, task)
            found = await self._found(session, place, _reference(task), task)
        except (NotPermitted, _TooMany) as error:
            return Unknown(why=error.message)
        except NotFound:
            return NotDone()
        return NotDone() if found is None else Done(output=_posted(found, place))

    async def _place(self, session: GraphSession, post: Post, task: TaskContext) -> _Place:
        if sum(bool(each.strip()) for each in (post.person, post.chat, post.team)) != 1:
            raise Invalid("Where is it to be posted? Give just one: a person, a chat, or a team with its channel.")
        if post.team.strip():
            team, name = await _team(session, post.team.strip())
            channel, channel_name = await _channel(session, team, name, post.channel.strip() or "General")
            path = f"/teams/{quote(team, safe='')}/channels/{quote(channel, safe='')}"
            return _Place(f"{path}/messages", f"{name} / {channel_name}", f"{path}/allMembers")
        if post.chat.strip():
            chat, name = post.chat.strip(), "the chat"
        else:
            person = await self._people.find(Who(who=post.person), task)
            if person.id == task.initiator.id:
                raise Invalid("Nobody can chat with themselves here: name somebody else.")
            chat, name = await _chat_with(session, person.id), f"the chat with {clipped(person.name, 80)}"
        path = f"/chats/{quote(chat, safe='')}"
        return _Place(f"{path}/messages", name, f"{path}/members")

    async def _found(
        self, session: GraphSession, place: _Place, reference: str, task: TaskContext
    ) -> dict[str, Any] | None:
        oldest = (task.not_after or self._now()) - LOOKED_BACK
        listed = pages(
            session,
            place.path,
            what=f"read the latest messages in {place.shown}",
            query={"$top": 50},
            most_pages=LOOKED_THROUGH_PAGES,
        )
        seen = 0
        async for page in listed:
            seen += 1
            for message in page:
                if reference in texts(inner(message, "body"), "content"):
                    return message
            if page and _created(page[-1]) < oldest:
                return None
        if seen == LOOKED_THROUGH_PAGES:
            raise _TooMany(f"There are too many new messages in {place.shown} to find this one among them.")
        return None


class _TooMany(Refused):
    """More messages than are looked through."""


def preview(post: Post, egress: Egress) -> Preview:
    """What the person allows: where it is said, and what goes out, with the line that Tandem adds."""
    where = _where(post)
    return Preview(
        title="Post a message in Teams in your name",
        facts=[where, ("Text", shown(egress.text(post.text))), ("Last line", "“Sent with Tandem” and a reference")],
    )


def destination(post: Post) -> Destination:
    """The person, or the chat or channel."""
    if post.person.strip():
        return Destination(recipients=[post.person.strip()])
    return Destination(
        place=f"{post.team.strip()} / {post.channel.strip() or 'General'}" if post.team.strip() else post.chat
    )


def _where(post: Post) -> tuple[str, str]:
    if post.team.strip():
        return "Channel", f"{clipped(post.team, 80)} / {clipped(post.channel.strip() or 'General', 80)}"
    if post.person.strip():
        return "Chat with", clipped(post.person, 120)
    return "Chat", clipped(post.chat, 120)


def summary(posted: Posted) -> str:
    """Where it is."""
    return f"in {clipped(posted.place, 80)}"


def _text(post: Post, egress: Egress) -> str:
    text = egress.text(post.text)
    if not text:
        raise Invalid("The message has no text: give one.")
    if len(text) > LONGEST_TEXT:
        raise Invalid(f"The message has {len(text):,} characters: Teams takes about {LONGEST_TEXT:,}. Shorten it.")
    return text


def _reference(task: TaskContext) -> str:
    if not task.idempotency_key:
        raise Invalid("chat.post needs an idempotency key: without one it could not recognise its own message.")
    return hashlib.sha256(task.idempotency_key.encode()).hexdigest()[:12]


def _signed(reference: str) -> str:
    return f"Sent with Tandem · {reference}"


def _refusal(error: TandemError, place: _Place) -> TandemError:
    if isinstance(error, NotPermitted):
        said = f"You may not write in {place.shown}. Nothing was posted. Ask its owner to let you in."
        return NotPermitted(f"{said} ({error.message})")
    return error


async def _team(session: GraphSession, wanted: str) -> tuple[str, str]:
    if _ID.fullmatch(wanted):
        return wanted, "the team"
    found = []
    names: list[str] = []
    async for page in pages(session, "/me/joinedTeams", what="list your teams", query={"$select": "id,displayName"}):
        names += [texts(each, "displayName") for each in page]
        found += [each for each in page if texts(each, "displayName").casefold() == wanted.casefold()]
    return _only(found, names, f"team {clipped(wanted, 80)}", "you are a member of")


async def _channel(session: GraphSession, team: str, team_name: str, wanted: str) -> tuple[str, str]:
    if wanted.startswith("19:"):
        return wanted, "the channel"
    path = f"/teams/{quote(team, safe='')}/channels"
    found = []
    names: list[str] = []
    async for page in pages(
        session, path, what=f"list the channels of {team_name}", query={"$select": "id,displayName"}
    ):
        names += [texts(each, "displayName") for each in page]
        found += [each for each in page if texts(each, "displayName").casefold() == wanted.casefold()]
    return _only(found, names, f"channel {clipped(wanted, 80)} in {clipped(team_name, 80)}", "you may see")


def _only(found: list[dict[str, Any]], names: list[str], what: str, which: str) -> tuple[str, str]:
    if len(found) == 1:
        return texts(found[0], "id"), texts(found[0], "displayName")
    if found:
        raise InvalidContent(f"There are several by the name of {what}. Give the id of the one that is meant.")
    there = ", ".join(clipped(each, 60) for each in sorted(names)[:10]) or "none"
    raise NotFound(f"There is no {what} that {which}. Nothing was posted. There are: {there}.")


async def _chat_with(session: GraphSession, other: str) -> str:
    """The chat with one person; Teams answers with the one that exists, or makes it."""

    def member(oid: str) -> dict[str, Any]:
        return {
            "@odata.type": "#microsoft.graph.aadUserConversationMember",
            "roles": ["owner"],
            "user@odata.bind": f"{session.url}/users('{oid}')",
        }

    body = {"chatType": "oneOnOne", "members": [member(session.person.id), member(other)]}
    response = await session.call("POST", "/chats", body=body)
    if not response.is_success:
        raise session.failure(response, "open the chat")
    return texts(as_object(response), "id")


def _created(message: dict[str, Any]) -> datetime:
    try:
        found = datetime.fromisoformat(texts(message, "createdDateTime"))
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _posted(message: dict[str, Any], place: _Place) -> Posted:
    return Posted(message=texts(message, "id"), place=place.shown, link=texts(message, "webUrl"))
