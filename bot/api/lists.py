"""GET /api/runs, /api/runs/{id}, /api/approvals: each person's own, read only, with links to where they can act."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Protocol
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from bot.api.gate import Buckets, Gate
from bot.api.problems import Problem
from bot.api.tokens import Tokens
from bot.api.views import approval_of, run_of, runs_item
from bot.language import speaking
from bot.routes.links import Links
from orchestration.core.run import Person
from orchestration.errors import UnknownRun
from orchestration.ports import ApprovalRow, Engine, RunRow

USUAL, MOST, NEWEST = 20, 100, 1_000
RUN_ID = re.compile(r"[0-9a-f]{16}")
_CURSOR = re.compile(r"[\w.:-]{1,300}")


class Rows(Protocol):
    """What can be listed without reading runs; see `orchestration.ports.Store`."""

    async def runs(self, *, person: str = "", open_only: bool = False, limit: int = 20) -> list[RunRow]:
        """Runs of an initiator, newest first."""

    async def open_approvals(self, person: str) -> list[ApprovalRow]:
        """The open questions to a person, oldest first."""


class Lists:
    """Answers GET and HEAD, and nothing else: nothing can be decided or changed here.

    Args:
        engine: Reads runs.
        rows: Lists them.
        tokens: Say who asks.
        gate: Lets in.
        buckets: How often each person may ask.
        links: Lead to the chat.
    """

    def __init__(self, engine: Engine, rows: Rows, tokens: Tokens, gate: Gate, buckets: Buckets, links: Links) -> None:
        self._engine, self._rows, self._tokens = engine, rows, tokens
        self._gate, self._buckets, self._links = gate, buckets, links

    async def runs(self, request: web.Request) -> web.Response:
        """The person's own runs, newest first."""
        who = await self._person(request)
        limit, after = _page(request, {"open"})
        open_only = _flag(request, "open")
        rows = await self._rows.runs(person=who.id, open_only=open_only, limit=NEWEST)
        shown, further = _cut(rows, limit, after, [row.run_id for row in rows])
        found = [runs_item(await self._engine.view(row.run_id), self._links) for row in shown]
        return self._listed(request, "runs", found, limit, shown[-1].run_id if shown and further else "")

    async def run(self, request: web.Request) -> web.Response:
        """One of the person's own runs; of any other, not even that there is one."""
        who = await self._person(request)
        _page(request, set())
        run_id = request.match_info["run"]
        missing = Problem(404, "not_found", "You have no run with this id; GET /api/runs lists yours.")
        if not RUN_ID.fullmatch(run_id):
            raise missing
        try:
            run = await self._engine.view(run_id)
        except UnknownRun:
            raise missing from None
        if run.initiator.id.lower() != who.id:
            raise missing
        with speaking(_language(request)):
            return _cached(request, run_of(run, self._links))

    async def approvals(self, request: web.Request) -> web.Response:
        """The open questions to the person, oldest first, with links to where they can answer."""
        who = await self._person(request)
        limit, after = _page(request, set())
        rows = await self._rows.open_approvals(who.id)
        names = [f"{row.run_id}:{row.approval}" for row in rows]
        shown, further = _cut(rows, limit, after, names)
        found = []
        for row in shown:
            run = await self._engine.view(row.run_id)
            approval = next((each for each in run.approvals if each.id == row.approval and each.open), None)
            if approval and any(person.id.lower() == who.id for person in approval.approvers):
                with speaking(_language(request)):
                    found.append(approval_of(run, approval, who, self._links))
        last = f"{shown[-1].run_id}:{shown[-1].approval}" if shown and further else ""
        return self._listed(request, "approvals", found, limit, last)

    async def _person(self, request: web.Request) -> Person:
        if request.method not in ("GET", "HEAD"):
            detail = "This is only for reading. People decide in Teams, or in the approval system that policy names."
            raise Problem(405, "read_only", detail, {"Allow": "GET, HEAD"})
        self._gate.check(request, pages=True)
        who = await self._tokens.person(request.headers.get("Authorization", ""))
        self._buckets.take(who.id)
        return who

    @staticmethod
    def _listed(request: web.Request, name: str, found: list[Any], limit: int, last: str) -> web.Response:
        following = ""
        if last:
            more = {**request.query, "limit": str(limit), "after": last}
            following = f"{request.path}?{urlencode(more)}"
        return _cached(request, {name: found, "next": following or None})


def _page(request: web.Request, others: set[str]) -> tuple[int, str]:
    unknown = sorted(set(request.query) - others - {"limit", "after"})
    if unknown:
        raise Problem(400, "invalid", f"There is no parameter {unknown[0][:40]!r} here.")
    limit, after = request.query.get("limit", str(USUAL)), request.query.get("after", "")
    if not re.fullmatch(r"[0-9]{1,3}", limit) or not 1 <= int(limit) <= MOST:
        raise Problem(400, "invalid", f"'limit' must be a number from 1 to {MOST}.")
    if after and not _CURSOR.fullmatch(after):
        raise Problem(400, "invalid", "'after' must be as the 'next' of an earlier answer has it.")
    return int(limit), after


def _language(request: web.Request) -> str:
    """The first of the languages that the caller names."""
    return re.split("[,;]", request.headers.get("Accept-Language", ""))[0].strip()


def _flag(request: web.Request, name: str) -> bool:
    value = request.query.get(name, "false")
    if value not in ("true", "false"):
        raise Problem(400, "invalid", f"{name!r} must be true or false.")
    return value == "true"


def _cut(rows: list[Any], limit: int, after: str, names: list[str]) -> tuple[list[Any], bool]:
    """A page of the rows, and whether there are more."""
    if after and after not in names:
        raise Problem(400, "invalid", "What 'after' names is not in the list any more: begin without it.")
    first = names.index(after) + 1 if after else 0
    return rows[first : first + limit], len(rows) > first + limit


def _cached(request: web.Request, found: Any) -> web.Response:
    """The answer, or 304 if the caller has it."""
    body = msgspec.json.encode(found)
    tag = hashlib.sha256(body).hexdigest()[:32]
    headers = {
        "ETag": f'"{tag}"',
        "Cache-Control": "private, no-cache",
        "Vary": "Authorization, Accept-Language",
        "X-Content-Type-Options": "nosniff",
    }
    given = {each.value for each in request.if_none_match or ()}
    if given & {tag, "*"}:
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="application/json", headers=headers)
