"""An Adaptive Card as lines of text with numbered buttons and inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rich.text import Text

from bot.cli.chat.control import Button, ButtonKind, Control, Input
from bot.cli.chat.text import shown

_COLOURS = {"Good": "green", "Attention": "red", "Warning": "yellow", "Accent": "cyan"}
_GAPS = {"Medium", "Large", "ExtraLarge"}
_ICON = 3
_KINDS: dict[str, ButtonKind] = {"Action.Execute": "send", "Action.Submit": "send", "Action.OpenUrl": "open"}


@dataclass(frozen=True)
class Line:
    """One paragraph of a card.

    Attributes:
        hang: How far its further lines are moved in when it is too long for one.
        gap: It is set off from the one above.
    """

    text: Text
    indent: int = 0
    hang: int = 0
    gap: bool = False

    def moved(self, by: int) -> Line:
        """The same further in."""
        return replace(self, indent=self.indent + by)


@dataclass
class Drawing:
    """Draws one card.

    Args:
        message: Id of the message that holds it.
        number: Gives a control its number.
        values: Input id => what the person has put in so far.
        toggled: Ids of elements whose visibility the person has turned round.
    """

    message: str
    number: Callable[[Control], int]
    values: Mapping[str, str] = field(default_factory=dict)
    toggled: frozenset[str] = frozenset()
    inputs: list[Input] = field(default_factory=list)
    _choices: Sequence[tuple[str, str]] = ()
    _part: str = ""

    def card(self, card: Mapping[str, Any]) -> list[Line]:
        """The whole card, top to bottom."""
        lines = self._all(card.get("body", ()))
        buttons = card.get("actions") or ()
        if actions := self._actions(buttons):
            lines.append(replace(actions, gap=True))
        lines += self._unfolded(buttons)
        return lines or [Line(Text(shown(card.get("fallbackText") or card.get("speak") or "(an empty card)")))]

    def _all(self, elements: Iterable[Any]) -> list[Line]:
        return [line for each in elements if isinstance(each, dict) for line in self._spaced(each)]

    def _spaced(self, element: Mapping[str, Any]) -> list[Line]:
        lines = self._element(element)
        apart = element.get("spacing") in _GAPS or element.get("separator")
        if lines and (apart or (element.get("type") == "ActionSet" and not element.get("spacing"))):
            lines[0] = replace(lines[0], gap=True)
        return lines

    def _element(self, element: Mapping[str, Any]) -> list[Line]:
        hidden = element.get("isVisible") is False
        if hidden != (element.get("id") in self.toggled):
            return []
        match str(element.get("type", "")):
            case "TextBlock":
                return _lines(_styled(element, shown(element.get("text", ""), markdown=True)))
            case "RichTextBlock":
                return _lines(Text().join(_run(run) for run in element.get("inlines", ())))
            case "FactSet":
                return _facts(element.get("facts", ()))
            case "Container" | "Column" | "TableCell" | "Carousel" | "CarouselPage":
                return self._all(element.get("items") or element.get("pages") or ())
            case "ColumnSet":
                return self._columns([self._element(each) for each in element.get("columns", ())])
            case "Table":
                return [line for row in element.get("rows", ()) for line in self._row(row)]
            case "ActionSet":
                line = self._actions(element.get("actions", ()))
                return [*([line] if line else []), *self._unfolded(element.get("actions", ()))]
            case "Image" | "Media":
                return [Line(Text(f"({shown(alt)})", "dim"))] if (alt := element.get("altText")) else []
            case kind if kind.startswith("Input.") and element.get("id"):
                return self._input(Input.of(self.message, element, self._part))
            case kind:
                return self._fallback(kind, element)

    def _fallback(self, kind: str, element: Mapping[str, Any]) -> list[Line]:
        instead = element.get("fallback")
        if isinstance(instead, dict):
            return self._element(instead)
        return [] if instead == "drop" else [Line(Text(f"(a part that a terminal cannot show: {shown(kind)})", "dim"))]

    def _row(self, row: Mapping[str, Any]) -> list[Line]:
        return self._columns([self._element({"type": "TableCell", **cell}) for cell in row.get("cells", ())])

    @staticmethod
    def _columns(columns: Sequence[list[Line]]) -> list[Line]:
        """Side by side if each is one line, an icon before its text, else one below the other."""
        filled = [column for column in columns if column]
        if len(filled) > 1 and all(len(column) == 1 for column in filled):
            gap = Text(" " if len(filled[0][0].text) < _ICON else "  ")
            return [Line(gap.join(column[0].text for column in filled))]
        if len(filled) == 2 and len(filled[0]) == 1 and len(filled[0][0].text) < _ICON:
            icon, (first, *rest) = filled[0][0].text, filled[1]
            return [Line(Text(" ").join((icon, first.text))), *(line.moved(2) for line in rest)]
        return [line for column in filled for line in column]

    def _actions(self, actions: Iterable[Mapping[str, Any]]) -> Line | None:
        shown_buttons = [self._button(each) for each in actions if each.get("isEnabled") is not False]
        return Line(Text("   ").join(shown_buttons)) if shown_buttons else None

    def _unfolded(self, actions: Iterable[Mapping[str, Any]]) -> list[Line]:
        """The cards that buttons have unfolded."""
        lines: list[Line] = []
        for action in actions:
            if action.get("type") == "Action.ShowCard" and action.get("id") in self.toggled:
                self._part = str(action["id"])
                lines += [line.moved(2) for line in self.card(action.get("card") or {})]
                self._part = ""
        return lines

    def _button(self, action: Mapping[str, Any]) -> Text:
        kind = _KINDS.get(str(action.get("type", "")), "reveal")
        button = Button(self.message, kind, shown(action.get("title") or "…"), action, self._part)
        return Text.assemble((f"[{self.number(button)}]", "bold cyan"), " ", (button.title, "bold"))

    def _input(self, asked: Input) -> list[Line]:
        self.inputs.append(asked)
        now = asked.said(self.values.get(asked.id, asked.value))
        label = asked.label.rstrip(":")
        line = Text.assemble((f"[{self.number(asked)}]", "bold yellow"), f" {label}: ", (now or "(empty)", "bold"))
        if not asked.choices or asked.choices == self._choices:
            return [Line(line)]
        self._choices = asked.choices
        options = " · ".join(f"{number} {title}" for number, (_, title) in enumerate(asked.choices, 1))
        return [Line(line), Line(Text(options, "dim"), indent=4)]


def _lines(text: Text) -> list[Line]:
    return [Line(part) for part in text.split("\n")] if text.plain.strip() else []


def _run(run: Any) -> Text:
    return _styled(run, shown(run.get("text", ""))) if isinstance(run, dict) else Text(shown(run))


def _styled(element: Mapping[str, Any], text: str) -> Text:
    heavy = element.get("weight") == "Bolder" or element.get("style") == "heading"
    words = ["bold"] if heavy else []
    words += ["dim"] if element.get("isSubtle") else []
    words += ["italic"] if element.get("italic") else []
    words += [_COLOURS[colour]] if (colour := str(element.get("color"))) in _COLOURS else []
    return Text(text, " ".join(words))


def _facts(facts: Iterable[Mapping[str, Any]]) -> list[Line]:
    pairs = [
        (shown(each.get("title", ""), markdown=True), shown(each.get("value", ""), markdown=True)) for each in facts
    ]
    wide = min(max((len(title) for title, _ in pairs), default=0), 24)
    return [Line(Text.assemble((title.ljust(wide), "dim"), "  ", value), hang=wide + 2) for title, value in pairs]
