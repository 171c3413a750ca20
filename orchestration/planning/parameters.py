"""What a goal says about a playbook's parameters, and what has to be asked."""

from __future__ import annotations

import re
from datetime import date

import msgspec

from orchestration.planning.matching import stems, words
from orchestration.planning.months import Month, find_months
from orchestration.planning.playbook import Parameter, Playbook
from orchestration.planning.port import Missing

RECENT_MONTHS = 3
_NUMBER = re.compile(r"(?<![\w.,:/-])\d{1,15}(?:[.,]\d{1,15})?(?![\w:/])")
_ADDRESS = re.compile(r"(?:[A-Z][\w.'-]*(?:\s+[A-Z][\w.'-]*){0,3}\s*<[^<>\s]+@[^<>\s]+>)|[\w.+'-]+@[\w-]+(?:\.[\w-]+)+")


class Reading(msgspec.Struct, frozen=True):
    """What was understood of a text.

    Attributes:
        values: Parameter => accepted text.
        unclear: Parameter => why what was said cannot be used.
    """

    values: dict[str, str]
    unclear: dict[str, str]


def read_goal(playbook: Playbook, goal: str, today: date) -> Reading:
    """What the goal's own words say about the playbook's parameters; nothing is guessed."""
    values: dict[str, str] = {}
    unclear: dict[str, str] = {}
    known = frozenset(word for utterance in playbook.utterances for word in words(utterance))
    for name, parameter in playbook.params.items():
        if parameter.type == "month":
            _take_month(name, goal, today, values, unclear, alone=False, known=known)
        elif parameter.type == "choice":
            _take_choice(name, parameter, goal, values, unclear)
        elif parameter.type == "number":
            _take_number(name, find_months(goal, today, known_words=known).rest, values, unclear)
        elif parameter.type == "person" and (found := _ADDRESS.findall(goal)):
            if len(found) == 1 and parameter.accepts(found[0]):
                values[name] = found[0]
            else:
                unclear[name] = (
                    f"I read several people: {', '.join(found)}"
                    if len(found) > 1
                    else f"“{found[0]}” is not an address"
                )
    return Reading(values, unclear)


def read_answer(name: str, parameter: Parameter, answer: str, today: date) -> Reading:
    """What an answer to the question for one parameter says."""
    values: dict[str, str] = {}
    unclear: dict[str, str] = {}
    said = " ".join(answer.split())
    if parameter.type == "month":
        _take_month(name, said, today, values, unclear, alone=True, known=frozenset())
    elif (value := parameter.accepts(said)) is not None:
        values[name] = value
    elif parameter.type == "choice":
        _take_choice(name, parameter, said, values, unclear)
    if name not in values and name not in unclear and said:
        wanted = {
            "month": "a month",
            "number": "a number",
            "choice": "one of the choices",
            "person": "a person's address",
            "text": "a text",
        }
        unclear[name] = f"“{_clipped(said)}” is not {wanted[parameter.type]}"
    return Reading(values, unclear)


def _take_month(
    name: str,
    text: str,
    today: date,
    values: dict[str, str],
    unclear: dict[str, str],
    *,
    alone: bool,
    known: frozenset[str],
) -> None:
    found = find_months(text, today, alone=alone, known_words=known)
    if found.unclear:
        unclear[name] = "; ".join(found.unclear[:3])
    elif len(found.months) > 1:
        unclear[name] = f"One month at a time: you named {' and '.join(month.title for month in found.months[:3])}"
    elif found.months:
        values[name] = str(found.months[0])


def _take_number(name: str, text: str, values: dict[str, str], unclear: dict[str, str]) -> None:
    """The one number of a text that says every word of the parameter's name: "a tolerance of 5 days"."""
    wanted = {word.stem for word in stems(name.replace("_", " "))}
    if not wanted or not wanted <= {word.stem for word in stems(text)}:
        return
    found = _NUMBER.findall(text)
    if len(found) == 1:
        values[name] = found[0].replace(",", ".")
    elif found:
        unclear[name] = f"I read several numbers: {', '.join(found[:4])}"


def _take_choice(name: str, parameter: Parameter, text: str, values: dict[str, str], unclear: dict[str, str]) -> None:
    said = f" {' '.join(words(text))} "
    named = [
        choice
        for choice in parameter.choices
        if any(
            phrase and f" {phrase} " in said for phrase in (" ".join(words(choice.title)), " ".join(words(choice.id)))
        )
    ]
    if len(named) == 1:
        values[name] = named[0].id
    elif named:
        unclear[name] = f"You named several: {', '.join(choice.title for choice in named)}"


def missing(playbook: Playbook, reading: Reading, today: date) -> Missing | None:
    """The question for the first parameter that cannot be filled in, or None."""
    for name, parameter in playbook.params.items():
        reason = reading.unclear.get(name, "")
        if name in reading.values or (parameter.default and not reason):
            continue
        question = parameter.question or f"Which {parameter.title[:1].lower()}{parameter.title[1:]}?"
        return Missing(
            playbook=playbook.name,
            parameter=name,
            question=f"{reason}. {question}" if reason else question,
            choices=_choices(parameter, today),
            given=reading.values,
        )
    return None


def _choices(parameter: Parameter, today: date) -> list[tuple[str, str]]:
    """Likely answers: what may be chosen, or the latest months that are over."""
    if parameter.type == "month":
        months = [Month.of(today).before(count) for count in range(1, RECENT_MONTHS + 1)]
        return [(str(month), month.title) for month in months]
    if parameter.choices:
        return [(choice.id, choice.title) for choice in parameter.choices]
    return [(parameter.default, parameter.shown(parameter.default))] if parameter.default else []


def _clipped(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
