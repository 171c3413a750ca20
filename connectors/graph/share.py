"""`files.owner` and `files.share`: whose a file is, and letting people in to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from connectors.graph import audience
from connectors.graph.addresses import Address, addresses_of, check, told
from connectors.graph.client import GraphClient, GraphSession, as_object, inner, objects, texts
from connectors.graph.pages import pages
from connectors.graph.people import Found, People, Who
from connectors.graph.provenance import Provenance
from connectors.graph.shown_people import check_number, people_shown
from connectors.graph.wording import counted, one_line, shown
from connectors.http import clipped
from orchestration.capabilities.descriptor import Destination, Done, NotDone, Preview, TaskContext, Unknown
from orchestration.errors import Conflict, Invalid, NotFound, NotPermitted, Unavailable
from orchestration.validation.egress import Egress

Role = Literal["read", "write"]
LONGEST_MESSAGE = 2_000
_ROLES: dict[str, str] = {"read": "They can read it", "write": "They can read and change it"}
_SUFFICES = {"read": {"read", "write", "owner"}, "write": {"write", "owner"}}


class OwnerOf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `files.owner`: a file, as `files.search` says where it is."""

    drive: str
    item: str


class Sharing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `files.share`.

    Attributes:
        drive: Of the file, as `files.search` gives it.
        item: Of the file.
        name: Of the file, for people.
        people: Addresses of those who are let in; they are invited by mail.
        role: What they may do with it.
        message: For the invitation.
    """

    drive: str
    item: str
    name: str
    people: list[str]
    role: Role = "read"
    message: str = ""


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    """Who is let in now: `invited` by this task, `already` before it; `said` tells both to people."""

    name: str
    link: str
    invited: list[str]
    already: list[str] = []
    said: str = ""


class Shares:
    """Lets people in through a Graph client."""

    def __init__(
        self,
        client: GraphClient,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        egress: Egress | None = None,
    ) -> None:
        self._client = client
        self._egress = egress or Egress()
        self._provenance = Provenance()
        self._now = now

    async def owner(self, of: OwnerOf, task: TaskContext) -> Found:
        """The one person who owns the file; where a group does, as in a site's library, whoever put it there.

        Raises:
            NotFound: The file is gone, or nobody who can be asked owns it.
        """
        session = self._client.acting_as(task.initiator)
        item = await _item(session, of.drive, of.item)
        name = clipped(texts(item, "name"), 80)
        try:
            owners = [user async for roles, user in _granted(session, of.drive, of.item) if "owner" in roles]
        except NotPermitted:
            owners = []  # not everybody who may read a file may see with whom it is shared
        known = {user["id"]: user for user in owners if texts(user, "id")}
        creator = inner(inner(item, "createdBy"), "user")
        user = next(iter(known.values())) if len(known) == 1 else creator
        who = texts(user, "userPrincipalName") or texts(user, "email") or await _upn(session, texts(user, "id"))
        if not who:
            raise NotFound(f"Microsoft 365 does not say who owns {name}. Ask whoever keeps it, and share it there.")
        return await People(self._client).find(Who(who=who), task)

    async def share(self, sharing: Sharing, task: TaskContext) -> Shared:
        """Let people in who are not yet; those who may already do as much are neither changed nor written to.

        Raises:
            Invalid: The arguments cannot be meant.
            Conflict: The file has another name than the one that was shown.
            NotCleared: The file is more sensitive than what one of the people may see; nothing was shared.
            NotFound: The file is gone, or nobody is at an address.
            NotPermitted: The initiator may not share it.
            Unavailable: Nothing was shared.
            OutcomeUnknown: It may have been.
        """
        people = _checked(sharing)
        session = self._client.acting_as(task.initiator)
        item = await _item(session, sharing.drive, sharing.item)
        _check_name(item, sharing)
        people = await check(session, people, consequence="Nothing was shared.")
        await self._check_label(session, sharing, people, task)
        inside = await _inside(session, sharing)
        wanted = [each for each in people if each.address.casefold() not in inside]
        already = [each.address for each in people if each.address.casefold() in inside]
        result = _shared(item, [each.address for each in wanted], already)
        if not wanted:
            return result
        if task.not_after is not None and self._now() > task.not_after:
            raise Unavailable("It became too late to share the file. Nothing was shared.")
        body: dict[str, Any] = {
            "recipients": [{"email": each.address} for each in wanted],
            "roles": [sharing.role],
            "requireSignIn": True,
            "sendInvitation": True,
        }
        if message := shown(self._egress.text(sharing.message)):
            body["message"] = message
        response = await session.call("POST", f"{_path(sharing.drive, sharing.item)}/invite", body=body, write=True)
        if response.status_code == 403:
            said = f"You may not share {clipped(sharing.name, 80)}. Nothing was shared."
            raise NotPermitted(f"{said} Ask its owner to share it, or to let you do so.")
        if not response.is_success:
            raise session.failure(response, f"share {clipped(sharing.name, 80)}", write=True)
        return result

    async def _check_label(
        self, session: GraphSession, sharing: Sharing, people: list[Address], task: TaskContext
    ) -> None:
        label = await self._provenance.of_file(session, sharing.drive, sharing.item)
        policy, home = self._egress.policy, task.initiator.upn
        for each in people:
            room = audience.Room(policy.ceiling_of(each.address, home), "that is their ceiling in the policy")
            audience.check(clipped(sharing.name, 80), label, each.shown, room, "It was shared with nobody.")

    async def reconcile(self, sharing: Sharing, task: TaskContext) -> Done | NotDone | Unknown:
        """Whether everybody is let in now. One who is missing stands for all: the next attempt invites just those."""
        people = _checked(sharing)
        session = self._client.acting_as(task.initiator)
        try:
            item = await _item(session, sharing.drive, sharing.item)
            inside = await _inside(session, sharing)
        except NotPermitted as error:
            return Unknown(why=error.message)
        except NotFound:
            return NotDone()
        if any(each.address.casefold() not in inside for each in people):
            return NotDone()
        return Done(output=_shared(item, [each.address for each in people], []))


def preview(sharing: Sharing, egress: Egress) -> Preview:
    """What the person allows: which file, to whom, to do what.

    Raises:
        Invalid: More people are let in than can be shown.
    """
    check_number(len(sharing.people))
    facts = [
        ("File", one_line(sharing.name)),
        ("With", people_shown(sharing.people)),
        ("Permission", _ROLES[sharing.role]),
        ("Invitation", "Each of them gets a mail with the link"),
    ]
    if sharing.message.strip():
        facts.append(("Message", shown(egress.text(sharing.message))))
    return Preview(title="Share a file", facts=facts)


def destination(sharing: Sharing) -> Destination:
    """Those who are let in; into which file is for a person to see each time."""
    return Destination(recipients=told(sharing.people), asked_each_time=True)


def summary(shared: Shared) -> str:
    """With how many: "with 2 people, 1 had access already"."""
    said = f"with {counted(len(shared.invited), 'person', 'people')}"
    return f"{said}, {len(shared.already)} had access already" if shared.already else said


def _shared(item: dict[str, Any], invited: list[str], already: list[str]) -> Shared:
    said = [f"invited by mail: {', '.join(invited)}"] if invited else []
    said += [f"had access already: {', '.join(already)}"] if already else []
    return Shared(
        name=texts(item, "name"), link=texts(item, "webUrl"), invited=invited, already=already, said="; ".join(said)
    )


def _check_name(item: dict[str, Any], sharing: Sharing) -> None:
    """The person was shown a name, and Graph an id: both must be of the same file."""
    name = one_line(texts(item, "name"))
    if name != one_line(sharing.name):
        raise Conflict(
            f"The file that was to be shared is called {clipped(name, 120)!r}, not {clipped(sharing.name, 120)!r} as "
            "you were shown. Nothing was shared. Search for the file again."
        )


def _checked(sharing: Sharing) -> list[Address]:
    if not sharing.drive or not sharing.item:
        raise Invalid("Which file? Give drive and item of a file that was found.")
    people = addresses_of(sharing.people, "person")
    if not people:
        raise Invalid("With whom? Give at least one address.")
    check_number(len(people))
    if len(one_line(sharing.message)) > LONGEST_MESSAGE:
        raise Invalid(f"The message is too long for an invitation: up to {LONGEST_MESSAGE:,} characters are possible.")
    return people


def _path(drive: str, item: str) -> str:
    return f"/drives/{quote(drive, safe='!')}/items/{quote(item, safe='!')}"


async def _item(session: GraphSession, drive: str, item: str) -> dict[str, Any]:
    response = await session.call("GET", _path(drive, item))
    if response.status_code == 404:
        raise NotFound("The file is not there any more, or you may not open it. Search for it again.")
    if not response.is_success:
        raise session.failure(response, "open the file")
    return as_object(response)


async def _inside(session: GraphSession, sharing: Sharing) -> set[str]:
    """Addresses, in small letters, of those who may do as much already; those in a group are not among them."""
    found: set[str] = set()
    async for roles, user in _granted(session, sharing.drive, sharing.item):
        if _SUFFICES[sharing.role] & roles:
            login = texts(user, "loginName").rpartition("|")[2]
            found |= {
                each.casefold() for each in (texts(user, "email"), texts(user, "userPrincipalName"), login) if each
            }
    return found


async def _granted(session: GraphSession, drive: str, item: str) -> AsyncIterator[tuple[set[str], dict[str, Any]]]:
    """(roles, user) for every person whom a permission names; links for specific people included."""
    what = "see with whom the file is shared"
    async for page in pages(session, f"{_path(drive, item)}/permissions", what=what):
        for permission in page:
            roles = {each for each in permission.get("roles", []) if isinstance(each, str)}
            for user in _users(permission):
                yield roles, user


def _users(permission: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for grant in [inner(permission, "grantedToV2"), *objects(permission, "grantedToIdentitiesV2")]:
        both = inner(grant, "siteUser") | inner(grant, "user")
        if both:
            yield both


async def _upn(session: GraphSession, oid: str) -> str:
    if not oid:
        return ""
    response = await session.call("GET", f"/users/{quote(oid, safe='')}", query={"$select": "userPrincipalName"})
    if response.status_code == 404:
        return ""
    if not response.is_success:
        raise session.failure(response, "look up the owner of the file")
    return texts(as_object(response), "userPrincipalName")
