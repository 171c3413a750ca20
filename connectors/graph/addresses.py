"""Mail addresses that a person gives, and whether somebody is there."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.graph.batch import Part, batch
from connectors.graph.client import GraphSession, as_object, objects, texts
from connectors.http import clipped
from connectors.odata import quoted
from orchestration.errors import Invalid, NotFound
from orchestration.validation.hosts import ascii_host
from orchestration.validation.text import clean, visible

MOST = 100
LONGEST = 120  # characters: a longer one would not be seen whole on a card

_NAMED = re.compile(r"([^<>]*)<([^<>]*)>")
_ADDRESS = re.compile(r"[^\s<>/\\?%@,;:\"]{1,64}@[^\s<>/\\?%@#,;:\"]{1,255}")
_SELECT = "$select=id,displayName,mail,userPrincipalName"


class Address(msgspec.Struct, frozen=True):
    """Where mail goes; `name` may be empty."""

    address: str
    name: str = ""

    @property
    def shown(self) -> str:
        """For people: `Alex Wilber <alex@contoso.com>`; the address whole, and no name that looks like another one."""
        return self.address if not self.name or "@" in self.name else f"{clipped(self.name, 60)} <{self.address}>"

    def as_recipient(self) -> dict[str, Any]:
        """As Graph writes it."""
        known = {"address": self.address, "name": self.name} if self.name else {"address": self.address}
        return {"emailAddress": known}


def told(given: list[str]) -> list[str]:
    """Who gets something, for people: what is no address is told as it stands, since nothing can go there."""
    return [_told(each) for each in given]


def _told(text: str) -> str:
    try:
        return addresses_of([text])[0].shown
    except Invalid:
        return clipped(text, 100)


def addresses_of(given: list[str], what: str = "recipient") -> list[Address]:
    """Each address once, in the order given.

    Raises:
        Invalid: One is none; all that are none are named.
    """
    found: dict[str, Address] = {}
    wrong: list[str] = []
    for text in given:
        match = _NAMED.fullmatch(text.strip())
        name, address = (match[1].strip(' "'), match[2].strip()) if match else ("", text.strip())
        local, _, domain = address.partition("@")
        # Letters that nobody sees, or that look like others, must not make two addresses look like one.
        sound = _ADDRESS.fullmatch(address) and len(address) <= LONGEST and visible(address) == address
        if sound and (host := ascii_host(domain)):
            address = f"{local}@{domain if domain.isascii() else host}"
            found.setdefault(address.casefold(), Address(address, clean(name, 200)))
        else:
            wrong.append(clipped(text, 80) or "(empty)")
    if wrong:
        raise Invalid(f"Not an address such as alex.wilber@contoso.com: {', '.join(wrong[:5])}.")
    if len(found) > MOST:
        raise Invalid(f"{len(found)} {what}s are too many: Tandem takes up to {MOST} at once. Use a group's address.")
    return list(found.values())


async def check(session: GraphSession, addresses: list[Address], *, consequence: str) -> list[Address]:
    """The same addresses with their names; all those of the initiator's own domain are looked up at once.

    What is outside the organisation cannot be looked up and is taken as given.

    Raises:
        NotFound: Nobody has one of the addresses; all such are named, and `consequence` ("Nothing was sent.") follows.
    """
    domain = session.person.upn.rpartition("@")[2].casefold()
    own = [each for each in addresses if each.address.casefold().endswith(f"@{domain}")]
    if not own:
        return addresses
    parts = [Part(path=f"/users/{quote(each.address, safe='@')}?{_SELECT}") for each in own]
    what = "look up who is at these addresses"
    named: dict[str, Address] = {}
    unknown: list[Address] = []
    for each, answer in zip(own, await batch(session, parts, what=what), strict=True):
        if answer.status_code == 404:
            unknown.append(each)
        elif answer.is_success:
            named[each.address] = Address(each.address, texts(as_object(answer), "displayName") or each.name)
        elif answer.status_code != 403:  # who may not look it up writes to it all the same
            raise session.failure(answer, f"look up {each.shown}")
    lost = await _lost(session, unknown) if unknown else []
    if lost:
        who = ", ".join(clipped(each.address, 100) for each in lost[:5])
        there = "There is nobody at" if len(lost) == 1 else "There is nobody at any of"
        raise NotFound(f"{there} {who} in your organisation. {consequence} Correct the address, then try again.")
    return [named.get(each.address, each) for each in addresses]


async def _lost(session: GraphSession, unknown: list[Address]) -> list[Address]:
    """Those that are neither a second address of somebody nor a group's."""
    parts = []
    for each in unknown:
        matches = quote(f"mail eq {quoted(each.address)}", safe="")
        parts += [Part(path=f"/{kind}?$filter={matches}&{_SELECT}") for kind in ("users", "groups")]
    answers = await batch(session, parts, what="look up who is at these addresses")
    lost = []
    for number, each in enumerate(unknown):
        pair = answers[2 * number : 2 * number + 2]
        there = any(answer.is_success and objects(as_object(answer)) for answer in pair)
        if not there and not any(answer.status_code == 403 for answer in pair):
            lost.append(each)
    return lost
