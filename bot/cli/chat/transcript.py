"""What one chat shows: messages, their cards as they are now, and what is new after an update."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rich.text import Text

from bot.cli.chat.control import Input, Numbers
from bot.cli.chat.drawing import Drawing, Line
from bot.cli.chat.text import shown, still

CARD = "application/vnd.microsoft.card.adaptive"
# An update that leaves less than this part of a card standing is drawn whole.
_KEPT = 0.2


@dataclass
class Message:
    """One message of the bot, as it is now."""

    id: str
    activity: Mapping[str, Any]
    values: dict[str, str] = field(default_factory=dict)
    toggled: set[str] = field(default_factory=set)
    lines: list[Line] = field(default_factory=list)
    inputs: list[Input] = field(default_factory=list)


@dataclass(frozen=True)
class News:
    """What to print.

    Attributes:
        whole: These lines are the whole message; otherwise what changed in it.
        title: Its first line.
    """

    lines: Sequence[Line]
    whole: bool
    title: str


class Transcript:
    """All messages by id."""

    def __init__(self) -> None:
        self.numbers = Numbers()
        self.ticking = ""
        self._messages: dict[str, Message] = {}

    def message(self, id_: str) -> Message | None:
        """The message with this id."""
        return self._messages.get(id_)

    def post(self, id_: str, activity: Mapping[str, Any]) -> News:
        """A new message."""
        message = self._messages[id_] = Message(id_, activity)
        return self._whole(message)

    def update(self, id_: str, activity: Mapping[str, Any]) -> News | None:
        """An earlier message as it is now; None if a person would see no difference, or only a clock go on."""
        message = self._messages.get(id_)
        if message is None:
            return self.post(id_, activity)
        before = message.lines
        message.activity = activity
        self._draw(message)
        self.ticking = _ticking(before, message.lines)
        changed = _changed(before, message.lines)
        kept = len(message.lines) - len(changed)
        if not changed and len(before) <= len(message.lines):
            return None
        if not changed or kept < len(message.lines) * _KEPT or _title(before) != _title(message.lines):
            return self._whole(message, drawn=True)
        return News([replace(line, gap=False) for line in changed], whole=False, title=_title(message.lines))

    def replace_card(self, id_: str, card: Mapping[str, Any]) -> News | None:
        """The card that answers a press takes the place of the one that was pressed."""
        return self.update(id_, {"attachments": [{"contentType": CARD, "content": card}]})

    def toggle(self, id_: str, elements: Sequence[str]) -> News:
        """Show what was hidden, and hide what was shown; returns what came to light."""
        message = self._messages[id_]
        before = message.lines
        message.toggled ^= set(elements)
        self._draw(message)
        return News(_changed(before, message.lines), whole=False, title=_title(message.lines))

    def put(self, asked: Input, value: str) -> str:
        """Fill in an input; returns how its line reads now."""
        message = self._messages[asked.message]
        message.values[asked.id] = value
        self._draw(message)
        return f"[{self.numbers.of(asked)}] {asked.label.rstrip(':')}: {asked.said(value) or '(empty)'}"

    def filled(self, id_: str, part: str = "") -> tuple[dict[str, str], list[str]]:
        """The values of a message's inputs that a button in some part of it sends, and what is missing."""
        message = self._messages[id_]
        sent = [each for each in message.inputs if each.part in ("", part)]
        values = {each.id: message.values.get(each.id, each.value) for each in sent}
        return values, [each.required for each in sent if each.required and not values[each.id]]

    def again(self) -> list[News]:
        """Every message that can still be acted on, oldest first."""
        return [self._whole(each, drawn=True) for each in self._messages.values() if self._acts(each)]

    def _acts(self, message: Message) -> bool:
        return bool(self.numbers.open_in(message.id))

    def _whole(self, message: Message, *, drawn: bool = False) -> News:
        if not drawn:
            self._draw(message)
        return News(message.lines, whole=True, title=_title(message.lines))

    def _draw(self, message: Message) -> None:
        self.numbers.close(message.id)
        lines: list[Line] = []
        inputs: list[Input] = []
        if text := message.activity.get("text"):
            lines += [Line(Text(part)) for part in shown(text).split("\n")]
        for attachment in message.activity.get("attachments") or ():
            if isinstance(attachment, dict):
                lines += self._attached(message, attachment, inputs)
        message.lines, message.inputs = lines, inputs

    def _attached(self, message: Message, attachment: Mapping[str, Any], inputs: list[Input]) -> list[Line]:
        card = attachment.get("content")
        if attachment.get("contentType") != CARD or not isinstance(card, dict):
            return [Line(Text(f"(an attachment: {shown(attachment.get('contentType'))})", "dim"))]
        drawing = Drawing(message.id, self.numbers.of, message.values, frozenset(message.toggled))
        try:
            lines = drawing.card(card)
        except (AttributeError, KeyError, TypeError, ValueError):
            return [Line(Text(shown(card.get("fallbackText") or "(a card that cannot be read)")))]
        inputs += drawing.inputs
        return lines


def _title(lines: Sequence[Line]) -> str:
    return lines[0].text.plain if lines else ""


def _changed(before: Sequence[Line], after: Sequence[Line]) -> list[Line]:
    """Lines that were not there before, running clocks aside, each below the line that says what it is about."""
    old = Counter(still(line.text.plain) for line in before)
    new: list[Line] = []
    above: Line | None = None
    for line in after:
        text = still(line.text.plain)
        if not line.indent:
            above = line
        if old[text]:
            old[text] -= 1
            continue
        if line.indent and above is not None and above not in new:
            new.append(above)
        new.append(line)
    return new


def _ticking(before: Sequence[Line], after: Sequence[Line]) -> str:
    """The title and the lines on which only a clock goes on, for a terminal that can show them in place."""
    old = {line.text.plain for line in before}
    known = {still(text) for text in old}
    texts = [line.text.plain for line in after]
    running = [text.strip() for text in texts if text not in old and still(text) in known]
    return "  |  ".join([_title(after), *running]) if running else ""
