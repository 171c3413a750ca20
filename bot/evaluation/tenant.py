"""A sandbox tenant of its own for one goal, served in this process over real HTTP, everybody signed in."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bot.evaluation.effect import Accepted, Directory, Effect, effects
from connectors.sandbox.__main__ import CONTOSO
from connectors.sandbox.server import Sandbox
from connectors.sandbox.token_service import CONNECTION
from orchestration.core.run import Person
from orchestration.errors import Invalid

_FIRST_PORT, _LAST_PORT = 21_000, 31_000  # below what machines use for outgoing connections
_START_SECONDS = 30.0
_LONG_AGO = datetime.fromtimestamp(0, UTC)


class Tenant:
    """The tenant while it is served. Implements `connectors.identity.AssertionSource`: who is in it is signed in."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.settings: dict[str, str] = sandbox.describe()["settings"]
        for key in sandbox.tenant.people:
            sandbox.sessions.sign_in(key, CONNECTION)

    @property
    def people(self) -> dict[str, Person]:
        """Everybody, by key."""
        tenant = self._sandbox.tenant
        return {key: Person(each.id, each.name, each.upn, tenant.id) for key, each in tenant.people.items()}

    async def assertion(self, person: Person) -> str | None:
        """See `AssertionSource.assertion`."""
        known = self._sandbox.tenant.person_by_id(person.id)
        return self._sandbox.mint.user_token(known) if known else None

    def accepted(self) -> list[Accepted]:
        """Everything that was written since the tenant was fresh, in order."""
        file = self._sandbox.state / "sandbox" / "office.jsonl"
        found: list[Accepted] = []
        for line in file.read_bytes().splitlines() if file.exists() else []:
            found.append(_of_office(line, found[-1].at if found else _LONG_AGO))
        for write in self._sandbox.drives.writes:
            about = {"site": write.site, "path": write.path, "item_id": write.item_id}
            at = datetime.fromisoformat(write.time)
            found.append(Accepted(at=at, kind="file.upload", person=write.person, about=about))
        return sorted(found, key=lambda each: each.at)

    def effects(self) -> list[Effect]:
        """What is in the tenant and was not when it was fresh."""
        office = self._sandbox.office
        places = {}
        for talk in office.talks:
            team = office.teams.get(talk.team)
            places[talk.id] = (f"{team.name}/{talk.topic}" if team else talk.topic, talk.members)
        addresses = {key: each.upn for key, each in self._sandbox.tenant.people.items()}
        return effects(self.accepted(), Directory(addresses, places))


@asynccontextmanager
async def fresh_tenant(state: Path, recordings: Sequence[Path] | None) -> AsyncIterator[Tenant]:
    """A tenant in which nothing has happened yet.

    Args:
        state: A new folder for it.
        recordings: What the recorded model says; None: no model is served.
    """
    sandbox = Sandbox(
        CONTOSO,
        state,
        port_base=_free_base(),
        bot_url="http://127.0.0.1:9",  # nobody writes to the bot here
        windows=(),
        playground_port=9,
        recordings=recordings,
    )
    serving = asyncio.create_task(sandbox.run())
    try:
        async with asyncio.timeout(_START_SECONDS):
            while not (state / "sandbox.json").exists():
                if serving.done():
                    await serving
                await asyncio.sleep(0.01)
        yield Tenant(sandbox)
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


def _of_office(line: bytes, before: datetime) -> Accepted:
    record = msgspec.json.decode(line)
    about = record["accepted"] or {}
    changes = [(shelf, key, entry) for shelf, key, entry in record["changes"]]
    if not about:  # of these no more is known than whose it is, and what came before
        owner = next((str(entry.get("mailbox", "")) for _, _, entry in changes if entry), "")
        return Accepted(at=before, kind="", person=owner, about={}, changes=changes)
    return Accepted(
        at=datetime.fromisoformat(about["time"]),
        kind=about["kind"],
        person=about["person"],
        about=about,
        changes=changes,
    )


def _free_base() -> int:
    """A port that is free, with the next one."""
    first: int = random.randrange(_FIRST_PORT, _LAST_PORT, 2)  # noqa: S311 - so that two that start at once do not meet
    for base in (*range(first, _LAST_PORT, 2), *range(_FIRST_PORT, first, 2)):
        try:
            for port in (base, base + 1):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return int(base)
    raise Invalid(f"No two ports from {_FIRST_PORT} to {_LAST_PORT} are free for a sandbox tenant.")
