"""Plays goals one after the other, each on a tenant and a log of its own."""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import msgspec

from bot.evaluation.bench import opened
from bot.evaluation.goal import Goal
from bot.evaluation.models import RECORDED
from bot.evaluation.play import Play, Played
from bot.evaluation.tenant import fresh_tenant
from bot.evaluation.verdict import misses
from connectors.sandbox.model.recordings import ANSWERS

TENTH = 0.1  # may end otherwise than expected, if nothing else is said


class Judged(msgspec.Struct, frozen=True):
    """A goal that was played; `misses` is empty where everything was as expected."""

    played: Played
    misses: list[str]

    @property
    def good(self) -> bool:
        """Whether it ended as expected."""
        return not self.misses


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """All goals with one model.

    Attributes:
        model: Its name, for people.
        judged: In the order of the goals.
        seconds: That all of it took.
    """

    model: str
    judged: list[Judged]
    seconds: float

    @property
    def good(self) -> int:
        """How many ended as expected."""
        return sum(each.good for each in self.judged)

    @property
    def unapproved(self) -> int:
        """How many writes nobody had approved."""
        return sum(len(each.played.unapproved) for each in self.judged)


async def played(
    goals: Sequence[Goal], model: str, settings: Mapping[str, str], recordings: Sequence[Path] = (ANSWERS,)
) -> AsyncIterator[Judged]:
    """Each goal as soon as it was played.

    Args:
        goals: What to play.
        model: Its name, for the report.
        settings: Of the model; empty: the recorded one.
        recordings: What the recorded one says.

    Raises:
        Invalid: Settings or recordings are wrong.
    """
    for goal in goals:
        with tempfile.TemporaryDirectory(prefix="tandem-eval-") as folder:
            yield await _play(goal, Path(folder), model, settings, recordings)


async def evaluate(
    goals: Sequence[Goal],
    model: str = RECORDED,
    settings: Mapping[str, str] | None = None,
    recordings: Sequence[Path] = (ANSWERS,),
) -> Evaluation:
    """All goals with one model; see `played`."""
    begun = time.monotonic()
    judged = [each async for each in played(goals, model, settings or {}, recordings)]
    return Evaluation(model=model, judged=judged, seconds=time.monotonic() - begun)


async def _play(
    goal: Goal, folder: Path, model: str, settings: Mapping[str, str], recordings: Sequence[Path]
) -> Judged:
    async with fresh_tenant(folder / "tenant", None if settings else recordings) as tenant:
        async with opened(tenant, folder / "bot", settings, goal.policy) as bench:
            done = await Play(goal, bench, model).play()
        return Judged(done, misses(done, tenant.people))
