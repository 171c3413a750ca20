"""What a conversation asks a model for, read from its messages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import msgspec


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A goal and what was said about it since.

    Attributes:
        said: The person's answers to questions, the latest last.
        runs: Open runs that it may be about, as the message tells of them.
        about: Handle of the run that it is surely about.
        turn: How often problems came back to the model.
    """

    goal: str
    today: date
    said: list[str] = []
    runs: list[dict[str, Any]] = []
    about: str = ""
    turn: int = 0

    def places(self) -> dict[str, str]:
        """What stands for `{names}` in recordings: days, months, the latest answer."""
        monday = self.today + timedelta(days=7 - self.today.weekday())
        return {
            "today": str(self.today),
            "tomorrow": str(self.today + timedelta(days=1)),
            "yesterday": str(self.today - timedelta(days=1)),
            "next_monday": str(monday),
            "next_friday": str(monday + timedelta(days=4)),
            "this_month": f"{self.today:%Y-%m}",
            "last_month": f"{self.today.replace(day=1) - timedelta(days=1):%Y-%m}",
            "said": self.said[-1] if self.said else "",
        }


def read_asked(messages: Sequence[dict[str, Any]]) -> Asked | None:
    """The latest goal of a conversation; None if there is none, as in somebody's first test of a model."""
    turn, goal = 0, None
    for message in messages:
        content = _object(text_of(message)) if message.get("role") == "user" else {}
        if isinstance(content.get("goal"), str):
            turn, goal = 0, content
        elif "problems" in content:
            turn += 1
    if goal is None:
        return None
    return Asked(
        goal=goal["goal"],
        today=_day(goal.get("today")),
        said=[str(each.get("answer", "")) for each in _objects(goal.get("said"))],
        runs=_objects(goal.get("runs")),
        about=str(goal.get("about") or ""),
        turn=turn,
    )


def text_of(message: dict[str, Any]) -> str:
    """The text of a message, which may come in parts."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in _objects(content))
    return content if isinstance(content, str) else ""


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _objects(values: Any) -> list[dict[str, Any]]:
    return [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []


def _day(text: Any) -> date:
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        return date.today()  # noqa: DTZ011 - the laptop's own day, as for the rest of the tenant's data
