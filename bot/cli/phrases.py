"""What the history says again and again: answers, reasons, people, times."""

from __future__ import annotations

from datetime import datetime, timedelta

from orchestration.core.label import UNLABELLED, Label
from orchestration.core.run import Person
from orchestration.core.usage import Usage

CHOICES = {
    ("write", "approve"): "allowed it",
    ("write", "reject"): "did not allow it",
    ("decision", "approve"): "approved",
    ("decision", "reject"): "rejected it",
    ("decision", "answer"): "decided",
    ("failure", "retry"): "said: try again",
    ("failure", "skip"): "said: go on without it",
    ("failure", "cancel"): "cancelled the run",
    ("in_doubt", "done"): "confirmed that it was done",
    ("in_doubt", "not_done"): "said that it was not done",
    ("stale", "approve"): "said: write it again",
    ("stale", "leave"): "said: leave it as it is",
}
NOTICES = {
    "progress": "the run's card",
    "outcome": "the outcome",
    "sign_in": "the sign-in card",
    "approval": "the question",
    "reminder": "the reminder",
    "progress_end": "the last state of the run's card",
    "progress_again": "a new card of the run",
}
EXPIRED = {
    "wait": "the question stays open",
    "skip": "the run goes on without the answer",
    "fail": "that is a failure",
}
ROUNDS = {
    "accepted": "it is accepted",
    "again": "another one follows",
    "stalled": "it gave the same as the one before, so no other one follows",
    "exhausted": "the plan allows no more",
}
SHORT_ENTRY = 12


SKIPPED = {
    "condition": "its condition was false",
    "need": "it needs a step that was left out",
    "person": "a person said so",
    "rejected": "a person did not allow it",
    "failed": "it failed, and the plan goes on without it",
    "expired": "nobody answered in time",
    "simulated": "a dry run writes nothing",
}


def result(entry: str) -> str:
    """Names a result so that `tandem retract` can take it back."""
    return f" · entry {entry[:SHORT_ENTRY]}" if entry else ""


def marks(label: Label | None, *, tainted: bool) -> str:
    """Says of a value how sensitive it is, where that is more or less than usual, and whether outsiders wrote of it."""
    said = [] if label is None or label == UNLABELLED else [label.replace("_", " ")]
    said += ["partly from outside"] if tainted else []
    return f" · {', '.join(said)}" if said else ""


def who(person: Person) -> str:
    """A person by name, as far as known."""
    return person.name or person.upn or person.id


def clock(at: datetime) -> str:
    """The time of day, to the tenth of a second, where this machine is."""
    local = at.astimezone()
    return f"{local:%H:%M:%S}.{local.microsecond // 100_000}"


def day(at: datetime) -> str:
    """The day and the time of day, where this machine is."""
    return f"{at.astimezone():%a %Y-%m-%d %H:%M}"


def since(length: timedelta) -> str:
    """`+0.4 s`, `+12 s`, `+3 min 05 s`, `+2 h 10 min`, `+3 d 4 h`."""
    seconds = length.total_seconds()
    if seconds < 60:
        return f"+{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"+{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"+{hours} h {minutes:02} min" if hours < 48 else f"+{hours // 24} d {hours % 24} h"


def taken(usage: Usage) -> str:
    """What a call of a language model took: "2,113 + 402 tokens, 3.1 s, 0.0093 EUR"."""
    cost = "" if usage.cost is None else f", {usage.cost:.4f} {usage.currency}"
    outcome = "" if usage.outcome == "used" else f"; of no use: {usage.outcome}"
    return f"{usage.input_tokens:,} + {usage.output_tokens:,} tokens, {usage.seconds:.1f} s{cost}{outcome}"
