"""Decisions about groups: begin, end a round, come to a result."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from orchestration.core import commands as c
from orchestration.core import events as e
from orchestration.core.attempts import failed
from orchestration.core.run import Run
from orchestration.core.settling import live

LARGEST_COUNT = 10_000


def open_group(run: Run, command: c.OpenGroup, now: datetime) -> list[e.Event]:
    """Begin to go through a list, or begin a loop's first round."""
    if live(run, command.task, "ready") is None or run.status != "running" or run.held:
        return []
    return [e.GroupOpened(at=now, task=command.task, count=command.count, entry=command.entry, when=command.when)]


def close_group(run: Run, command: c.CloseGroup, now: datetime) -> list[e.Event]:
    """Every item is settled, and what they gave is in the context."""
    if live(run, command.task, "open") is None or run.groups[command.task].unsettled:
        return []
    return [
        e.TaskSucceeded(
            at=now,
            task=command.task,
            entry=command.entry,
            size_bytes=command.size_bytes,
            summary=command.summary,
            label=command.label,
            tainted=command.tainted,
        )
    ]


def end_round(run: Run, command: c.EndRound, now: datetime) -> list[e.Event]:
    """A round gave a result: the loop ends with it, begins the next one, or gives up."""
    name = command.task
    task, group = live(run, name, "open"), run.groups.get(name)
    if task is None or group is None or group.unsettled or group.begun != command.number:
        return []
    repeat = run.nodes[name].repeat
    assert repeat is not None
    verdict: Literal["accepted", "again", "stalled", "exhausted"]
    if command.met:
        verdict = "accepted"
    elif command.number > group.first and group.results[command.number - 2] == command.entry:
        verdict = "stalled"
    elif command.number - group.first + 1 >= repeat.at_most:
        verdict = "exhausted"
    else:
        verdict = "again"
    ended = e.RoundEnded(at=now, task=name, number=command.number, entry=command.entry, verdict=verdict)
    if verdict == "again":
        return [ended]
    if verdict == "accepted" or repeat.if_unmet == "keep":
        output = command.outputs[verdict]
        done = e.TaskSucceeded(at=now, task=name, entry=output, label=command.label, tainted=command.tainted)
        return [ended, done]
    said = (
        f"Round {command.number} gave the same as the one before, without what was to hold: it would go on like this."
        if verdict == "stalled"
        else f"After {command.number} rounds, what was to hold still did not."
    )
    failure = c.FailAttempt(task=name, attempt=0, code=verdict, message=said)
    return [ended, *failed(run, task, name, failure, now)]
