"""Graph's people: /me, /users, /groups, managers and members."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from connectors.sandbox.asks import Ask
from connectors.sandbox.data import Group, Person, Tenant
from connectors.sandbox.odata import Filter
from connectors.sandbox.replies import GraphError, check_options, collection, selected
from connectors.sandbox.tables import Kind, Row, Table

PAGE_PEOPLE = 100
_ONLY_IF_SELECTED = ("department", "accountEnabled")
_LIST_OPTIONS = {"$select", "$filter", "$top", "$skiptoken", "$count", "$orderby"}
_USER = re.compile(r"/(?:me|users/(?P<user>[^/]+))(?:/(?P<more>manager|directReports|memberOf|transitiveMemberOf))?")
_GROUP = re.compile(r"/groups/(?P<group>[^/]+)(?:/(?P<more>members|transitiveMembers))?")


class PeopleApi:
    """Answers requests about people and groups."""

    def __init__(self, tenant: Tenant, url: str) -> None:
        self._tenant = tenant
        self._url = url

    def answer(self, request: Ask, path: str, person: Person) -> web.Response | None:
        """The answer, or None where the path is not about people."""
        if not re.match(r"/(me|users|groups)(/|$)", path):
            return None
        if request.method != "GET":
            raise GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
        if path == "/users":
            return self._list(request, path, "users", [_user(p) for p in self._tenant.people.values()])
        if path == "/groups":
            return self._list(request, path, "groups", [_group(g) for g in self._tenant.groups.values()])
        if found := _USER.fullmatch(path):
            asked = person if found["user"] is None else self._tenant.person_by_name(found["user"])
            if asked is None:
                raise _no_resource(found["user"])
            return self._about_person(request, path, asked, found["more"])
        if found := _GROUP.fullmatch(path):
            group = next((g for g in self._tenant.groups.values() if g.id == found["group"].lower()), None)
            if group is None:
                raise _no_resource(found["group"])
            return self._about_group(request, path, group, found["more"])
        return None

    def _about_person(self, request: Ask, path: str, person: Person, more: str | None) -> web.Response:
        if more is None:
            return self._entity(request, "users/$entity", _user(person))
        if more == "manager":
            manager = self._tenant.people.get(person.manager)
            if manager is None:
                raise _no_resource("manager")
            return self._entity(request, "directoryObjects/$entity", _typed("user", _user(manager)))
        if more == "directReports":
            reports = [p for p in self._tenant.people.values() if p.manager == person.key]
            return self._list(request, path, "directoryObjects", [_typed("user", _user(p)) for p in reports])
        groups = [g for g in self._tenant.groups.values() if person.key in g.members]
        return self._list(request, path, "directoryObjects", [_typed("group", _group(g)) for g in groups])

    def _about_group(self, request: Ask, path: str, group: Group, more: str | None) -> web.Response:
        if more is None:
            return self._entity(request, "groups/$entity", _group(group))
        members = [self._tenant.people[key] for key in group.members]
        return self._list(request, path, "directoryObjects", [_typed("user", _user(p)) for p in members])

    def _entity(self, request: Ask, context: str, entity: dict[str, Any]) -> web.Response:
        check_options(request.query, {"$select"})
        shown = self._shown(entity, request)
        return web.json_response({"@odata.context": f"{self._url}/$metadata#{context}", **shown})

    def _list(self, request: Ask, path: str, kind: str, entities: list[dict[str, Any]]) -> web.Response:
        options = dict(request.query)
        check_options(options, _LIST_OPTIONS)
        if options.get("$filter"):
            matches = Filter(options["$filter"], _as_table(kind, entities), 4).predicate
            entities = [entity for entity in entities if matches(entity)]
        order, _, direction = options.get("$orderby", "displayName").partition(" ")
        if order != "displayName" or direction not in ("", "asc", "desc"):
            raise GraphError(400, "Request_UnsupportedQuery", "Sorting is only supported by displayName.")
        if "$orderby" in options:
            entities = sorted(entities, key=lambda e: str(e["displayName"]).casefold(), reverse=direction == "desc")
        shown = [self._shown(entity, request) for entity in entities]
        context = f"{self._url}/$metadata#{kind}"
        return web.json_response(collection(context, shown, self._url + path, options, PAGE_PEOPLE))

    @staticmethod
    def _shown(entity: dict[str, Any], request: Ask) -> dict[str, Any]:
        if "$select" in request.query:
            return selected(entity, request.query)
        return {name: value for name, value in entity.items() if name not in _ONLY_IF_SELECTED}


def _user(person: Person) -> dict[str, Any]:
    return {
        "businessPhones": [],
        "displayName": person.name,
        "givenName": person.given_name or None,
        "jobTitle": person.job_title or None,
        "mail": person.upn,
        "mobilePhone": None,
        "officeLocation": None,
        "preferredLanguage": None,
        "surname": person.surname or None,
        "userPrincipalName": person.upn,
        "department": person.department or None,
        "accountEnabled": True,
        "id": person.id,
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "id": group.id,
        "displayName": group.name,
        "description": group.description or None,
        "groupTypes": [],
        "mail": None,
        "mailEnabled": False,
        "securityEnabled": True,
    }


def _typed(kind: str, entity: dict[str, Any]) -> dict[str, Any]:
    return {"@odata.type": f"#microsoft.graph.{kind}", **entity}


def _as_table(kind: str, entities: list[dict[str, Any]]) -> Table:
    fields: dict[str, Kind] = {}
    for entity in entities[:1]:
        for name, value in entity.items():
            if not isinstance(value, list):
                fields[name] = "boolean" if isinstance(value, bool) else "string"
    rows: list[Row] = list(entities)
    return Table(kind, "", ("id",), fields, frozenset(), rows)


def _no_resource(name: str | None) -> GraphError:
    message = f"Resource '{name}' does not exist or one of its queried reference-property objects are not present."
    return GraphError(404, "Request_ResourceNotFound", message)
