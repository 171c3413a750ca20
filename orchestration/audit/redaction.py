"""Takes a person out of JSON: what names them becomes a pseudonym, and what is in their words goes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from orchestration.audit.personal import personal_of

# Of a plan, an erasure leaves the shape; whatever people or models wrote into it goes.
PLAN_PUBLIC = frozenset(
    {
        "tasks", "capability", "approval", "for_each", "repeat", "fallback", "needs", "optional", "on_failure",
        "attempts", "timeout_seconds", "not_initiator", "may_skip", "quorum", "due_hours", "remind_hours", "on_expiry",
        "revises", "watches", "at_once", "accepted_by", "at_most", "if_unmet", "playbook", "deadline_hours",
        "model", "planned_in",
    }
)  # fmt: skip
PLAN_PERSONAL = frozenset(
    {
        "title", "params", "answer", "with", "when", "approver", "approver_title", "text", "items", "kinds", "choices",
        "default", "approvers", "working", "escalate_to", "delegates", "why", "gives", "until",
    }
)  # fmt: skip
_NODES = frozenset({"for_each", "repeat", "fallback", "approval"})
ERASED = "erased"
_LEAST_WORDS = 4  # shorter ones, such as "ok", go only where they are all that is said
_WORDS = ("comment", "text", "reason")
_KEPT_OF_PERSONS = {"id", "name", "upn", "tenant"}
_LEAST_PART = 6  # shorter names, such as "Al", are not looked for inside of words


class Person(msgspec.Struct, frozen=True):
    """Who is to be erased, by every spelling that is known, and what stands for them from now on."""

    id: str
    upns: tuple[str, ...]
    names: tuple[str, ...]
    number: int

    @property
    def pseudonym(self) -> str:
        """Their name from now on."""
        return f"erased person {self.number}"

    @property
    def pseudonym_id(self) -> str:
        """Their id from now on."""
        return f"erased-{self.number}"


class Redaction:
    """Takes one person out of texts and JSON values."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self._ids = _pattern([person.id])
        self._names = _pattern([*person.upns, *person.names])
        needles = [person.id, *person.upns, *person.names]
        self._any = _pattern(text for each in needles for text in (each, json.dumps(each, ensure_ascii=False)[1:-1]))

    def concerns(self, text: str | bytes) -> bool:
        """Whether the person is named there, in text or in JSON."""
        read = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        return self._any.search(read) is not None

    def text(self, text: str, words: Iterable[str] = ()) -> str:
        """The same without the person, and without these words of theirs."""
        for said in words:
            if text == said:
                return ""
            if len(said) >= _LEAST_WORDS:
                text = text.replace(said, f"[{ERASED}]")
        text = self._ids.sub(self.person.pseudonym_id, text)
        return self._names.sub(self.person.pseudonym, text)

    def value(self, value: Any, words: Iterable[str] = ()) -> Any:
        """A JSON value without the person."""
        if isinstance(value, str):
            return self.text(value, words)
        if isinstance(value, list):
            return [self.value(each, words) for each in value]
        if isinstance(value, dict):
            if value.get("id") == self.person.id and "name" in value:
                return self._person(value, words)
            if {"id", "name"} <= set(value) <= _KEPT_OF_PERSONS and value.get("upn") not in self.person.upns:
                return value  # somebody else, perhaps of the same name
            return {self.text(name, words): self.value(each, words) for name, each in value.items()}
        return value

    def _person(self, value: dict[str, Any], words: Iterable[str]) -> dict[str, Any]:
        """Somebody as the log writes them, or as a directory does: what else it says of them goes, too."""
        kept = {"id": self.person.pseudonym_id, "name": self.person.pseudonym}
        if set(value) <= _KEPT_OF_PERSONS:
            return kept | ({"tenant": value["tenant"]} if "tenant" in value else {})
        rest = {name: self.value(each, words) for name, each in value.items() if name not in ("id", "name")}
        return kept | rest

    def event(self, type_: str, body: dict[str, Any]) -> dict[str, Any]:
        """An event of somebody else's run without the person."""
        words = self.words(body)
        found = dict(body)
        for name in personal_of(type_):
            if name in found:
                found[name] = self.plan(found[name]) if name == "plan" else self.value(found[name], words)
        return found

    def words(self, body: dict[str, Any]) -> list[str]:
        """What an event or an answer has the person say, the longest first."""
        by = body.get("by")
        if not isinstance(by, dict) or by.get("id") != self.person.id:
            return []
        said = {body[name] for name in _WORDS if isinstance(body.get(name), str) and body[name]}
        return sorted(said, key=len, reverse=True)

    def plan(self, node: Any) -> Any:
        """A plan without the person; its public shape stays as it is."""
        return _plan(node, self.value)

    def own_event(self, type_: str, body: dict[str, Any]) -> dict[str, Any]:
        """An event of the person's own run: who else took part is kept, and nothing that anybody wrote."""
        found = dict(body)
        for name in personal_of(type_):
            if name in found:
                found[name] = _plan(found[name], _blank) if name == "plan" else self._emptied(name, found[name])
        return found

    def _emptied(self, name: str, value: Any) -> Any:
        if name == "to" and isinstance(value, str):
            return self.text(value)
        if isinstance(value, str):
            return ERASED if name in ("goal", "title", "part") else ""
        if isinstance(value, dict):
            return self.value(value)
        if isinstance(value, list):
            return [self.value(each) for each in value if isinstance(each, dict) and "id" in each]
        return value


def _pattern(spellings: Iterable[str]) -> re.Pattern[str]:
    longest = sorted({each for each in spellings if each}, key=len, reverse=True)
    parts = [re.escape(each) if len(each) >= _LEAST_PART else rf"(?<!\w){re.escape(each)}(?!\w)" for each in longest]
    return re.compile("|".join(parts) or r"(?!)", re.IGNORECASE)


def _plan(node: Any, of_value: Any) -> Any:
    """A plan with its personal parts changed, and its shape as it was."""
    if not isinstance(node, dict):
        return node
    found = {}
    for name, value in node.items():
        if name == "tasks" and isinstance(value, dict):
            found[name] = {task: _plan(each, of_value) for task, each in value.items()}
        elif name in _NODES and isinstance(value, dict):
            found[name] = _plan(value, of_value)
        elif name in PLAN_PUBLIC:
            found[name] = value
        elif name == "answer" and isinstance(value, dict):
            found[name] = {each: of_value(said) for each, said in value.items()}
        else:
            found[name] = of_value(value)
    return found


def _blank(value: Any) -> Any:
    """The same shape with nothing in it, so that it can still be read as what it was."""
    match value:
        case str():
            return ""
        case list():
            return []
        case dict():
            return {}
        case _:
            return None
