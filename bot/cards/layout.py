"""The pieces every card is laid out with, and the one way a card is finished."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple, TypeVar

from microsoft_teams.cards.core import (
    Action,
    ActionSet,
    AdaptiveCard,
    CardElement,
    Column,
    ColumnSet,
    Container,
    Fact,
    FactSet,
    RichTextBlock,
    Spacing,
    TextBlock,
    TextColor,
    TextRun,
)

from bot.cards.buttons import rows
from bot.cards.moments import month_name, month_names
from bot.cards.wording import escaped, plain
from bot.language import say
from orchestration.core.view import RunView

_Room = TypeVar("_Room")
Tone = Literal["neutral", "good", "warning", "attention"]

# Teams takes 28 KB; the rest is for the activity around the card.
LIMIT_BYTES = 26_000
MOST_FACTS = 12
_SHORT = 200
_INSTANT = re.compile(r"\{\{(?:DATE|TIME)\([^(){}]*\)\}\}")  # as `moments` writes them
_NAMED = re.compile(r"\{(\w+)\}")


class Mark(NamedTuple):
    """A state as an icon; the colour only repeats what that says, and the words beside it.

    Attributes:
        word: What it means, if nothing else says so.
    """

    icon: str
    color: TextColor = "Default"
    word: str = ""


TONES: dict[Tone, Mark] = {
    "neutral": Mark(""),
    "good": Mark("✓", "Good"),
    "warning": Mark("!", "Attention"),
    "attention": Mark("✕", "Attention"),
}


# What stands between two runs.
GAP = TextRun(text=" ")


def words(text: object, limit: int = 300, *, bold: bool = False, subtle: bool = False, italic: bool = False) -> TextRun:
    """A run of text in which nothing is read as Markdown."""
    return TextRun(
        text=plain(text, limit), weight="Bolder" if bold else None, is_subtle=subtle or None, italic=italic or None
    )


def moment(text: str, *, subtle: bool = True) -> TextRun:
    """A run holding one of `moments.local`'s instants or a separator; for the card's own text only."""
    return TextRun(text=text, is_subtle=subtle or None)


def woven(sentence: str, **parts: TextRun | str) -> list[TextRun]:
    """The runs of a sentence in which some `{names}` stand for runs of their own, such as bold ones.

    Args:
        sentence: As `say` gives it without values.
        parts: Name => run, or text that stands as it is.
    """
    runs: list[TextRun] = []
    text = ""
    for place, piece in enumerate(_NAMED.split(sentence)):
        part = parts[piece] if place % 2 else piece
        if isinstance(part, str):
            text += part
            continue
        runs += [*_parted(text), part]
        text = ""
    return [*runs, *_parted(text)]


def _parted(text: str) -> list[TextRun]:
    """A run of text; the blanks around it are runs of their own, since clients leave out those at an edge."""
    said = [words(text, 400)] if text.strip() else []
    return [*([GAP] if text[:1] == " " else []), *said, *([GAP] if said and text[-1:] == " " else [])]


def line(*runs: TextRun, spacing: Spacing | None = None, separator: bool = False) -> RichTextBlock:
    """A paragraph of runs."""
    return RichTextBlock(inlines=list[CardElement](runs), spacing=spacing, separator=separator or None)


def note(text: object, limit: int = 300, *, spacing: Spacing | None = "Small") -> RichTextBlock:
    """A quiet paragraph."""
    return line(words(text, limit, subtle=True), spacing=spacing)


def dotted(parts: Iterable[TextRun]) -> list[TextRun]:
    """Runs parted by middle dots; empty ones are left out."""
    runs: list[TextRun] = []
    for part in parts:
        if part.text:
            runs += [moment(" · "), part] if runs else [part]
    return runs


def section(title: str) -> TextBlock:
    """The heading of a part of a card; for the card's own words."""
    return TextBlock(text=title, weight="Bolder", wrap=True, spacing="Medium")


def header(title: str, subtitle: str = "") -> list[CardElement]:
    """What every card begins with: a heading and, in one quiet line, what it is about and for whom."""
    heading = TextBlock(text=escaped(title, 160), style="heading", size="Large", weight="Bolder", wrap=True)
    return [heading, note(subtitle, 200, spacing="None")] if subtitle else [heading]


def about(run: RunView) -> str:
    """The second line of a run's cards: `October 2026 · for Megan Bowen`; of a dry run it says first that it is one."""
    month = next(filter(month_name, run.params.values()), None)
    # The title is in the language of the plan, which need not be the reader's.
    named = any(name in run.title for name in month_names(month))
    parts = [month_name(month)] if month and not named else []
    rehearsed = [dry()] if run.dry else []
    return " · ".join([*rehearsed, *parts, say("for {person}", person=plain(run.initiator.name, 80))])


def dry() -> str:
    """What the cards of a dry run say first."""
    return say("Dry run, nothing is written")


def marked(
    mark: Mark, runs: Sequence[TextRun], below: Sequence[CardElement] = (), *, spacing: Spacing | None = None
) -> ColumnSet:
    """An icon and, beside it, a line with anything that belongs below that line."""
    icon = TextBlock(text=mark.icon, color=mark.color, weight="Bolder", horizontal_alignment="Center")
    return ColumnSet(
        spacing=spacing,
        columns=[
            Column(width="20px", items=[icon]),
            Column(width="stretch", spacing="Small", items=[line(*runs), *below]),
        ],
    )


