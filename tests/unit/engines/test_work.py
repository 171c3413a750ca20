"""What is being done outside: once each, and its end is always heard of."""

from __future__ import annotations

import asyncio

from orchestration.core.run import Dispatch, Effect
from orchestration.engines.work import Work


async def test_the_end_of_what_was_stopped_before_it_began_is_heard_of_too() -> None:
    # Else its run stays in memory, and its place at the worker is lost.
    ended: list[Effect] = []
    work = Work(lambda _, __: None, lambda _, effect: ended.append(effect))
    effect = Dispatch("a", 1)

    async def perform() -> None:
        raise AssertionError("it was stopped before")

    work.begin("r", effect, perform, write=False)
    assert work.cancel("r", effect)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not work.busy("r")
    assert ended == [effect]


async def test_the_end_of_what_was_done_is_told_once() -> None:
    ended: list[Effect] = []
    work = Work(lambda _, __: None, lambda _, effect: ended.append(effect))

    async def perform() -> None:
        await asyncio.sleep(0)

    work.begin("r", Dispatch("a", 1), perform, write=True)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not work.busy("r")
    assert ended == [Dispatch("a", 1)]
