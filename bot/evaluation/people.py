"""People who stand in for those of the tenant: they answer questions as a goal says, and allow only what it expects."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.evaluation.effect import CAPABILITIES
from bot.evaluation.goal import Decision, Goal
from orchestration.core.plan import Answer
from orchestration.core.question import APPROVE, CANCEL, CHOICES, LEAVE, NOT_DONE, REJECT, Shown
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView
from orchestration.ports import Engine

_ADDRESS = re.compile(r"[\w.+'-]+@[\w.-]+")
_OTHERWISE = {"failure": CANCEL, "in_doubt": NOT_DONE, "stale": LEAVE}


class Silent:
    """Implements `orchestration.ports.Notifier` for people who look for what they are asked themselves."""

    async def ask(self, run: RunView, approval: ApprovalView, shown: Shown, person: Person) -> str:
        """See `Notifier.ask`."""
        return "seen"

    async def remind(self, run: RunView, approval: ApprovalView, person: Person) -> str:
        """See `Notifier.remind`."""
        return "seen"

    async def ask_initiator(self, run: RunView, approval: ApprovalView) -> str:
        """See `Notifier.ask_initiator`."""
        return "seen"

    async def tell_reply(self, run: RunView, approval: ApprovalView, person: Person) -> str:
        """See `Notifier.tell_reply`."""
        return "seen"

    async def ask_sign_in(self, run: RunView) -> str:
        """See `Notifier.ask_sign_in`."""
        return "seen"

    async def report(self, run: RunView, answer: Answer | None) -> str:
        """See `Notifier.report`."""
        return "seen"


class People:
    """Answers what a run asks.

    Args:
        goal: Says how, and what may be written.
        engine: Takes the answers.
        known: The people of the tenant, by key.

    Attributes:
        misses: What they were asked and nobody would have expected.
        named: Addresses of everybody whom a question about a write named.
    """

    def __init__(self, goal: Goal, engine: Engine, known: Mapping[str, Person]) -> None:
        self._goal, self._engine, self._known = goal, engine, known
        self._left = list(goal.expect.tenant)
        self.misses: list[str] = []
        self.named: list[str] = []

    async def answer(self, run: RunView, approval: ApprovalView) -> tuple[str, str]:
        """Answer one open question, as the first of those who are asked; returns who answered what.

        Raises:
            Refused: It is not asked any more.
        """
        shown = await self._engine.shown(run.run_id, approval.id)
        by, wanted = approval.approvers[0], self._goal.decides.get(approval.task, Decision())
        if wanted.by and self._known[wanted.by].id != by.id:
            self.misses.append(f"{by.name} is asked “{approval.title}”, and not {self._known[wanted.by].name}")
        rules: dict[str, str] = {}
        if approval.kind == "write":
            choice = APPROVE if self._expects(approval, shown) else REJECT
        elif approval.kind == "decision":
            choice = self._choice(approval, shown, wanted)
            if shown.items:
                rules, choice = {item.kind: choice for item in shown.items}, "answer"
        else:
            choice = wanted.choice or _OTHERWISE[approval.kind]
            if not wanted.choice:
                self.misses.append(f"{by.name} is asked what to do: “{approval.title}”")
        said = next((each.title for each in CHOICES[approval.kind] if each.id == choice), choice)
        said = next((each.title for each in shown.choices if each.id in (choice, *rules.values())), said)
        await self._engine.decide(
            run.run_id,
            approval.id,
            by=by,
            shown=approval.entry,
            choice=choice,
            comment=wanted.comment,
            rules=rules,
            command_id=f"{run.run_id}:{approval.id}:{by.id}",
        )
        return by.name, f"{approval.title} → {said}{f' ({wanted.comment})' if wanted.comment else ''}"

    def _choice(self, approval: ApprovalView, shown: Shown, wanted: Decision) -> str:
        offered = {each.id: each.title for each in shown.choices}
        found = next((key for key, title in offered.items() if wanted.choice in (key, title)), "")
        if wanted.choice and not found:
            self.misses.append(f"“{approval.title}” offers {', '.join(offered.values())}, and not {wanted.choice}")
        return found or shown.default or (APPROVE if APPROVE in offered or not offered else next(iter(offered)))

    def _expects(self, approval: ApprovalView, shown: Shown) -> bool:
        """Whether a write is one of those that the goal expects; each of them once."""
        kind, who = CAPABILITIES.get(approval.capability, approval.capability), self._addresses(shown)
        self.named += [each for each in who if each not in self.named]
        for trace in self._left:
            meant = self.addresses(trace.to)
            # A channel or a folder is nobody; the expected state tells whether it was the right one.
            if trace.kind == kind and (who <= meant if kind in ("post", "file") else who == meant):
                self._left.remove(trace)
                return True
        told = f" to {', '.join(sorted(who))}" if who else ""
        self.misses.append(f"asked to allow what nobody expects: {approval.title} ({approval.capability}{told})")
        return False

    def _addresses(self, shown: Shown) -> set[str]:
        """Whom a write reaches, as far as what is shown names people."""
        found: set[str] = set()
        for text in shown.recipients:
            if addresses := _ADDRESS.findall(text):
                found.update(each.casefold() for each in addresses)
            else:
                found.update(each.upn.casefold() for each in self._known.values() if each.name == text)
        return found

    def addresses(self, names: list[str]) -> set[str]:
        """Addresses of keys of people; what is an address already stays one."""
        return {(each if "@" in each else self._known[each].upn).casefold() for each in names}
