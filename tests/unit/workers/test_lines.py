"""A list put into a text."""

from __future__ import annotations

import pytest

from orchestration.capabilities import TaskContext
from orchestration.core.run import Person
from orchestration.errors import Invalid
from orchestration.workers.lines import Lines, lines

TASK = TaskContext(run_id="r", task_id="t", attempt=1, initiator=Person("m", "Megan Bowen"))


@pytest.mark.parametrize(
    ("given", "text", "count"),
    [
        (Lines(lines=["a", " ", "b"]), "a\nb", 2),
        (Lines(lines=["a"], heading="Next week"), "Next week\n\na", 1),
        (Lines(lines=[], heading="Next week", nothing="No meetings."), "No meetings.", 0),
        (Lines(lines=["a", "b", "c"], most=2), "a\nb\n… and 1 more", 3),
    ],
)
async def test_lines_stand_below_one_another(given: Lines, text: str, count: int) -> None:
    made = await lines.call(given, TASK)
    assert (made.text, made.count) == (text, count)


async def test_lines_of_lines_of_lines_do_not_fill_the_memory() -> None:
    with pytest.raises(Invalid, match="more than 200,000 letters"):
        await lines.call(Lines(lines=["x" * 50_000] * 5), TASK)
