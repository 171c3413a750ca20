"""Who can read what is put into a place, and so how sensitive that may be: looked up before anything is written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

from connectors.graph.client import GraphSession, inner, objects, texts
from connectors.graph.pages import pages
from connectors.graph.provenance import Provenance
from connectors.http import clipped
from orchestration.context.audience import spoken
from orchestration.core.label import LABELS, UNLABELLED, Label, within
from orchestration.errors import NotCleared, NotPermitted
from orchestration.validation.policy import Policy

# How SharePoint names everybody of the tenant, and everybody including guests, among a site's people.
_ALL_MEMBERS, _ALL = "spo-grid-all-users", ("c:0(.s|true", "c:0!.s|windows")
_OWN_KIND = "aadUserConversationMember"
_GUEST = "#ext#"


class Room(NamedTuple):
    """The most sensitive label that a place may hold, and because of whom or what."""

    label: Label
    because: str


async def folder(
    session: GraphSession, policy: Policy, provenance: Provenance, drive: str, item: str, *, home: str
) -> Room:
    """What a folder may hold: no more than its library's label, nor than anybody who reads there may see.

    Whom a group lets in is not looked up: it counts as members of the organisation.
    """
    own = await provenance.of_library(session, drive)
    unknown = Room(UNLABELLED, "you may not see who can read there")
    room = Room(own, "that is its label") if own else Room(policy.ceilings.unlabelled, "the library has no label")
    try:
        async for other in _readers(session, policy, drive, item, home):
            room = _lowest(room, other)
    except NotPermitted:
        room = _lowest(room, unknown)
    return room


async def _readers(session: GraphSession, policy: Policy, drive: str, item: str, home: str) -> AsyncIterator[Room]:
    path = f"/drives/{quote(drive, safe='!')}/items/{quote(item, safe='!')}/permissions"
    async for page in pages(session, path, what="see who can read there"):
        for permission in page:
            scope = texts(inner(permission, "link"), "scope")
            if scope == "anonymous":
                yield Room("public", "anybody who has a link can read there")
            elif scope == "organization":
                yield Room(UNLABELLED, "everybody in the organisation who has a link can read there")
            for user in _users(permission):
                yield _reader(user, policy, home)


def _users(permission: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for grant in [inner(permission, "grantedToV2"), *objects(permission, "grantedToIdentitiesV2")]:
        if both := inner(grant, "siteUser") | inner(grant, "user"):
            yield both


def _reader(user: dict[str, Any], policy: Policy, home: str) -> Room:
    login = texts(user, "loginName")
    if _ALL_MEMBERS in login.casefold():
        return Room(UNLABELLED, "everybody in the organisation can read there")
    if login.casefold() in _ALL:
        return _lowest(_stranger(policy, "everybody, guests too, can read there"), Room(UNLABELLED, ""))
    given = [texts(user, "email"), texts(user, "userPrincipalName"), login.rpartition("|")[2]]
    addresses = [each for each in given if "@" in each]
    because = f"{clipped(texts(user, 'displayName') or next(iter(addresses), login), 80)} can read there"
    return _by_addresses(addresses, policy, home, because) or _stranger(policy, because)


def _by_addresses(addresses: list[str], policy: Policy, home: str, because: str) -> Room | None:
    """What somebody with these addresses may see at most; None without any. Whoever has two has the lower rights."""
    rooms = [Room(policy.ceiling_of(each, home), because) for each in addresses]
    if any(_GUEST in each.casefold() for each in addresses):
        rooms.append(Room(policy.ceilings.guests, because))
    return _lowest(*rooms) if rooms else None


def _stranger(policy: Policy, because: str) -> Room:
    """Somebody who cannot be told to be the organisation's own."""
    return _lowest(Room(policy.ceilings.guests, because), Room(policy.ceilings.outside, because))


def _lowest(*rooms: Room) -> Room:
    return min(rooms, key=lambda each: LABELS.index(each.label))


async def members(session: GraphSession, policy: Policy, path: str, *, home: str) -> Room:
    """What a chat or channel may hold: no more than any of its members may see.

    Args:
        session: As whom they are looked up.
        policy: In force.
        path: The list of members; of a channel `allMembers`, since others than the team's people may be in there.
        home: User principal name of somebody inside.
    """
    room = Room(policy.ceilings.unlabelled, "a chat has no label")
    async for page in pages(session, path, what="see who is in there"):
        for member in page:
            room = _lowest(room, _member(member, policy, home, session.person.tenant))
    return room


def _member(member: dict[str, Any], policy: Policy, home: str, tenant: str) -> Room:
    addresses = [each for each in (texts(member, "email"), texts(member, "userPrincipalName")) if "@" in each]
    name = clipped(texts(member, "displayName") or next(iter(addresses), "somebody"), 80)
    theirs = texts(member, "tenantId").casefold()
    rooms: list[Room] = []
    roles = member.get("roles")
    if isinstance(roles, list) and "guest" in roles:
        rooms.append(Room(policy.ceilings.guests, f"{name} is a guest there"))
    if theirs and tenant and theirs != tenant.casefold():
        rooms.append(Room(policy.ceilings.outside, f"{name} of another organisation is there"))
    if room := _by_addresses(addresses, policy, home, f"{name} is there"):
        rooms.append(room)
    elif texts(member, "@odata.type").endswith(f".{_OWN_KIND}") and theirs and theirs == tenant.casefold():
        rooms.append(Room(policy.ceilings.members, f"{name} is there"))
    else:
        rooms.append(_stranger(policy, f"{name} is there, who may be of any organisation"))
    return _lowest(*rooms)


def check(what: str, label: Label, where: str, room: Room, consequence: str) -> None:
    """Let something go to a place.

    Raises:
        NotCleared: It is more sensitive than the place may hold; the message names both, and why.
    """
    if within(label, room.label):
        return
    raise NotCleared(
        f"{what} is {spoken(label)}, and {where} may hold at most what is {spoken(room.label)}, since {room.because}. "
        f"{consequence} Choose another place, or have its owner label it or change who gets in."
    )
