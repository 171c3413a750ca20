"""POST /api/approvals/answers: what a person decided in an approval system that policy names and that vouches for them.

Nothing here decides by itself: a request counts only if the system's signature fits, it is fresh and new, policy names
the system now, the question was brought to that system for that person, and the person is asked.
"""

from __future__ import annotations

import logging
import re
from typing import Any, NoReturn

import msgspec
from aiohttp import web

from bot.api.gate import Gate
from bot.api.nonces import Nonces
from bot.api.problems import Problem
from bot.approvers import LONGEST_COMMENT
from bot.routes.signature import FRESH, SIGNATURE, SYSTEM, TIMESTAMP, Keys, fits
from bot.routes.workflow import WorkflowRoute, may_decide
from bot.texts import clean
from orchestration.core.commands import RecordRefusal
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView
from orchestration.errors import Invalid, NotPermitted, Refused, TandemError, Unavailable, UnknownRun
from orchestration.ports import Applied, Clock, Engine
from orchestration.validation.policy import ApprovalSystem

log = logging.getLogger(__name__)

LARGEST_BYTES = 64 * 1024
_SECONDS = re.compile(r"[0-9]{1,12}")
_NONCE = re.compile(r"[\w.:+/=-]{16,128}", re.ASCII)


class By(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who decided: their Entra object id, or their user principal name."""

    id: str = ""
    upn: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an approval system says.

    Attributes:
        shown: As it came with the question: what the person saw.
        choice: Id of one of the choices; `answer` for a question with items.
        rules: Kind of item => choice.
        exceptions: Item => choice, where it differs from the rule.
        nonce: Another one for each request.
    """

    run: str
    approval: str
    shown: str
    choice: str
    by: By
    nonce: str
    comment: str = ""
    rules: dict[str, str] = {}
    exceptions: dict[str, str] = {}


class Answers:
    """Takes the answers of approval systems.

    Args:
        engine: Decides, each answer once.
        workflow: Knows the systems and what was brought to them.
        keys: Check signatures.
        nonces: Refuse what was said before.
        gate: Lets in.
        clock: Tells the time.
    """

    def __init__(
        self, engine: Engine, workflow: WorkflowRoute, keys: Keys, nonces: Nonces, gate: Gate, clock: Clock
    ) -> None:
        self._engine, self._workflow, self._keys = engine, workflow, keys
        self._nonces, self._gate, self._clock = nonces, gate, clock

    async def take(self, request: web.Request) -> web.Response:
        """One answer."""
        if request.method != "POST":
            detail = "Answers are posted, signed, by approval systems; nothing is decided by opening an address."
            raise Problem(405, "post_only", detail, {"Allow": "POST"})
        self._gate.check(request, pages=False)
        if request.content_type != "application/json":
            raise Problem(415, "unsupported_media_type", "Send the answer as application/json.")
        body = await _read(request)
        system = self._authenticated(request, body)
        answer = _decoded(body)
        if not await self._nonces.take(f"{system.name}:{answer.nonce}", self._clock.now()):
            detail = "A message with this nonce was taken before; nothing was changed by this one."
            raise Problem(409, "replayed", f"{detail} Give each message a nonce of its own.")
        run, approval = await self._question(system, answer)
        person = await self._person(system, run, approval, answer)
        return self._told(await self._decide(system, run, approval, person, answer), approval.id, answer, person)

    def _authenticated(self, request: web.Request, body: bytes) -> ApprovalSystem:
        """The system that signed the body just now."""
        name, timestamp, given = (request.headers.get(each, "") for each in (SYSTEM, TIMESTAMP, SIGNATURE))
        if not (name and timestamp and given):
            raise _unsigned("unsigned", f"The answer is not signed: {SYSTEM}, {TIMESTAMP} and {SIGNATURE} are needed.")
        system = self._workflow.system(name)
        if system is None:
            log.warning("an answer of %r was refused: the policy names no such system", clean(name, 80))
            raise _unsigned("unknown_system", "Policy names no approval system of this name.")
        try:
            keys = self._keys.of(system)
        except Invalid as error:
            log.error("answers of %s cannot be checked: %s", system.name, error.message)
            detail = "Tandem has no key for this system; its operators find why in the log."
            raise Problem(503, "unavailable", detail) from None
        if not fits(keys, given, "answer", name, timestamp, body):
            log.warning("an answer in the name of %s was refused: the signature does not fit", system.name)
            raise _unsigned("wrong_signature", "The signature does not fit the body, the time and the system's key.")
        now = self._clock.now().timestamp()
        if not _SECONDS.fullmatch(timestamp) or abs(now - int(timestamp)) > FRESH.total_seconds():
            detail = f"{TIMESTAMP} must be the present time in seconds since 1970, to within 5 minutes."
            raise _unsigned("stale", f"{detail} Sign the answer anew.")
        return system

    async def _question(self, system: ApprovalSystem, answer: Answer) -> tuple[RunView, ApprovalView]:
        try:
            run = await self._engine.view(answer.run)
        except UnknownRun:
            raise _not_brought(system) from None
        approval = next((each for each in run.approvals if each.id == answer.approval), None)
        if approval is None:
            raise _not_brought(system)
        return run, approval

    async def _person(self, system: ApprovalSystem, run: RunView, approval: ApprovalView, answer: Answer) -> Person:
        """The approver whom the system names, if the question was brought to it for them."""
        person = _named(approval, answer.by)
        if person is None:
            shown = clean(answer.by.upn or answer.by.id, 120)
            detail = f"{shown} is not asked this question; nothing was changed."
            # One event for each system and question, however many names it tries.
            somebody = Person(f"via:{system.name}", shown)
            await self._refuse(run, approval, somebody, Problem(403, "not_permitted", detail))
        if await self._workflow.brought(run, approval, person) != system.name:
            await self._refuse(run, approval, person, _not_brought(system))
        if not may_decide(system, person):
            detail = f"Policy does not let {system.name} vouch for {person.name}; nothing was changed."
            await self._refuse(run, approval, person, Problem(403, "not_vouched", detail))
        if self._workflow.takes(approval, person) != system:
            await self._refuse(run, approval, person, _not_brought(system))
        return person

    async def _decide(
        self, system: ApprovalSystem, run: RunView, approval: ApprovalView, person: Person, answer: Answer
    ) -> Applied:
        try:
            return await self._engine.decide(
                run.run_id,
                approval.id,
                by=person,
                shown=answer.shown,
                choice=answer.choice,
                comment=clean(answer.comment, LONGEST_COMMENT),
                rules=answer.rules,
                exceptions=answer.exceptions,
                via=system.name,
                command_id=f"{run.run_id}:{approval.id}:{person.id}:{answer.shown}",
            )
        except Unavailable:
            raise
        except NotPermitted as error:
            await self._refuse(run, approval, person, Problem(403, error.code, error.message))
        except (Refused, Invalid) as error:
            status = 409 if isinstance(error, Refused) else 400
            await self._refuse(run, approval, person, Problem(status, error.code, clean(error.message, 400)))

    async def _refuse(self, run: RunView, approval: ApprovalView, by: Person, problem: Problem) -> NoReturn:
        """Say no, and keep that somebody was refused."""
        command_id = f"refused:{run.run_id}:{approval.id}:{by.id}:{problem.code}"
        command = RecordRefusal(approval=approval.id, by=by, code=problem.code)
        try:
            await self._engine.send(run.run_id, command, command_id=command_id)
        except TandemError as error:
            log.warning("a refused answer was not recorded: %s", error.message)
        raise problem

    @staticmethod
    def _told(applied: Applied, which: str, answer: Answer, person: Person) -> web.Response:
        """What became of it: a second, other answer of a person must not look as if it had counted."""
        approval = next(each for each in applied.run.approvals if each.id == which)
        vote = next((each for each in approval.votes if each.by.id == person.id), None)
        own = approval.decided_by is not None and approval.decided_by.id == person.id
        counted = approval.choice if own else (vote.choice if vote else "")
        if applied.duplicate and counted != answer.choice:
            detail = f"{person.name} has answered this before in another way; nothing was changed."
            raise Problem(409, "already_decided", detail)
        told: dict[str, Any] = {
            "status": "waits_for_others" if approval.open else "decided",
            "choice": counted or answer.choice,
            "decided_by": person.upn or person.id,
            "duplicate": applied.duplicate,
        }
        return web.Response(body=msgspec.json.encode(told), content_type="application/json")


async def _read(request: web.Request) -> bytes:
    """The body, as far as it is not too long; no more is read."""
    too_large = Problem(413, "too_large", f"An answer may have {LARGEST_BYTES // 1024} KB at most.")
    if (request.content_length or 0) > LARGEST_BYTES:
        raise too_large
    body = bytearray()
    async for part in request.content.iter_chunked(16 * 1024):
        body += part
        if len(body) > LARGEST_BYTES:
            raise too_large
    return bytes(body)


def _decoded(body: bytes) -> Answer:
    try:
        answer = msgspec.json.decode(body, type=Answer)
    except msgspec.ValidationError as error:
        raise Problem(400, "invalid", f"The answer does not fit: {clean(error, 200)}.") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Problem(400, "invalid", "The body is not JSON that can be read.") from None
    if not _NONCE.fullmatch(answer.nonce):
        raise Problem(400, "invalid", "'nonce' must have 16 to 128 letters, digits or - _ . : + / =.")
    return answer


def _named(approval: ApprovalView, by: By) -> Person | None:
    """The one approver with this id or name; both must fit where both are given."""
    if not (by.id or by.upn):
        return None
    for person in approval.approvers:
        if by.id and person.id.casefold() != by.id.casefold():
            continue
        if by.upn and (not person.upn or person.upn.casefold() != by.upn.casefold()):
            continue
        return person
    return None


def _unsigned(code: str, detail: str) -> Problem:
    return Problem(401, code, detail)


def _not_brought(system: ApprovalSystem) -> Problem:
    return Problem(403, "not_brought", f"This question was not brought to {system.name}; nothing was changed.")
