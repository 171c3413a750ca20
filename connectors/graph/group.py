"""`people.members`: who is in a group of the organisation's directory."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.graph.client import GraphClient, GraphSession, as_object
from connectors.graph.people import FIELDS, Found, found
from connectors.http import clipped
from connectors.odata import quoted
from orchestration.capabilities.descriptor import TaskContext
from orchestration.errors import Invalid, InvalidContent, NotFound

MOST_MEMBERS = 200
_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class MembersOf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `people.members`.

    Attributes:
        group: Its name as the directory has it, or its object id.
    """

    group: str


class Members(msgspec.Struct, frozen=True, kw_only=True):
    """The people of a group, also those of groups in it, by name."""

    group: str
    people: list[Found]


class Groups:
    """Finds groups through a Graph client."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client

    async def members(self, of: MembersOf, task: TaskContext) -> Members:
        """Everybody in exactly the group meant; never a guess, since approvals go to whom this names.

        Raises:
            NotFound: There is no such group, or nobody is in it.
            InvalidContent: Several groups have the name, or it has more people than can be asked.
        """
        name = " ".join(of.group.split())
        if not name or len(name) > 256:
            raise Invalid("Which group is meant? Give its name as the directory has it.")
        session = self._client.acting_as(task.initiator)
        group, title = (name, name) if _ID.fullmatch(name) else await _named(session, name)
        shown = clipped(title, 80)
        query = {"$select": ",".join(FIELDS), "$top": str(MOST_MEMBERS + 1)}
        path = f"/groups/{quote(group, safe='')}/transitiveMembers"
        response = await session.call("GET", path, query=query)
        if response.status_code == 404:
            raise NotFound(f"There is no group {shown} in your organisation.")
        if not response.is_success:
            raise session.failure(response, f"look up who is in {shown}")
        body = as_object(response)
        listed = body.get("value")
        members = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
        people = [found(each) for each in members if each.get("@odata.type") == "#microsoft.graph.user"]
        if not people:
            raise NotFound(f"Nobody is in the group {shown}, so nobody can be asked.")
        if len(people) > MOST_MEMBERS or body.get("@odata.nextLink"):
            raise InvalidContent(f"More than {MOST_MEMBERS} people are in the group {shown}: name a smaller one.")
        return Members(group=title, people=sorted(people, key=lambda each: (each.name.casefold(), each.id)))


async def _named(session: GraphSession, name: str) -> tuple[str, str]:
    query = {"$filter": f"displayName eq {quoted(name)}", "$select": "id,displayName", "$top": "2"}
    response = await session.call("GET", "/groups", query=query)
    if not response.is_success:
        raise session.failure(response, f"look up the group {clipped(name, 80)}")
    groups: list[dict[str, Any]] = [each for each in as_object(response).get("value", []) if isinstance(each, dict)]
    if not groups:
        raise NotFound(f"There is no group named {clipped(name, 80)} in your organisation.")
    if len(groups) > 1:
        raise InvalidContent(f"Several groups are named {clipped(name, 80)}. Give the object id of the one meant.")
    return str(groups[0].get("id", "")), str(groups[0].get("displayName", name))
