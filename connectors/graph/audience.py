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
_ALL_MEMBERS, _ALL = "spo-grid-all-users", "c:0(.s|true"


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
    room = Room(own, "that is its label") if own else Room(policy.ceilings.unlabelled, "the library has no label")
    try:
        async for other in _readers(session, policy, drive, item, home):
            room = min(room, other, key=lambda each: LABELS.index(each.label))
    except NotPermitted:
        unknown = Room(UNLABELLED, "you may not see who can read there")
        room = room if own else min(room, unknown, key=lambda each: LABELS.index(each.label))
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
    if _ALL_MEMBERS in login:
        return Room(UNLABELLED, "everybody in the organisation can read there")
    if login == _ALL:
        outermost = min(policy.ceilings.guests, policy.ceilings.outside, UNLABELLED, key=LABELS.index)
        return Room(outermost, "everybody, guests too, can read there")
    address = texts(user, "email") or texts(user, "userPrincipalName") or login.rpartition("|")[2]
    who = clipped(texts(user, "displayName") or address, 80)
    return Room(policy.ceiling_of(address, home) if address else policy.ceilings.members, f"{who} can read there")


async def members(session: GraphSession, policy: Policy, path: str, *, home: str) -> Room:
    """What a chat or team may hold: no more than any of its members may see."""
    room = Room(policy.ceilings.unlabelled, "a chat has no label")
    async for page in pages(session, f"{path}/members", what="see who is in there"):
        for member in page:
            room = min(room, _member(member, policy, home, session.person.tenant), key=lambda e: LABELS.index(e.label))
    return room


def _member(member: dict[str, Any], policy: Policy, home: str, tenant: str) -> Room:
    name = clipped(texts(member, "displayName") or texts(member, "email"), 80)
    roles = member.get("roles")
    if isinstance(roles, list) and "guest" in roles:
        return Room(policy.ceilings.guests, f"{name} is a guest there")
    elsewhere = texts(member, "tenantId")
    if elsewhere and tenant and elsewhere.casefold() != tenant.casefold():
        return Room(policy.ceilings.outside, f"{name} of another organisation is there")
    address = texts(member, "email")
    return Room(policy.ceiling_of(address, home) if address else policy.ceilings.members, f"{name} is there")


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
