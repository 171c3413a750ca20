"""The route to an approval system outside of Teams that policy names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from bot.language import speaking
from bot.routes import wording
from bot.routes.links import Links
from bot.routes.receipt import Routed
from bot.routes.webhook import Webhooks
from orchestration.core.label import UNLABELLED, within
from orchestration.core.question import Shown
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView
from orchestration.validation.policy import ApprovalSystem, Policy

KIND = "approval_route"
CLOSED = "withdrawn:"
ANSWERS = "/api/approvals/answers"


class Routings(Protocol):
    """Small durable documents; see `orchestration.ports.Store`."""

    async def get(self, kind: str, key: str) -> bytes | None:
        """One document."""

    async def put(self, kind: str, key: str, body: bytes) -> None:
        """Write one durably."""

    async def drop(self, kind: str, key: str) -> None:
        """Remove one durably."""

    async def documents(self, kind: str) -> dict[str, bytes]:
        """All of a kind."""


class WorkflowRoute:
    """Brings questions to approval systems, and knows which were brought to which.

    Args:
        policy: The policy in force.
        webhooks: Post.
        routings: Remember what was brought where, from before it leaves until the question is closed.
        links: Lead to the chat.
        public_url: Where this bot is reached from outside: answers are sent there.
    """

    def __init__(
        self, policy: Callable[[], Policy], webhooks: Webhooks, routings: Routings, links: Links, public_url: str
    ) -> None:
        self._policy, self._webhooks, self._routings, self._links = policy, webhooks, routings, links
        self._answers = f"{public_url.rstrip('/')}{ANSWERS}"
        self._brought: dict[str, set[tuple[str, str]]] = {}

    async def load(self) -> list[str]:
        """Remember what was brought where before this start; returns the runs that asked."""
        for key in await self._routings.documents(KIND):
            run_id, approval, person = _parts(key)
            self._brought.setdefault(run_id, set()).add((approval, person))
        return list(self._brought)

    def brought_of(self, run_id: str) -> set[tuple[str, str]]:
        """(approval, person id) of a run's questions that were brought to a system which was not told of their end."""
        return self._brought.get(run_id, set())

    async def forget(self, run_id: str, approval: str = "", person: str = "") -> None:
        """A system was told of a question's end, or the run is gone."""
        mine = self._brought.get(run_id, set())
        for which in [(approval, person)] if approval else list(mine):
            await self._routings.drop(KIND, f"{run_id}:{which[0]}:{which[1]}")
            mine.discard(which)
        if not mine:
            self._brought.pop(run_id, None)

    def system(self, name: str) -> ApprovalSystem | None:
        """The system of this name, if policy names it now."""
        return next((each for each in self._policy().approval_systems if each.name == name), None)

    def takes(self, approval: ApprovalView, person: Person) -> ApprovalSystem | None:
        """The system to which a question for this person goes; None for Teams.

        What is more sensitive than a place without a label may hold stays in Teams, and so does what to do about a
        failure or a doubt.
        """
        policy = self._policy()
        if not within(approval.label or UNLABELLED, policy.ceilings.unlabelled):
            return None
        fitting = (each for each in policy.approval_systems if _takes(each, approval))
        return next((each for each in fitting if may_decide(each, person)), None)

    async def ask(
        self, system: ApprovalSystem, run: RunView, approval: ApprovalView, shown: Shown, person: Person
    ) -> str:
        """Put a question to a system; returns the receipt. It may arrive twice, under the same `delivery`.

        Raises:
            TandemError: As `Webhooks.post`.
        """
        await self._routings.put(KIND, _key(run, approval, person), msgspec.json.encode(system.name))
        self._brought.setdefault(run.run_id, set()).add((approval.id, person.id))
        about = self._about("question", system, run, approval, person)
        about["approval"] |= {
            "text": shown.text,
            "facts": shown.facts,
            "items": [{"id": i.id, "kind": i.kind, "title": i.title, "facts": i.facts} for i in shown.items],
            "kinds": shown.kinds,
            "choices": [{"id": choice.id, "title": choice.title} for choice in shown.choices],
            "default": shown.default,
            "why": shown.why,
            "changed": shown.changed,
            "recipients": shown.recipients,
            "label": shown.label,
            "from_outside": shown.tainted,
        }
        await self._webhooks.post(system, about)
        return Routed("workflow", system.name).encode()

    async def remind(self, system: ApprovalSystem, run: RunView, approval: ApprovalView, person: Person) -> str:
        """Tell a system that a question still waits."""
        await self._webhooks.post(system, self._about("reminder", system, run, approval, person))
        return Routed("workflow", system.name).encode()

    async def close(self, system: ApprovalSystem, run: RunView, approval: ApprovalView, person: Person) -> None:
        """Tell a system that a question needs nobody any more."""
        about = self._about("closed", system, run, approval, person)
        decided = approval.decided_by
        about["outcome"] = {
            "choice": approval.choice,
            "decided_by": _person(decided) if decided else None,
            "via": approval.via,
        }
        await self._webhooks.post(system, about)

    async def brought(self, run: RunView, approval: ApprovalView, person: Person) -> str:
        """The name of the system to which a question was brought for this person; empty for none."""
        stored = await self._routings.get(KIND, _key(run, approval, person))
        if stored:
            return msgspec.json.decode(stored, type=str)
        return run.receipts.get((f"{CLOSED}{approval.id}", person.id), "")

    def _about(
        self, type_: str, system: ApprovalSystem, run: RunView, approval: ApprovalView, person: Person
    ) -> dict[str, Any]:
        with speaking("en"):  # a system has no language of its own
            title = approval.title if type_ == "question" else wording.open_title(run, approval)
        return {
            "type": type_,
            "system": system.name,
            "delivery": f"{type_}:{run.run_id}:{approval.id}:{person.id}",
            "run": {"id": run.run_id, "title": run.title, "initiator": _person(run.initiator)},
            "approval": {
                "id": approval.id,
                "title": title,
                "kind": approval.kind,
                "shown": approval.entry,
                "requested_at": approval.requested_at,
                "due_at": approval.due_at,
                "quorum": approval.quorum,
            },
            "to": _person(person),
            "answer_url": self._answers,
            "link": self._links.chat,
        }


def _takes(system: ApprovalSystem, approval: ApprovalView) -> bool:
    if approval.kind == "write":
        return system.takes(approval.capability, "")
    return approval.kind == "decision" and system.takes("", approval.title)


def may_decide(system: ApprovalSystem, person: Person) -> bool:
    """Whether a system may vouch for this person."""
    return not system.deciders or person.upn.casefold() in {each.casefold() for each in system.deciders}


def _key(run: RunView, approval: ApprovalView, person: Person) -> str:
    return f"{run.run_id}:{approval.id}:{person.id}"


def _parts(key: str) -> tuple[str, str, str]:
    run_id, _, rest = key.partition(":")
    approval, _, person = rest.rpartition(":")
    return run_id, approval, person


def _person(person: Person) -> dict[str, str]:
    return {"id": person.id, "name": person.name, "upn": person.upn}
