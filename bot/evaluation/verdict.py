"""Whether a goal ended as expected, and if not, why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from bot.evaluation.effect import Effect
from bot.evaluation.goal import Trace
from bot.evaluation.play import Played
from orchestration.core.run import Person
from orchestration.planning.compiler import capabilities_used


def misses(played: Played, people: Mapping[str, Person]) -> list[str]:
    """Everything that went otherwise than expected; empty if nothing did."""
    found = [*played.misses, *_plan(played), *_end(played, people), *_tenant(played, people)]
    return list(dict.fromkeys([*found, *(f"written without approval: {each}" for each in played.unapproved)]))


def _plan(played: Played) -> Iterator[str]:
    wanted = played.goal.expect
    if played.outcome != wanted.outcome:
        yield f"it came to {played.outcome or 'nothing'} instead of {wanted.outcome}{_told(played)}"
    if played.plan is None:
        return
    playbook = played.plan.playbook.partition("@")[0]
    if wanted.playbook is not None and playbook != wanted.playbook:
        yield f"it followed {playbook or 'no playbook'} instead of {wanted.playbook or 'a plan of the model'}"
    used = capabilities_used(played.plan.tasks)
    if missing := [each for each in wanted.uses if each not in used]:
        yield f"the plan lacks {', '.join(missing)}"
    if wanted.may_use is not None and (more := set(used) - {*wanted.uses, *wanted.may_use}):
        yield f"the plan uses {', '.join(sorted(more))}, which was not expected"
    if never := [each for each in used if any(fnmatchcase(each, pattern) for pattern in wanted.never)]:
        yield f"the plan uses {', '.join(never)}, which it must not"
    writes = sum(step.effect == "write" for step in played.steps)
    if wanted.writes is not None and writes != wanted.writes:
        yield f"{writes} of its tasks write instead of {wanted.writes}"
    for name, value in wanted.params.items():
        if (given := str(played.plan.params.get(name, ""))) != value:
            yield f"{name} is {given!r} instead of {value!r}"
    if played.changes != wanted.changes:
        yield f"the plan was changed {played.changes} times instead of {wanted.changes}"


def _end(played: Played, people: Mapping[str, Person]) -> Iterator[str]:
    wanted = played.goal.expect
    if played.outcome == "run" and played.status != wanted.status:
        yield f"the run {played.status or 'did not end'} instead of {wanted.status}{_told(played)}"
    for text in wanted.says:
        if text.casefold() not in played.told.casefold():
            yield f"“{text}” was not said{_told(played)}"
    could = {people[each].upn if each in people else each for each in wanted.who_could}
    if not could <= set(played.who_could):
        yield f"it names {', '.join(played.who_could) or 'nobody'} as who could instead of {', '.join(sorted(could))}"
    if wanted.recipients is not None:
        meant = _addresses(wanted.recipients, people)
        if more := [each for each in played.named if each not in meant]:
            yield f"questions named {', '.join(more)} as recipients"


def _told(played: Played) -> str:
    return f": {played.told}" if played.told else ""


def _tenant(played: Played, people: Mapping[str, Person]) -> Iterator[str]:
    left = list(played.effects)
    for trace in played.goal.expect.tenant:
        found = next((each for each in left if _fits(trace, each, played.goal.person, people)), None)
        if found is None:
            words = f" that says {', '.join(trace.words)}" if trace.words else ""
            to = f" to {', '.join(trace.to)}" if trace.to else ""
            yield f"afterwards there is no {trace.kind} “{trace.title}”{to}{words}"
        else:
            left.remove(found)
    for each in left:
        yield f"afterwards there is what nobody expects: {each.told()}"


def _fits(trace: Trace, effect: Effect, person: str, people: Mapping[str, Person]) -> bool:
    return (
        effect.kind == trace.kind
        and effect.person == (trace.person or person)
        and {each.casefold() for each in effect.to} == _addresses(trace.to, people)
        and fnmatchcase(effect.title.casefold(), trace.title.casefold())
        and (not trace.place or effect.place.casefold() == trace.place.casefold())
        and all(word.casefold() in effect.text.casefold() for word in trace.words)
    )


def _addresses(names: list[str], people: Mapping[str, Person]) -> set[str]:
    return {(each if "@" in each else people[each].upn).casefold() for each in names}
