"""Plans without a model: vetted playbooks, matched by example sentences."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

from orchestration.capabilities import Registry
from orchestration.core.plan import Node, Plan, Question
from orchestration.core.run import Person
from orchestration.errors import InvalidPlan, NotForYou
from orchestration.planning import loader
from orchestration.planning.addressees import with_lookups
from orchestration.planning.compiler import capabilities_used, fill
from orchestration.planning.matching import Matcher
from orchestration.planning.months import find_months
from orchestration.planning.parameters import Reading, missing, read_answer, read_goal
from orchestration.planning.playbook import Playbook
from orchestration.planning.port import Missing, Planned, Suggestion, Unmatched
from orchestration.planning.problems import plan_problems
from orchestration.planning.refill import refilled
from orchestration.validation.policy_file import Policies

log = logging.getLogger(__name__)

Stamp = tuple[tuple[str, int, int], ...]

_SAMPLES = {"month": "2026-01", "text": "text", "number": "1", "person": "Somebody <somebody@contoso.example>"}


class PlaybookPlanner:
    """Turns goals into plans by the playbooks of one folder (see `planning.port.Planner`).

    The folder is read again when a file in it changes. A file that became wrong is named in a warning, and what it
    said before stays in force; a file that was removed is gone.

    Args:
        registry: What this deployment can do.
        folder: Where the playbooks are.
        policies: What the deployment lets Tandem do; what it denies is said before a run starts.

    Raises:
        InvalidPlaybooks: A file is wrong when the planner starts, or there is no such folder.
    """

    def __init__(self, registry: Registry, folder: Path, policies: Policies | None = None) -> None:
        self._registry = registry
        self._policies = policies
        self._folder = folder
        self._stamp = self._look()
        self._playbooks = loader.load(folder)
        wrong = [problem for playbook in self._playbooks.values() for problem in graph_problems(playbook)]
        if wrong:
            raise loader.InvalidPlaybooks(wrong)
        self._matcher = Matcher(self._playbooks.values())

    async def plan(
        self, goal: str, initiator: Person, now: datetime, *, answer: tuple[Missing, str] | None = None
    ) -> Planned | Missing | Unmatched:
        """What to do about a goal; see `planning.port.Planner.plan`."""
        self._refresh()
        today = now.date()
        if answer and (asked := self._playbooks.get(answer[0].playbook)) and answer[0].parameter in asked.params:
            return self._fill(asked, self._answered(asked, *answer, goal, today), today, initiator)
        match = self._matcher.best(find_months(goal, today).rest)
        if match is None:
            return Unmatched(suggestions=self.suggestions())
        return self._fill(match.playbook, read_goal(match.playbook, goal, today), today, initiator)

    def sure(self, goal: str, now: datetime) -> bool:
        """Whether a goal asks for a playbook in its own words, so that no model need be asked what is meant."""
        self._refresh()
        return self._matcher.sure(find_months(goal, now.date()).rest) is not None

    def change(self, plan: Plan, text: str, now: datetime) -> Plan | None:
        """An open run's plan with other parameters, if a text says just that ("make it September"); else None."""
        self._refresh()
        playbook = self._playbooks.get(plan.playbook.partition("@")[0])
        return refilled(playbook, plan, text, now.date()) if playbook else None

    def playbooks(self) -> dict[str, Playbook]:
        """The playbooks in force, by name."""
        self._refresh()
        return dict(sorted(self._playbooks.items()))

    def suggestions(self) -> list[Suggestion]:
        """What the bot can do, by title."""
        self._refresh()
        return [
            Suggestion(playbook.title, playbook.utterances[0], playbook.description)
            for playbook in sorted(self._playbooks.values(), key=lambda each: each.title)
        ]

    def _answered(self, playbook: Playbook, asked: Missing, said: str, goal: str, today: date) -> Reading:
        """What is known once a question was answered: the goal's own words, what was given before, the answer last."""
        goal_says = read_goal(playbook, goal, today)
        given = {
            name: value
            for name, value in asked.given.items()
            if name in playbook.params and playbook.params[name].accepts(value) == value
        }
        answer = read_answer(asked.parameter, playbook.params[asked.parameter], said, today)
        values = {**goal_says.values, **given, **answer.values}
        unclear = {name: why for name, why in {**goal_says.unclear, **answer.unclear}.items() if name not in values}
        if asked.parameter not in answer.values:
            values.pop(asked.parameter, None)
            unclear.setdefault(asked.parameter, "")
            unclear.update(answer.unclear)
        return Reading(values, unclear)

    def _fill(self, playbook: Playbook, reading: Reading, today: date, initiator: Person) -> Planned | Missing:
        self._check_permitted(playbook, initiator)
        if question := missing(playbook, reading, today):
            return question
        plan = fill(playbook, reading.values)
        if problems := plan_problems(plan, self._registry):
            raise InvalidPlan([f"{playbook.name}{loader.SUFFIX}: {problem}" for problem in problems])
        if denied := self._denied(plan):
            raise InvalidPlan([f"The policy of this deployment denies {name} ({title})." for name, title in denied])
        return self._planned(plan)

    def _check_permitted(self, playbook: Playbook, initiator: Person) -> None:
        """Refuse what the policy lets only others do, before anything more is asked about it.

        Raises:
            NotForYou: With those who may use all that it takes.
        """
        if self._policies is None:
            return
        policy = self._policies.current()
        plan = with_lookups(Plan(title=playbook.title, tasks=playbook.tasks, answer=playbook.answer))
        used = capabilities_used(plan.tasks)
        for name in used:
            if not policy.may_use(name, initiator.upn):
                capability = self._registry.capability(name)
                raise NotForYou(name, capability.title if capability else name, policy.who_may(*used))

    def _denied(self, plan: Plan) -> list[tuple[str, str]]:
        """Capabilities that the plan uses and the policy denies, each once, with their titles."""
        if self._policies is None:
            return []
        policy, used = self._policies.current(), map(self._registry.capability, capabilities_used(plan.tasks))
        return [(each.name, each.title) for each in used if each and policy.verdict(each.name, each.effect) == "deny"]

    def _planned(self, plan: Plan) -> Planned:
        """The plan with the phrases for its card, each once, in the plan's order."""
        reads: list[str] = []
        writes: list[str] = []
        asks: list[str] = []
        for node in _single(plan.tasks):
            if node.approval:
                asks.append(_asking(node, node.approval))
                continue
            capability = self._registry.pick(node.capability).capability
            title = node.title or capability.title
            if capability.effect == "write":
                writes.append(title)
                if node.fallback:
                    instead = self._registry.pick(node.fallback.capability).capability
                    writes.append(f"{instead.title}, if that cannot be done")
            elif capability.system:
                reads.append(title)
        return Planned(plan=plan, reads=_once(reads), writes=_once(writes), asks=_once(asks))

    def _look(self) -> Stamp:
        """What tells that a file has changed: names, times and sizes."""
        return tuple(
            (path.name, (found := path.stat()).st_mtime_ns, found.st_size) for path in loader.files(self._folder)
        )

    def _refresh(self) -> None:
        """Read the folder again if it changed; a file that is wrong now leaves its last good version in force."""
        try:
            stamp = self._look()
        except (loader.InvalidPlaybooks, OSError) as error:
            if self._stamp:
                log.warning("the playbooks cannot be read, so the last good ones stay in force: %s", error)
                self._stamp = ()
            return
        if stamp == self._stamp:
            return
        self._stamp = stamp
        good, wrong = loader.load_each(loader.files(self._folder))
        for name, playbook in list(good.items()):
            if problems := graph_problems(playbook):
                wrong[name] = problems
                del good[name]
        for name, problems in wrong.items():
            kept = self._playbooks.get(name)
            log.warning(
                "playbook %s is wrong and %s: %s",
                name,
                f"version {kept.version} stays in force" if kept else "is left out",
                "; ".join(problems),
            )
            if kept:
                good[name] = kept
        self._playbooks = good
        self._matcher = Matcher(good.values())


def graph_problems(playbook: Playbook) -> list[str]:
    """What is wrong with a playbook's graph in every deployment, each beginning with its file."""
    samples = {
        name: parameter.default or (parameter.choices[0].id if parameter.choices else _SAMPLES[parameter.type])
        for name, parameter in playbook.params.items()
    }
    problems = plan_problems(fill(playbook, samples), None)
    return [f"{playbook.name}{loader.SUFFIX}: {problem}" for problem in problems]


def _asking(node: Node, question: Question) -> str:
    """Such as "Alex Wilber, accounts payable: decide about the differences", without what only the run can tell."""
    who = question.approver_title or "Somebody"
    what = next((text for text in (node.title, question.title) if text and "${" not in text), "")
    return f"{who}: {what[:1].lower()}{what[1:]}" if what else who


def _single(tasks: dict[str, Node]) -> Iterator[Node]:
    """The tasks that are no groups, those inside groups among them."""
    for node in tasks.values():
        if node.body:
            yield from _single(node.body)
        else:
            yield node


def _once(phrases: list[str]) -> list[str]:
    return list(dict.fromkeys(phrases))
