"""Whether a person approved everything that changed in the tenant: its own record against the events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from bot.evaluation.effect import CAPABILITIES, KINDS, Accepted
from orchestration.core import events as e
from orchestration.core.question import APPROVE

_ROUNDED = timedelta(milliseconds=5)  # the tenant cuts its times to whole milliseconds


class Approved(msgspec.Struct, kw_only=True):
    """A write that a person allowed, while it was under way: what the tenant may have accepted for it, each once."""

    person: str
    begun: datetime
    ended: datetime
    writes: list[str]


def approved(
    events: Sequence[e.Event], capabilities: Mapping[str, str], keys: Mapping[str, str], now: datetime
) -> list[Approved]:
    """The attempts of one run that a person's answer covers.

    Args:
        events: All of the run, in order.
        capabilities: Name of a worker => its capability.
        keys: Id of a person => key.
        now: An attempt that has not ended is under way until then.
    """
    asked: dict[str, e.ApprovalRequested] = {}
    allowed: set[tuple[str, str]] = set()  # task, digest of the arguments
    under_way: dict[str, Approved] = {}
    found: list[Approved] = []
    initiator = ""
    for event in events:
        match event:
            case e.RunProposed():
                initiator = keys.get(event.initiator.id, event.initiator.id)
            case e.ApprovalRequested():
                asked[event.approval] = event
            case e.ApprovalDecided() if event.choice == APPROVE and event.approval in asked:
                question = asked[event.approval]
                if question.kind in ("write", "stale"):
                    allowed.add((question.task, question.inputs))
            case e.TaskStarted() if event.key:
                capability = capabilities.get(event.worker, "")
                if (event.task, event.inputs) in allowed:
                    writes = list(KINDS.get(CAPABILITIES.get(capability, ""), ()))
                    made = Approved(person=initiator, begun=event.at - _ROUNDED, ended=now, writes=writes)
                    under_way[event.task] = made
                    found.append(made)
            case e.TaskSucceeded() | e.TaskFailed() | e.AttemptFailed() | e.TaskInDoubt() | e.TaskCancelled() if (
                event.task in under_way
            ):
                under_way.pop(event.task).ended = event.at
    return found


def unapproved(accepted: Iterable[Accepted], covered: Sequence[Approved]) -> list[Accepted]:
    """What the tenant accepted and no approved write explains."""
    left = [msgspec.structs.replace(each, writes=list(each.writes)) for each in covered]
    found: list[Accepted] = []
    for write in accepted:
        if not write.kind:
            continue
        for each in left:
            if each.person == write.person and each.begun <= write.at <= each.ended and write.kind in each.writes:
                each.writes.remove(write.kind)
                break
        else:
            found.append(write)
    return found
