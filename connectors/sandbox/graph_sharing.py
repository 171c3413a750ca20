"""Graph's permissions on files: who has access, invite, sensitivity labels."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from connectors.sandbox.asks import Ask, not_served
from connectors.sandbox.data import Person, Tenant
from connectors.sandbox.drive import Drive, Item
from connectors.sandbox.journal import Change, Journal
from connectors.sandbox.mailroom import Mailroom
from connectors.sandbox.replies import GraphError
from connectors.sandbox.sharing import OWNER, READ, ROLES, WRITE, Grant, Sharing


class SharingApi:
    """Answers .../permissions, .../invite and .../extractSensitivityLabels."""

    def __init__(self, tenant: Tenant, sharing: Sharing, mailroom: Mailroom, journal: Journal, url: str) -> None:
        self._tenant = tenant
        self._sharing = sharing
        self._mailroom = mailroom
        self._journal = journal
        self._url = url

    async def answer(
        self, ask: Ask, drive: Drive, item: Item, tail: str, person: Person, address: str
    ) -> web.Response | None:
        """The answer, or None where `tail` is not about sharing; `address` is the item's webUrl."""
        action = tail.strip("/").removeprefix("microsoft.graph.")
        if action == "invite":
            return await self._invite(ask, drive, item, person, address)
        if action == "extractSensitivityLabels":
            return self._labels(ask, drive, item)
        if action == "permissions" or action.startswith("permissions/"):
            return self._permissions(ask, drive, item, action.partition("/")[2], person)
        return None

    def security_labels(self, ask: Ask) -> web.Response:
        """The tenant's sensitivity labels."""
        if ask.method != "GET":
            raise not_served(ask)
        labels = sorted(self._sharing.labels.values(), key=lambda label: label.level)
        value = [
            {"id": label.id, "name": label.name, "priority": label.level, "hasProtection": label.protected}
            for label in labels
        ]
        return web.json_response({"@odata.context": f"{self._url}/$metadata#sensitivityLabels", "value": value})

    def _permissions(self, ask: Ask, drive: Drive, item: Item, number: str, person: Person) -> web.Response:
        found = {key: (number, level) for number, key, level in self._sharing.people(drive, item)}
        entities = [self._permission(drive, item, key, number, level) for key, (number, level) in found.items()]
        if self._sharing.for_everyone(drive, item):
            entities.append(self._everyone())
        context = f"{self._url}/$metadata#drives('{drive.id}')/items('{item.id}')/permissions"
        if not number:
            if ask.method != "GET":
                raise not_served(ask)
            return web.json_response({"@odata.context": context, "value": entities})
        entity = next((e for e in entities if e["id"] == number), None)
        if entity is None:
            raise GraphError(404, "itemNotFound", "The permission could not be found.")
        if ask.method == "DELETE":
            self._check_may_share(drive, item, person)
            if number.startswith("inherited-"):
                raise GraphError(
                    403, "accessDenied", "An inherited permission can only be removed where it comes from."
                )
            self._journal.commit([self._sharing.grants.put(number, None)], "file.unshare", person.key, id=number)
            return web.Response(status=204)
        if ask.method != "GET":
            raise not_served(ask)
        return web.json_response({"@odata.context": f"{context}/$entity", **entity})

    async def _invite(self, ask: Ask, drive: Drive, item: Item, person: Person, address: str) -> web.Response:
        if ask.method != "POST":
            raise not_served(ask)
        body = await ask.json()
        roles, recipients = body.get("roles"), body.get("recipients")
        if not isinstance(roles, list) or not roles or not {str(role) for role in roles} <= {"read", "write"}:
            raise GraphError(400, "invalidRequest", "roles must be read or write.")
        if not isinstance(recipients, list) or not recipients:
            raise GraphError(400, "invalidRequest", "recipients must name somebody.")
        if not body.get("sendInvitation", False) and not body.get("requireSignIn", False):
            raise GraphError(400, "invalidRequest", "One of requireSignIn and sendInvitation must be true.")
        self._check_may_share(drive, item, person)
        people = [self._recipient(each) for each in recipients]
        role = WRITE if "write" in roles else READ
        changes: list[Change] = []
        made: list[dict[str, Any]] = []
        for who in people:
            before = next((g for g in self._sharing.grants if g.item == item.id and g.person == who.key), None)
            number = before.id if before else uuid.uuid4().hex
            grant = Grant(number, drive.id, item.id, who.key, role, person.key, datetime.now(UTC))
            changes.append(self._sharing.grants.put(number, grant))
            made.append(self._permission(drive, item, who.key, number, role))
        if body.get("sendInvitation"):
            text = f"{body.get('message') or ''}\n{person.name} shared {item.name!r} with you:\n{address}\n".lstrip()
            changes += self._mailroom.notify(person, people, f"{person.given_name} shared {item.name!r} with you", text)
        self._journal.commit(
            changes,
            "file.share",
            person.key,
            item_id=item.id,
            path=item.path,
            site=drive.site.name,
            role=ROLES[role],
            people=[who.key for who in people],
        )
        return web.json_response({"@odata.context": f"{self._url}/$metadata#Collection(permission)", "value": made})

    def _check_may_share(self, drive: Drive, item: Item, person: Person) -> None:
        """Who may change a file may share it; a label that protects leaves that to its owner."""
        rights = self._sharing.rights(drive, item, person.key)
        label = self._sharing.label(drive, item)
        if rights < WRITE or (label is not None and label.protected and rights < OWNER):
            raise GraphError(403, "accessDenied", "You do not have permission to share this item.")

    def _recipient(self, value: object) -> Person:
        name = (value.get("objectId") or value.get("email") or value.get("alias")) if isinstance(value, dict) else None
        person = self._tenant.person_by_name(str(name))
        if person is None:
            raise GraphError(400, "invalidRequest", f"One or more users could not be resolved: {name}.")
        return person

    def _permission(self, drive: Drive, item: Item, key: str, number: str, level: int) -> dict[str, Any]:
        person = self._tenant.people[key]
        who = {"id": person.id, "displayName": person.name, "email": person.upn}
        entity: dict[str, Any] = {
            "id": number,
            "roles": [ROLES[level]],
            "grantedToV2": {"user": who, "siteUser": {**who, "loginName": f"i:0#.f|membership|{person.upn}"}},
            "grantedTo": {"user": who},
        }
        if number.startswith("inherited-"):
            entity["inheritedFrom"] = {"driveId": drive.id, "path": f"/drives/{drive.id}/root:"}
        return entity

    def _everyone(self) -> dict[str, Any]:
        who = {
            "displayName": "Everyone except external users",
            "loginName": f"c:0-.f|rolemanager|spo-grid-all-users/{self._tenant.id}",
        }
        granted = {"grantedToV2": {"siteUser": who}, "grantedTo": {"user": who}}
        return {"id": "inherited-everyone", "roles": ["read"], **granted}

    def _labels(self, ask: Ask, drive: Drive, item: Item) -> web.Response:
        if ask.method != "POST":
            raise not_served(ask)
        if item.is_folder:
            raise GraphError(400, "invalidRequest", "Only files have sensitivity labels.")
        label = self._sharing.label(drive, item)
        labels = (
            [{"sensitivityLabelId": label.id, "assignmentMethod": "standard", "tenantId": self._tenant.id}]
            if label
            else []
        )
        context = f"{self._url}/$metadata#microsoft.graph.extractSensitivityLabelsResult"
        return web.json_response({"@odata.context": context, "labels": labels})
