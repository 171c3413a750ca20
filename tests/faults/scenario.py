"""What a process can be in the middle of when it dies: a plan, the systems it reaches, and what people do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from orchestration.core.plan import Plan
from orchestration.core.view import ApprovalView, RunView
from tests.faults.life import Life

CHOICES = {"decision": "answer", "write": "approve", "stale": "approve"}


async def nothing(_: Life, __: RunView) -> bool:
    """Nobody does anything but answer."""
    return False


def willing(approval: ApprovalView) -> str:
    """Says yes to whatever is asked."""
    return CHOICES.get(approval.kind, "")


@dataclass(frozen=True)
class Scenario:
    """One run, and everything around it.

    Attributes:
        plan: What is run.
        workers: Registers what serves it.
        choose: What people answer; empty for nothing yet.
        act: What else they do.
        either: Tasks whose end may depend on when the process died; the rest ends as if it had not.
    """

    plan: Plan
    workers: Callable[[Life], None]
    choose: Callable[[ApprovalView], str] = willing
    act: Callable[[Life, RunView], Awaitable[bool]] = nothing
    either: frozenset[str] = frozenset()
