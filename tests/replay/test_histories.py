"""Committed histories replay for ever.

Each file in `histories` is what really happened in one run, written down once (`tests/replay/record.py`): a line for
each event, with the digest of the state after it. These files are never regenerated and never edited, only added to.
When a test here fails, the change to `evolve`, `effects` or an event is wrong, not the file: runs in somebody's log
have histories like these.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestration.core import events as e
from orchestration.core.codec import decode, encode
from orchestration.core.evolve import evolve, fold
from orchestration.core.run import ENDED, ApprovalState, Run, TaskState, effects, wake_at

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.jsonl"))

# What the digests are made of. A state may get further fields; these keep their values.
RUN = ("status", "goal", "origin", "seq", "last_at", "started_at", "ended_at", "closing", "code", "message", "answer")
RUN += ("unsettled", "awaiting", "sign_in_round")
TASK = ("status", "unsettled", "attempt", "spent", "attempts", "dedupe", "key", "doubt", "worker", "version", "inputs")
TASK += ("allowed", "entry", "summary", "code", "message", "approval", "started_at", "finished_at", "deadline")
TASK += ("retry_at", "not_after", "look_at")
APPROVAL = ("task", "kind", "title", "choices", "entry", "inputs", "requested_at", "open", "choice", "comment")
APPROVAL += ("decided_at",)


# What was added since: part of a digest where it differs from what a state has without it.
SINCE = {
    Run: ("paused", "deadline", "reopened", "dry", "left_behind", "groups", "grants", "revision", "gone"),
    TaskState: ("fell_back", "generation", "journal", "stale"),
    ApprovalState: ("quorum", "votes", "due_at", "remind_at", "escalate_to", "on_expiry", "expired"),
}
SINCE[TaskState] += ("label", "tainted", "sources", "edits", "feedback", "parts")
SINCE[ApprovalState] += ("delegates", "delegated", "revises", "remarks", "replaced")
SINCE[ApprovalState] += ("label", "tainted", "scope", "editable")


class Line(msgspec.Struct):
    """One event as it was coded, and the digest of the state after it."""

    event: msgspec.Raw
    state: str


def digest(run: Run) -> str:
    """Digest of everything in a state that a decision or an effect may depend on."""

    def some(of: Any, names: tuple[str, ...]) -> list[str]:
        return [_text(getattr(of, name)) for name in names]

    whole = [
        some(run, RUN),
        {name: some(task, TASK) for name, task in run.tasks.items()},
        {which: some(each, APPROVAL) for which, each in run.approvals.items()},
        sorted(f"{notice} {to} {receipt}" for (notice, to), receipt in run.receipts.items()),
        sorted(_effect(effect) for effect in effects(run)),
        _text(wake_at(run)),
    ]
    if run.amending is not None:
        whole.append("amending")
    states = [("", run), *run.tasks.items(), *run.approvals.items()]
    if since := [[which, said] for which, each in states if (said := _since(each))]:
        whole.append(since)
    return hashlib.sha256(msgspec.json.encode(whole)).hexdigest()[:16]


@cache
def _fields(of: type) -> tuple[Any, ...]:
    return msgspec.structs.fields(of)


def _since(state: Any) -> list[str]:
    found = []
    for field in _fields(type(state)):
        if field.name in SINCE[type(state)]:
            plain = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
            if (value := getattr(state, field.name)) != plain:
                found.append(f"{field.name}={value}")
    return found


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _effect(effect: Any) -> str:
    return f"{type(effect).__name__} {[str(getattr(effect, name)) for name in effect.__struct_fields__]}"


def lines(path: Path) -> list[Line]:
    return [msgspec.json.decode(line, type=Line) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_a_committed_history_folds_to_the_recorded_state_after_every_event(path: Path) -> None:
    run: Run | None = None
    for number, line in enumerate(lines(path), 1):
        event = decode(bytes(line.event))
        run = evolve(run, event)
        assert digest(run) == line.state, f"{path.name}, line {number}: {type(event).__name__}"
    assert run is not None
    assert run.status in ENDED
    assert effects(run) == []


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_a_committed_history_keeps_its_meaning_when_it_is_coded_again(path: Path) -> None:
    events = [decode(bytes(line.event)) for line in lines(path)]
    assert digest(fold(decode(encode(event)) for event in events)) == lines(path)[-1].state


def test_the_histories_know_every_kind_of_event() -> None:
    seen = {type(decode(bytes(line.event))) for path in HISTORIES for line in lines(path)}
    assert not set(e.Event.__args__) - seen  # type: ignore[attr-defined]
    assert len(HISTORIES) >= 3
