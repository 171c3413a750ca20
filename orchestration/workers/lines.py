"""`text.lines`: a list as a text, since expressions cannot join one."""

from __future__ import annotations

import msgspec

from orchestration.capabilities import TaskContext, worker
from orchestration.errors import Invalid

LONGEST = 200_000  # letters; what is longer is nobody's reading, and lines of lines of lines would fill the memory


class Lines(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `text.lines`.

    Attributes:
        lines: Such as `${tasks.agenda.meetings.map(m, m.start + ' ' + m.subject)}`; empty ones are left out.
        heading: Stands above them.
        nothing: Is the whole text where there are none.
        most: Lines at most; how many more there are is said at the end.
    """

    lines: list[str]
    heading: str = ""
    nothing: str = ""
    most: int = 100


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """One line below the other; `count` is of those that there are, shown or not."""

    text: str
    count: int


@worker("text.lines", title="Put a list into a text", attempts=1, summarize=lambda made: f"{made.count} lines")
async def lines(given: Lines, task: TaskContext) -> Text:
    """The lines below one another, in their order."""
    del task
    found = [line for line in given.lines if line.strip()]
    if not found:
        return Text(text=given.nothing, count=0)
    shown = found[: max(given.most, 0)]
    more = [f"… and {len(found) - len(shown)} more"] if len(found) > len(shown) else []
    if sum(map(len, shown)) + len(given.heading) > LONGEST:
        raise Invalid(f"These lines have more than {LONGEST:,} letters together: take fewer of them, or shorter ones.")
    heading = [given.heading, ""] if given.heading.strip() else []
    return Text(text="\n".join([*heading, *shown, *more]), count=len(found))
