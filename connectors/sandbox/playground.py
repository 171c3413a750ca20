"""The Microsoft 365 Agents Playground's configuration for one person's window."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import yaml

from connectors.sandbox.data import Person, Tenant

FILE = ".m365agentsplayground.yml"
OTHER_USERS = 5


def config(tenant: Tenant, person: Person) -> dict[str, Any]:
    """The contents of `.m365agentsplayground.yml` for the window of `person`.

    The Playground wants exactly five users besides the current one, and silently ends with any other number. A smaller
    tenant is filled up with guests, of a larger one the first five others are taken.
    """
    others = [_user(other) for other in tenant.people.values() if other.key != person.key][:OTHER_USERS]
    guests = [_guest(tenant, number) for number in range(1, OTHER_USERS - len(others) + 1)]
    return {
        "version": "0.1.1",
        "tenantId": tenant.id,
        "bot": {"id": f"28:{tenant.file.apps.bot.id}", "name": tenant.file.apps.bot.name},
        "currentUser": _user(person),
        "users": [*others, *guests],
        "personalChat": {"id": personal_chat(tenant, person)},
        "groupChat": {"id": f"19:{_id(tenant, 'group')}@thread.v2", "name": f"{tenant.file.name} group chat"},
        "team": {
            "id": f"19:{_id(tenant, 'team')}@thread.tacv2",
            "name": tenant.file.name,
            "aadGroupId": _id(tenant, "team group"),
            "channels": [{"id": f"19:{_id(tenant, 'channel')}@thread.tacv2", "name": "Announcements"}],
        },
    }


def personal_chat(tenant: Tenant, person: Person) -> str:
    """The id of a person's chat with the bot."""
    return f"a:{_id(tenant, 'personal', person.key)}"


def write_config(folder: Path, tenant: Tenant, person: Person) -> Path:
    """Writes the configuration into `folder` and returns the folder: the Playground's working directory."""
    folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(config(tenant, person), sort_keys=False, allow_unicode=True)
    (folder / FILE).write_text(text, encoding="utf-8")
    return folder


def _user(person: Person) -> dict[str, str]:
    return {
        "id": person.teams_id,
        "name": person.name,
        "userPrincipleName": person.upn,  # the Playground's own spelling
        "aadObjectId": person.id,
        "givenName": person.given_name or person.name,
        "surname": person.surname or person.name,
        "email": person.upn,
    }


def _guest(tenant: Tenant, number: int) -> dict[str, str]:
    oid = _id(tenant, "guest", str(number))
    address = f"guest{number}@{tenant.file.domain}"
    return {
        "id": f"29:guest-{number}",
        "name": f"Guest {number}",
        "userPrincipleName": address,
        "aadObjectId": oid,
        "givenName": "Guest",
        "surname": str(number),
        "email": address,
    }


def _id(tenant: Tenant, *parts: str) -> str:
    return str(uuid.uuid5(uuid.UUID(tenant.id), "/".join(parts)))
