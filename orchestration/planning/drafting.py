"""Has a language model draw up a plan: asked, judged, asked again with what is wrong, and given up after a while."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Protocol

import msgspec

from orchestration.capabilities import Registry
from orchestration.core.plan import Plan
from orchestration.core.run import Person
from orchestration.core.usage import Usage
from orchestration.errors import Invalid, InvalidPlan, ModelCut, ModelRefused
from orchestration.planning.addressees import with_lookups
from orchestration.planning.answer import SCHEMA_NAME, Answer, Unreadable, answer_schema, read_answer
from orchestration.planning.assembly import Assembler, Lacking, Proposal
from orchestration.planning.catalogue import Catalogue
from orchestration.planning.compiler import capabilities_used
from orchestration.planning.draft import Asked, Drafted, OpenRun
from orchestration.planning.model import Model, ModelMessage
from orchestration.planning.playbook import Playbook
from orchestration.planning.problems import plan_problems
from orchestration.planning.prompt import Prompt, problems_messages
from orchestration.planning.restraint import Restraint
from orchestration.planning.spoken import Spoken
from orchestration.planning.unclear import in_words
from orchestration.validation.policy_file import Policies
from orchestration.validation.text import clean

MOST_CORRECTIONS = 3
MOST_EXCHANGES = 5
MOST_CUTS = 2
_MOST_PROBLEMS = 12  # told at once
_LONGEST_PROBLEM = 400

Used = Callable[[Usage], Awaitable[None]]


class Playbooks(Protocol):
    """Where the playbooks in force come from."""

    def playbooks(self) -> Mapping[str, Playbook]:
        """All of them, by name."""


class Drafting:
    """Draws up plans with one model; nothing that it answers is believed.

    Args:
        registry: What this deployment can do.
        playbooks: What it is vetted for.
        policies: Who may use what.
        model: Is asked.
        timeout_seconds: For so long it may say nothing.
    """

    def __init__(
        self,
        registry: Registry,
        playbooks: Playbooks,
        policies: Policies,
        model: Model,
        *,
        timeout_seconds: float = 60.0,
    ) -> None:
        self._registry, self._playbooks, self._policies = registry, playbooks, policies
        self._model, self._timeout_seconds = model, timeout_seconds
        self._schema = answer_schema()

    async def draft(self, asked: Asked, initiator: Person, used: Used, *, planned_in: str = "") -> Drafted:
        """What to do about what a person said; see `Drafted`.

        Args:
            asked: The person's words and open runs.
            initiator: Who said it; what they may not use is not planned with.
            used: Records what each call took.
            planned_in: The run in which this is drawn up.

        Raises:
            Invalid: The day is none, or the model can read too little at once.
            ModelUnavailable: The model cannot be asked now.
            ModelCut: Its answers broke off twice.
            Denied: The deployment may not ask it.
        """
        desk = _Desk(asked, initiator, self._registry, self._playbooks.playbooks(), self._policies)
        messages = desk.prompt(self._model.context_tokens)
        problems: list[str] = []
        cuts = 0
        for _ in range(1 + MOST_CORRECTIONS):
            try:
                reply = await self._model.complete(
                    messages, schema=self._schema, schema_name=SCHEMA_NAME, timeout_seconds=self._timeout_seconds
                )
            except ModelCut as error:
                await _spent(error, used)
                cuts += 1
                if cuts == MOST_CUTS:
                    raise
                messages += problems_messages("", ["your answer broke off before its end: answer more briefly"])
                continue
            except ModelRefused as error:
                await _spent(error, used)
                return Drafted(outcome="refused", text=_DECLINED)
            drafted, problems = desk.judged(reply.text)
            outcome = "invalid_plan" if problems else reply.usage.outcome
            await used(msgspec.structs.replace(reply.usage, outcome=outcome))
            if drafted is not None:
                return _signed(drafted, reply.usage.model or self._model.name, planned_in)
            messages += problems_messages(reply.text, problems)
        return desk.given_up(problems)


class _Desk:
    """Everything about one goal."""

    def __init__(
        self,
        asked: Asked,
        initiator: Person,
        registry: Registry,
        playbooks: Mapping[str, Playbook],
        policies: Policies,
    ) -> None:
        self._asked, self._registry, self._policy = asked, registry, policies.current()
        self._catalogue = Catalogue.of(registry, self._policy, initiator)
        usable = self._catalogue.usable
        self._playbooks = {
            name: playbook for name, playbook in playbooks.items() if set(_needed(playbook)) <= usable.keys()
        }
        try:
            today = date.fromisoformat(asked.today)
        except ValueError:
            raise Invalid(f"today: {clean(asked.today, 40)!r} is not a day such as 2026-11-23.") from None
        self._runs = {run.handle: run for run in asked.runs}
        self._about = next((run for run in asked.runs if asked.about and asked.about in (run.handle, run.run_id)), None)
        self._assembler = Assembler(registry, self._playbooks, today, self._runs)
        spoken = Spoken(
            [
                asked.goal,
                *(each.answer for each in asked.said),
                initiator.name,
                initiator.upn,
            ]
        )
        self._restraint = Restraint(usable, self._catalogue.closed, spoken, self._policy.allows)

    def prompt(self, context_tokens: int) -> list[ModelMessage]:
        return Prompt(self._catalogue, self._playbooks, context_tokens).messages(self._asked)

    def judged(self, text: str) -> tuple[Drafted | None, list[str]]:
        """What an answer comes to, or what is wrong with it."""
        try:
            answer = read_answer(text)
            found = self._found(answer)
        except (Unreadable, InvalidPlan) as error:
            return None, _told(error.problems)
        if isinstance(found, Drafted):
            return found, []
        return None, _told(found)

    def _found(self, answer: Answer) -> Drafted | list[str]:
        """The outcome of an answer, or its problems.

        Raises:
            InvalidPlan: No plan can be made of it.
        """
        if answer.outcome == "question":
            return self._question(answer)
        if answer.outcome == "refusal":
            return self._refusal(answer)
        if self._about is not None and (answer.outcome != "change" or answer.run != self._about.handle):
            return [f"outcome: this is about run {self._about.handle}: answer with change of it, question or refusal"]
        proposal = self._assembler.assemble(answer)
        if isinstance(proposal, Lacking):
            return self._asking(proposal.question, proposal.choices)
        problems = [*self._restraint.problems(proposal), *plan_problems(proposal.plan, self._registry)]
        return list(dict.fromkeys(problems)) or _proposed(proposal)

    def _question(self, answer: Answer) -> Drafted | list[str]:
        text, choices = clean(answer.text, 600), list(dict.fromkeys(clean(each, 120) for each in answer.choices))
        problems = [
            problem
            for path, said in [("text", text), *((f"choices[{n}]", each) for n, each in enumerate(choices))]
            for problem in self._restraint.text_problems(path, said)
        ]
        if not text:
            problems.append("text: must hold the question")
        if text.casefold() in {each.question.casefold() for each in self._asked.said}:
            problems.append("text: this was asked and answered already, see said")
        return problems or self._asking(text, [each for each in choices if each])

    def _asking(self, question: str, choices: list[str]) -> Drafted:
        if len(self._asked.said) >= MOST_EXCHANGES:
            return Drafted(outcome="unclear", text=f"{_STILL} What I would ask next: {question}")
        return Drafted(outcome="question", text=question, choices=choices)

    def _refusal(self, answer: Answer) -> Drafted | list[str]:
        if not answer.capability:
            text = clean(answer.text, 600)
            problems = self._restraint.text_problems("text", text)
            return problems or Drafted(outcome="unclear", text=text or _NOTHING)
        if answer.capability in self._catalogue.closed:
            return self._refused(answer.capability)
        if answer.capability in self._catalogue.usable:
            return [f"capability: {answer.capability} is for this person; plan with it, or leave this empty"]
        return [f"capability: there is no {clean(answer.capability, 60)!r}; leave this empty"]

    def _refused(self, name: str) -> Drafted:
        """They may not use it; who could is told by the policy, never by a model."""
        capability = self._catalogue.closed[name]
        if self._policy.verdict(name, capability.effect) == "deny":
            text = f"The policy of this deployment lets nobody do this: {capability.title} ({name})."
            return Drafted(outcome="refused", text=text)
        text = f"In this deployment only certain people may use this: {capability.title} ({name})."
        return Drafted(outcome="refused", text=text, who_could=self._policy.who_may(name))

    def given_up(self, problems: list[str]) -> Drafted:
        """What a person is told when no answer was any good."""
        for name in self._catalogue.closed:
            if any(f".capability: {name} is not for" in problem for problem in problems):
                return self._refused(name)
        return Drafted(outcome="unclear", text=in_words(problems), problems=problems)


def _proposed(proposal: Proposal) -> Drafted:
    run: OpenRun | None = proposal.run
    if run is None:
        return Drafted(outcome="new", plan=proposal.plan)
    return Drafted(outcome="change", plan=proposal.plan, run_id=run.run_id, revision=run.revision)


async def _spent(error: ModelCut | ModelRefused, used: Used) -> None:
    """Record what a call took that came to nothing."""
    if isinstance(error.usage, Usage):
        await used(error.usage)


def _signed(drafted: Drafted, model: str, planned_in: str) -> Drafted:
    """The same with the model's name in the plan."""
    if drafted.plan is None:
        return drafted
    plan = msgspec.structs.replace(drafted.plan, model=clean(model, 120), planned_in=planned_in)
    return msgspec.structs.replace(drafted, plan=plan)


def _plan(playbook: Playbook) -> Plan:
    return with_lookups(Plan(title=playbook.title, tasks=playbook.tasks, answer=playbook.answer))


def _needed(playbook: Playbook) -> list[str]:
    return capabilities_used(_plan(playbook).tasks)


def _told(problems: list[str]) -> list[str]:
    more = len(problems) - _MOST_PROBLEMS
    told = [clean(each, _LONGEST_PROBLEM) for each in problems[:_MOST_PROBLEMS]]
    return [*told, f"and {more} more"] if more > 0 else told


_DECLINED = (
    "The language model of this deployment declined to answer this, so nothing was planned. Say it in other words, or "
    "ask for something that a playbook does."
)
_STILL = "After several questions I still do not know enough to make a plan of this, so nothing was planned."
_NOTHING = "I found no way to do this with what I can use here."
