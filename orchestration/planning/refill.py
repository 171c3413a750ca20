"""A sentence that only says another value for an open run's parameter, understood without a model."""

from __future__ import annotations

from datetime import date

from orchestration.core.plan import Plan
from orchestration.planning.assembly import texts_of
from orchestration.planning.compiler import fill
from orchestration.planning.matching import stems
from orchestration.planning.months import find_months
from orchestration.planning.parameters import read_goal
from orchestration.planning.playbook import Playbook

# Says that something shall be otherwise, but not what.
_OTHERWISE = frozenset(
    word.stem
    for word in stems(
        "set change use take choose instead rather actually sorry meant mean wait switch different value "
        "nimm nehme setze aendere stattdessen lieber doch anders eigentlich meinte sondern statt"
    )
)


def refilled(playbook: Playbook, plan: Plan, text: str, today: date) -> Plan | None:
    """The plan with the values that a text names, such as "make it September" or "a tolerance of 5 days".

    None if the text says anything else as well, if it is unclear, or if it changes nothing.

    Args:
        playbook: Which the plan was filled in from.
        plan: As it is now.
        text: The person's own words.
        today: The initiator's day.
    """
    if plan.playbook != f"{playbook.name}@{playbook.version}":
        return None
    reading = read_goal(playbook, text, today)
    before = texts_of(plan, playbook)
    changed = {name: value for name, value in reading.values.items() if before.get(name) != value}
    if reading.unclear or not changed:
        return None
    rest = find_months(text, today).rest
    known = set(_OTHERWISE)
    for name, value in reading.values.items():
        parameter = playbook.params[name]
        rest = rest.replace(value, " ") if parameter.type == "person" else rest
        said = [name.replace("_", " "), parameter.title, parameter.shown(value), value]
        known.update(word.stem for each in said for word in stems(each))
    if any(word.stem not in known for word in stems(rest)):
        return None
    return fill(playbook, {**before, **reading.values})