def banner(mark: Mark, runs: Sequence[TextRun]) -> Container:
    """A marked line that stands out: how something ended.

    On the quiet shade, not on a coloured one: not every client's colours can be read in the dark theme.
    """
    return Container(style="emphasis", spacing="Medium", items=[marked(mark, runs)])


def facts(
    pairs: Sequence[tuple[str, str]], *, most: int = MOST_FACTS, limit: int = 200, spacing: Spacing | None = "Small"
) -> list[CardElement]:
    """(label, value) lines; beyond `most` it says how many are left out. Empty for no pairs; no value, no line."""
    pairs = [pair for pair in pairs if pair[1].strip()]
    if not pairs:
        return []
    shown = [Fact(title=escaped(label, 60), value=escaped(value, limit)) for label, value in pairs[:most]]
    listing: list[CardElement] = [FactSet(facts=shown, spacing=spacing)]
    return (
        [*listing, note(say("and {count} more not shown here", count=len(pairs) - most))]
        if len(pairs) > most
        else listing
    )


def contents(pairs: Sequence[tuple[str, str]]) -> list[CardElement]:
    """(label, value) lines of what somebody is about to allow: all of it, long values with their own lines, in a box.

    The box keeps what is inside from passing for a line of the card. Nothing is left out or cut for want of room.
    """
    long = [pair for pair in pairs if len(pair[1]) > _SHORT or "\n" in pair[1].strip()]
    body = facts([pair for pair in pairs if pair not in long], most=len(pairs), limit=2 * _SHORT, spacing="Medium")
    for label, value in long:
        lines = value.strip().splitlines()
        shown: list[CardElement] = []
        for place, each in enumerate(lines):
            if each.strip():
                after_gap = place > 0 and not lines[place - 1].strip()
                # Twice its length: braces that would be read as a macro are parted.
                shown.append(line(words(each, 2 * len(each)), spacing="Medium" if after_gap else "None"))
        heading = TextBlock(text=escaped(label, 60), weight="Bolder", wrap=True, spacing="Medium")
        body += [heading, Container(style="emphasis", spacing="Small", items=shown)]
    return body


def bullets(title: str, entries: Sequence[str], *, most: int = 10) -> list[CardElement]:
    """A small heading with one short line for each entry; empty for no entries."""
    if not entries:
        return []
    more = [note(say("and {count} more", count=len(entries) - most), spacing="None")] if len(entries) > most else []
    return [
        section(title),
        *(line(moment("•  "), words(entry, 160), spacing="None") for entry in entries[:most]),
        *more,
    ]


def finished(
    body: Sequence[CardElement], actions: Sequence[Action] = (), more: Sequence[Action] = (), *, speak: str
) -> dict[str, Any]:
    """The card as the JSON object that goes on the wire.

    Args:
        body: Top to bottom.
        actions: The buttons at the bottom.
        more: What else may be done, below those.
        speak: The card in one or two sentences: read aloud, and shown by clients that cannot draw the card.
    """
    spoken = plain(speak, 300)
    stacked = [*(rows(actions) or _row(actions)), *(rows(more) or _row(more))] if more else rows(actions)
    card = AdaptiveCard(
        version="1.5",
        body=[*body, *stacked],
        actions=None if stacked else list(actions) or None,
        speak=spoken,
        fallback_text=spoken,
    )
    wire: dict[str, Any] = card.model_dump(by_alias=True, exclude_none=True)
    return wire


def _row(actions: Sequence[Action]) -> list[ActionSet]:
    return [ActionSet(actions=list(actions))] if actions else []


def size_bytes(card: dict[str, Any]) -> int:
    """What the card takes on the wire at worst, with every letter beyond ASCII written as six."""
    return len(json.dumps(card))


def fitted(build: Callable[[_Room], dict[str, Any]], rooms: Iterable[_Room]) -> dict[str, Any]:
    """The first of several ever smaller forms of a card that Teams takes.

    If even the smallest is too large its texts are cut, ever shorter: better a card with short texts than none.

    Args:
        build: Makes the card for an amount of room, such as a number of items.
        rooms: The amounts to try, largest first; at least one.
    """
    card: dict[str, Any] = {}
    for room in rooms:
        card = build(room)
        if size_bytes(card) <= LIMIT_BYTES:
            return card
    return _shortened(card)


def uncut(build: Callable[[_Room], dict[str, Any]], rooms: Iterable[_Room]) -> dict[str, Any] | None:
    """The first of several ever smaller forms of a card that Teams takes; None if it takes none."""
    return next((card for card in map(build, rooms) if size_bytes(card) <= LIMIT_BYTES), None)


def _shortened(card: dict[str, Any]) -> dict[str, Any]:
    for length in (120, 60, 30, 12):
        card = _cut(card, length)
        if size_bytes(card) <= LIMIT_BYTES:
            break
    return card


def _cut(part: Any, length: int) -> Any:
    """The same card with every text that people read cut to a length; what machines read stays whole."""
    if isinstance(part, list):
        return [_cut(entry, length) for entry in part]
    if not isinstance(part, dict):
        return part
    readable = {"text", "title", "label", "placeholder", "speak", "fallbackText"} | (
        {"value"} if "type" not in part and "title" in part else set()
    )
    cut = {}
    for key, value in part.items():
        if key == "data":
            cut[key] = value
        elif key in readable and isinstance(value, str) and len(without := _INSTANT.sub("", value)) > length:
            # Half an instant would be read as text. An escape must not lose the letter it stands for.
            cut[key] = without[: length - 1].rstrip("\\") + "…"
        else:
            cut[key] = _cut(value, length)
    return cut
