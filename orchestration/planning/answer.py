"""What a model answers when it is asked for a plan: one closed JSON object, read without trusting it.

Every value is a text, so that the schema stays closed where capabilities take anything. Whether the answer makes a plan
is decided elsewhere (`assembly`, `restraint`); here it is only read.
"""

from __future__ import annotations

import json
import re
from typing import Any, Literal

import msgspec

SCHEMA_NAME = "tandem_plan_draft"
LONGEST_ANSWER = 60_000
MOST_TASKS = 40
MOST_ARGUMENTS = 30
MOST_NEEDS = 40
MOST_FACTS = 20
MOST_CHOICES = 8
LONGEST_VALUE = 10_000
LONGEST_TEXT = 2_000
LONGEST_TITLE = 120

_FENCE = re.compile(r"\s*(?:```\s*)?")


class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An argument or a parameter.

    Attributes:
        value: The text itself, which may hold `${expressions}`; JSON where something else than a text is wanted.
    """

    name: str
    value: str


class Fact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of what is said at the end; both may hold `${expressions}`."""

    label: str
    value: str


class Option(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One possible answer to a question to a person."""

    id: str
    title: str


class Asking(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A question that the plan asks a person when it comes to it.

    Attributes:
        approver: `initiator`, `manager(initiator)`, or an expression that gives a person.
        choices: None: approve or reject.
    """

    approver: str = "initiator"
    title: str = ""
    text: str = ""
    choices: list[Option] = []


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One task.

    Attributes:
        kind: `capability` and `question` make a task; `keep` leaves the task of this name of the changed run as it is,
            and nothing else is said of it.
        needs: Tasks that must have succeeded, beyond those that expressions read.
        optional: Those tasks, needed or read, that may have been skipped; expressions then see null.
        when: A bare condition; false skips the task.
        for_each: Expression giving a list: the task is done for every item, which `${for_each.item}` reads.
    """

    name: str
    kind: Literal["capability", "question", "keep"] = "capability"
    title: str = ""
    capability: str = ""
    arguments: list[Value] = []
    needs: list[str] = []
    optional: list[str] = []
    when: str = ""
    for_each: str = ""
    question: Asking | None = None
    on_failure: Literal["fail", "skip", "ask"] = "fail"


class Ending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the person is told when the run is over; every text may hold `${expressions}`."""

    text: str = ""
    facts: list[Fact] = []
    link: str = ""


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole answer.

    Attributes:
        outcome: `playbook`: run `playbook` with `parameters`. `plan`: run `title`, `tasks` and `answer`. `change`: the
            open run `run` shall be so from now on; either its `playbook` with other `parameters`, or all `tasks` that
            it shall have, those that stay as they are as `keep`. `question`: ask the person `text`. `refusal`: it
            cannot be done, as `text` says; `capability` is the one that this person may not use, if it is for that.
        parameters: Of a playbook, or of the changed run; those that are not named stay as they are.
        answer: An empty text leaves that of a changed run as it is.
        choices: Few and likely answers to the question.
    """

    outcome: Literal["playbook", "plan", "change", "question", "refusal"]
    run: str = ""
    playbook: str = ""
    parameters: list[Value] = []
    title: str = ""
    tasks: list[Step] = []
    answer: Ending = Ending()
    capability: str = ""
    text: str = ""
    choices: list[str] = []


class Unreadable(ValueError):
    """A model's answer is no such answer; every argument is one thing that is wrong with it, for the model."""

    @property
    def problems(self) -> list[str]:
        """What is wrong."""
        return [str(each) for each in self.args]


def answer_schema() -> dict[str, Any]:
    """The JSON Schema of an answer: every property required and none beside them, nothing referred to."""
    (schema,), definitions = msgspec.json.schema_components([Answer], ref_template="{name}")
    closed: dict[str, Any] = _closed(schema, definitions)
    return closed


def _closed(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return _closed(definitions[schema["$ref"]], definitions)
    if "anyOf" in schema:
        return {"anyOf": [_closed(each, definitions) for each in schema["anyOf"]]}
    if schema.get("type") == "array":
        return {"type": "array", "items": _closed(schema["items"], definitions)}
    if schema.get("type") == "object":
        properties = {name: _closed(each, definitions) for name, each in schema["properties"].items()}
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
    if "enum" in schema:
        return {"type": "string", "enum": schema["enum"]}
    return {"type": schema["type"]}


def read_answer(text: str) -> Answer:
    """The answer in a model's text: one JSON object, with prose or a code fence before it at most.

    Raises:
        Unreadable: It is not that, or larger than any answer needs to be.
    """
    if len(text) > LONGEST_ANSWER:
        raise Unreadable(f"the answer has {len(text)} characters; {LONGEST_ANSWER} are possible: use fewer tasks")
    found = _json(text)
    try:
        answer = msgspec.json.decode(found, type=Answer)
    except msgspec.ValidationError as error:
        raise Unreadable(f"the JSON is not of the given schema: {error}") from None
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise Unreadable(f"the JSON cannot be read: {error}") from None
    if wrong := _too_much(answer):
        raise Unreadable(*wrong)
    return answer


def _json(text: str) -> str:
    """The one JSON object of a text."""
    start = text.find("{")
    if start < 0:
        raise Unreadable("there is no JSON object in the answer: answer with the JSON object only")
    try:
        _, end = json.JSONDecoder().raw_decode(text, start)
    except RecursionError:
        raise Unreadable("the JSON is nested too deeply") from None
    except ValueError as error:
        raise Unreadable(f"the JSON breaks off or is not JSON: {error}") from None
    if not _FENCE.fullmatch(text[end:]):
        raise Unreadable("something follows the JSON object: answer with one JSON object and nothing after it")
    return text[start:end]


def _too_much(answer: Answer) -> list[str]:
    """What is longer than any honest plan needs, each in a line."""
    found = [
        *_counted("tasks", answer.tasks, MOST_TASKS),
        *_counted("parameters", answer.parameters, MOST_ARGUMENTS),
        *_counted("choices", answer.choices, MOST_CHOICES),
        *_counted("answer.facts", answer.answer.facts, MOST_FACTS),
        *_long("title", answer.title, LONGEST_TITLE),
        *_long("text", answer.text, LONGEST_TEXT),
        *_long("answer.text", answer.answer.text, LONGEST_TEXT),
        *_long("answer.link", answer.answer.link, LONGEST_TEXT),
    ]
    for place, choice in enumerate(answer.choices[:MOST_CHOICES]):
        found += _long(f"choices[{place}]", choice, LONGEST_TITLE)
    for place, value in enumerate(answer.parameters[:MOST_ARGUMENTS]):
        found += _long(f"parameters[{place}].value", value.value, LONGEST_TEXT)
    for place, fact in enumerate(answer.answer.facts[:MOST_FACTS]):
        found += _long(f"answer.facts[{place}].label", fact.label, LONGEST_TITLE)
        found += _long(f"answer.facts[{place}].value", fact.value, LONGEST_TEXT)
    for place, step in enumerate(answer.tasks[:MOST_TASKS]):
        found += [f"tasks[{place}].{problem}" for problem in _step_too_much(step)]
    return found


def _step_too_much(step: Step) -> list[str]:
    found = [
        *_counted("arguments", step.arguments, MOST_ARGUMENTS),
        *_counted("needs", step.needs, MOST_NEEDS),
        *_counted("optional", step.optional, MOST_NEEDS),
        *_long("title", step.title, LONGEST_TITLE),
        *_long("when", step.when, LONGEST_TEXT),
        *_long("for_each", step.for_each, LONGEST_TEXT),
    ]
    for place, value in enumerate(step.arguments[:MOST_ARGUMENTS]):
        found += _long(f"arguments[{place}].value", value.value, LONGEST_VALUE)
    if asking := step.question:
        found += _counted("question.choices", asking.choices, MOST_CHOICES)
        found += _long("question.title", asking.title, LONGEST_TITLE * 2)
        found += _long("question.text", asking.text, LONGEST_TEXT)
        found += _long("question.approver", asking.approver, LONGEST_TEXT)
    return found


def _counted(where: str, values: list[Any], most: int) -> list[str]:
    return [f"{where}: there are {len(values)}, and {most} are possible"] if len(values) > most else []


def _long(where: str, text: str, most: int) -> list[str]:
    return [f"{where}: it has {len(text)} characters, and {most} are possible"] if len(text) > most else []
