"""`people.find` and `people.manager`: who somebody is in the organisation's directory, and to whom they report."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.graph.client import GraphClient, GraphSession, as_object
from connectors.http import clipped
from connectors.odata import quoted
from orchestration.capabilities.descriptor import TaskContext
from orchestration.errors import Invalid, InvalidContent, NotFound

FIELDS = ["id", "displayName", "userPrincipalName", "mail", "jobTitle"]
MOST_CANDIDATES = 10

_NAME_AND_ADDRESS = re.compile(r"[^<>]*<([^<>]*)>")
_ADDRESS = re.compile(r"[^\s<>/\\?%@]+@[^\s<>/\\?%@#]+")  # those of guests hold #EXT#


class Who(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `people.find`.

    Attributes:
        who: `alex.wilber@contoso.com`, `Alex Wilber <alex.wilber@contoso.com>`, or the full name.
    """

    who: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One person of the directory."""

    id: str
    name: str
    upn: str
    mail: str = ""
    title: str = ""


class ManagerOf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `people.manager`.

    Attributes:
        who: As in `people.find`; empty: the initiator.
    """

    who: str = ""


class People:
    """Finds people through a Graph client."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client

    async def find(self, who: Who, task: TaskContext) -> Found:
        """Exactly the person meant; never a guess, since approvals go to whom this names.

        Raises:
            NotFound: There is nobody by that name or address.
            InvalidContent: Several have the name, or nobody quite; the candidates are named.
        """
        text = " ".join(who.who.split())
        if not text or len(text) > 256:
            raise Invalid("Who is meant? Give a name or an address such as alex.wilber@contoso.com.")
        session = self._client.acting_as(task.initiator)
        match = _NAME_AND_ADDRESS.fullmatch(text)
        if match or "@" in text:
            return await _by_address(session, match[1] if match else text)
        return await _by_name(session, text)

    async def manager(self, of: ManagerOf, task: TaskContext) -> Found:
        """Whoever the person reports to, as the directory says.

        Raises:
            NotFound: There is no such person, or nobody is entered as their manager.
            InvalidContent: As in `find`.
        """
        session = self._client.acting_as(task.initiator)
        person = await self.find(Who(who=of.who), task) if of.who.strip() else None
        path = "/me/manager" if person is None else f"/users/{quote(person.id, safe='')}/manager"
        name = clipped(person.name if person else task.initiator.name, 80)
        response = await session.call("GET", path, query={"$select": ",".join(FIELDS)})
        if response.status_code == 404:
            said = f"The directory names no manager of {name}."
            raise NotFound(f"{said} Ask whoever keeps it to enter one, or name the person in the goal.")
        if not response.is_success:
            raise session.failure(response, f"look up the manager of {name}")
        return found(as_object(response))


async def _by_address(session: GraphSession, address: str) -> Found:
    if not _ADDRESS.fullmatch(address):
        raise Invalid(f"{clipped(address, 80)!r} is not an address such as alex.wilber@contoso.com.")
    from msgraph.generated.users.item.user_item_request_builder import UserItemRequestBuilder

    query = UserItemRequestBuilder.UserItemRequestBuilderGetQueryParameters(select=FIELDS)
    response = await session.request(session.sdk.users.by_user_id(address).get, query=query)
    if response.status_code == 404:
        raise NotFound(f"There is nobody with the address {clipped(address, 80)} in your organisation.")
    if not response.is_success:
        raise session.failure(response, f"look up {clipped(address, 80)}")
    return found(as_object(response))


async def _by_name(session: GraphSession, name: str) -> Found:
    from msgraph.generated.users.users_request_builder import UsersRequestBuilder

    query = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(
        filter=f"startswith(displayName,{quoted(name)})", select=FIELDS, top=MOST_CANDIDATES
    )
    body = await session.read(session.sdk.users.get, query=query, what=f"look up {clipped(name, 80)}")
    listed = body.get("value")
    candidates = [found(each) for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    exact = [each for each in candidates if each.name.casefold() == name.casefold()]
    if len(exact) == 1:
        return exact[0]
    shown = clipped(name, 80)
    if not candidates:
        raise NotFound(f"There is nobody named {shown} in your organisation. Give the address instead.")
    named = ", ".join(f"{clipped(each.name, 60)} ({each.upn})" for each in exact or candidates)
    if exact:
        raise InvalidContent(f"Several people are named {shown}: {named}. Give the address of the one who is meant.")
    raise InvalidContent(f"There is nobody named just {shown}. Perhaps {named}? Give the full name or the address.")


def found(user: dict[str, Any]) -> Found:
    """A person as Graph writes one."""
    texts = {name: value for name, value in user.items() if isinstance(value, str)}
    return Found(
        id=texts.get("id", ""),
        name=texts.get("displayName", ""),
        upn=texts.get("userPrincipalName", ""),
        mail=texts.get("mail", ""),
        title=texts.get("jobTitle", ""),
    )
