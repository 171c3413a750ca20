"""What a person can do on a card: buttons and inputs, each with a number that is theirs for the whole chat."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.cli.chat.text import shown

# The last two are the chat's own; no card can hold them.
ButtonKind = Literal["send", "open", "reveal", "sign_in", "browse"]


@dataclass(frozen=True)
class Button:
    """One action of a card (it sends something, opens a page, or reveals a part), or the chat's own.

    Attributes:
        part: Id of the button that unfolds the part of the card that this one is in; empty for none.
    """

    message: str
    kind: ButtonKind
    title: str
    action: Mapping[str, Any]
    part: str = ""

    @property
    def key(self) -> str:
        """The same button after an update of its card has the same key."""
        about = {name: self.action.get(name) for name in ("verb", "data", "url", "targetElements", "id")}
        return f"{self.message} {self.kind} {self.title} {json.dumps(about, sort_keys=True, default=str)}"


@dataclass(frozen=True)
class Input:
    """One input of a card.

    Attributes:
        kind: Its type without the prefix: Text, Number, ChoiceSet, Toggle, Date, Time.
        choices: (value, title) of a choice set.
        value: What it holds until the person changes it.
        part: As of a button; only buttons of the same part send it, if it is in one.
    """

    message: str
    id: str
    kind: str
    label: str
    value: str
    choices: Sequence[tuple[str, str]] = ()
    many: bool = False
    required: str = ""
    placeholder: str = ""
    longest: int = 0
    on: str = "true"
    off: str = "false"
    part: str = ""

    @property
    def key(self) -> str:
        """The same input after an update of its card has the same key."""
        return f"{self.message} input {self.id}"

    @classmethod
    def of(cls, message: str, element: Mapping[str, Any], part: str = "") -> Input:
        """Reads an `Input.*` element."""
        label = shown(element.get("label") or element.get("title") or element.get("placeholder") or element["id"])
        choices = [(str(each.get("value", "")), shown(each.get("title", ""))) for each in element.get("choices", ())]
        required = shown(element.get("errorMessage") or f"{label} is needed.") if element.get("isRequired") else ""
        kind = str(element["type"]).removeprefix("Input.")
        off = str(element.get("valueOff", "false"))
        return cls(
            message=message,
            id=str(element["id"]),
            kind=kind,
            label=label,
            value=str(element.get("value") or (off if kind == "Toggle" else "")),
            choices=choices,
            many=bool(element.get("isMultiSelect")),
            required=required,
            placeholder=shown(element.get("placeholder") or ""),
            longest=int(element.get("maxLength") or 0),
            on=str(element.get("valueOn", "true")),
            off=off,
            part=part,
        )

    def said(self, value: str) -> str:
        """A value as the person sees it."""
        if self.kind == "Toggle":
            return "yes" if value == self.on else "no"
        titles = dict(self.choices)
        if self.many:
            return ", ".join(titles.get(each, each) for each in value.split(",") if each) or "none"
        return titles.get(value) or value or (self.placeholder if self.choices else "")

    def read(self, typed: str) -> tuple[str, str]:
        """(value, "") for what a person typed, or ("", what is wrong with it); `-` empties the input."""
        typed = typed.strip()
        if typed == "-":
            return self.off if self.kind == "Toggle" else "", ""
        if self.kind == "Toggle":
            word = typed.casefold()
            known = {"yes": self.on, "y": self.on, "1": self.on, "no": self.off, "n": self.off, "0": self.off}
            return (known[word], "") if word in known else ("", "Answer yes or no.")
        if self.choices:
            picked = [self._choice(each.strip()) for each in (typed.split(",") if self.many else [typed])]
            return ("", self._wrong()) if None in picked else (",".join(each for each in picked if each), "")
        if self.longest and len(typed) > self.longest:
            return "", f"{self.label}: at most {self.longest:,} characters; this has {len(typed):,}."
        return typed, ""

    def _choice(self, typed: str) -> str | None:
        if typed.isdecimal() and 0 < int(typed) <= len(self.choices):
            return self.choices[int(typed) - 1][0]
        return next((value for value, title in self.choices if title.casefold() == typed.casefold()), None)

    def _wrong(self) -> str:
        options = " · ".join(f"{number} {title}" for number, (_, title) in enumerate(self.choices, 1))
        return f"Choose by number: {options}"


Control = Button | Input


@dataclass
class Numbers:
    """Gives every control a number. None is used twice, so that a late update never changes what a number means."""

    _by_key: dict[str, int] = field(default_factory=dict)
    _controls: dict[int, Control] = field(default_factory=dict)
    _next: Any = field(default_factory=lambda: itertools.count(1))

    def of(self, control: Control) -> int:
        """The control's number, the same as before if its card was updated."""
        number = self._by_key.get(control.key)
        if number is None:
            number = self._by_key[control.key] = next(self._next)
        self._controls[number] = control
        return number

    def close(self, message: str) -> None:
        """No control of this message is there any more; its next drawing opens those that still are."""
        self._controls = {number: each for number, each in self._controls.items() if each.message != message}

    def find(self, number: int) -> Control | None:
        """The open control with this number."""
        return self._controls.get(number)

    def open_in(self, message: str) -> list[int]:
        """The numbers of a message's open controls."""
        return [number for number, each in self._controls.items() if each.message == message]

    def known(self, number: int) -> bool:
        """Whether the number was ever given."""
        return number in self._by_key.values()
