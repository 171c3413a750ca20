"""A playbook: a vetted plan with parameters, as a file that a person can read and change."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from orchestration.core.plan import NAME, Answer, Choice, Node
from orchestration.planning.months import Month

ParameterType = Literal["month", "text", "number", "choice", "person"]

PLAYBOOK_NAME = re.compile(r"[a-z][a-z0-9-]{0,59}")
_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_PERSON = re.compile(r"(?:(?P<name>[^<>@]{1,100}?)\s*<)?(?P<upn>[\w.+'-]{1,100}@[\w-]{1,63}(?:\.[\w-]{1,63})+)>?")
NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?")


class Parameter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing that a person may say about a goal.

    Months, choices, addresses of people, and numbers that are named (`tolerance_days`: "a tolerance of 5 days") are
    looked for in the goal's own words. Text and other numbers are asked for, or take their default.

    Attributes:
        type: `month` (YYYY-MM), `text`, `number`, `choice` (a choice's id) or `person` ("Name <name@domain>").
        title: What it is, for people.
        question: What to ask when it is missing.
        default: Taken when the goal does not say; the parameter is never asked for then.
        choices: What may be chosen; for type `choice` only.
    """

    type: ParameterType
    title: str
    question: str = ""
    default: str = ""
    choices: list[Choice] = []

    def accepts(self, text: str) -> str | None:
        """The value that a whole text stands for, in its one spelling; None if it is no such value.

        Months are read elsewhere, since "last month" needs to know today; here only `YYYY-MM` counts.
        """
        text = " ".join(text.split())
        if self.type == "month":
            return text if Month.exact(text) else None
        if self.type == "number":
            return text if NUMBER.fullmatch(text) else None
        if self.type == "choice":
            wanted = text.casefold()
            return next(
                (each.id for each in self.choices if wanted in (each.id.casefold(), each.title.casefold())), None
            )
        if self.type == "person":
            found = _PERSON.fullmatch(text)
            return text if found and ("<" in text) == text.endswith(">") else None
        return text or None

    def value(self, text: str) -> str | int | float:
        """What expressions see for an accepted text."""
        if self.type != "number":
            return text
        return float(text) if "." in text else int(text)

    def shown(self, text: str) -> str:
        """The accepted text as a person would write it: "October 2026", the choice's title, the bare name."""
        if self.type == "month" and (month := Month.exact(text)):
            return month.title
        if self.type == "choice":
            return next((each.title for each in self.choices if each.id == text), text)
        if self.type == "person":
            return text.partition("<")[0].strip() or text
        return text


class Playbook(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A vetted plan.

    Attributes:
        name: Also the name of its file.
        version: Recorded in the plan; raise it with every change.
        title: What it does, in the imperative, for the list of what the bot can do.
        run_title: Title of one run; `{parameter}` stands for a parameter. The title serves when empty.
        description: One sentence more.
        utterances: Sentences that ask for it. The first is offered as a button, so it must be complete.
        params: What a person may say about it.
        tasks: The graph, see `orchestration.core.plan`.
        answer: What is said at the end.
        deadline_hours: A run that has not ended this long after its start fails; 0 for never.
    """

    name: str
    version: str
    title: str
    utterances: list[str]
    tasks: dict[str, Node]
    answer: Answer
    run_title: str = ""
    description: str = ""
    params: dict[str, Parameter] = {}
    deadline_hours: float = 0.0

    def titled(self, values: dict[str, str]) -> str:
        """The title of a run with these parameters."""
        return _PLACEHOLDER.sub(
            lambda found: self.params[found[1]].shown(values[found[1]]) if found[1] in values else found[0],
            self.run_title or self.title,
        )

    def problems(self) -> list[str]:
        """Everything wrong with the parameters and the texts; the graph is judged where it is compiled."""
        found: list[str] = []
        if not PLAYBOOK_NAME.fullmatch(self.name):
            found.append(
                f"name: {self.name!r} must have lower-case letters, digits and '-' only and start with a letter"
            )
        found.extend(
            f"{field}: must not be empty" for field in ("version", "title") if not getattr(self, field).strip()
        )
        if not self.utterances:
            found.append("utterances: give at least one sentence that asks for this playbook")
        found.extend(
            f"utterances[{i}]: must not be empty" for i, each in enumerate(self.utterances) if not each.strip()
        )
        for name, parameter in self.params.items():
            found.extend(f"params.{name}{problem}" for problem in _parameter_problems(name, parameter))
        found.extend(
            f"run_title: there is no parameter {name!r}"
            for name in _PLACEHOLDER.findall(self.run_title)
            if name not in self.params
        )
        return found


def _parameter_problems(name: str, parameter: Parameter) -> list[str]:
    found: list[str] = []
    if not NAME.fullmatch(name):
        found.append(": a name has lower-case letters, digits and _ and starts with a letter (40 at most)")
    if not parameter.default and not parameter.question:
        found.append(": give a question to ask, or a default")
    if (parameter.type == "choice") != bool(parameter.choices):
        found.append(".choices: a parameter of type choice needs them, and no other may have them")
    ids = [each.id for each in parameter.choices]
    found.extend(f".choices: {each!r} is there twice" for each in sorted({each for each in ids if ids.count(each) > 1}))
    if parameter.default and parameter.accepts(parameter.default) != parameter.default:
        found.append(f".default: {parameter.default!r} is not a {_DESCRIBED[parameter.type]}")
    return found


_DESCRIBED: dict[ParameterType, str] = {
    "month": "month such as 2026-10",
    "text": "text",
    "number": "number such as 3 or 0.5",
    "choice": "choice (give its id)",
    "person": 'person such as "Alex Wilber <alex.wilber@contoso.example>"',
}
