"""Cards as text: everything that can be read can be read, and everything that can be done has a number."""

from __future__ import annotations

from typing import Any

import pytest

from bot.cli.chat.control import Button, Input, Numbers
from bot.cli.chat.drawing import Drawing
from tests.support.cards.samples import SAMPLES


def drawn(*body: dict[str, Any], actions: list[dict[str, Any]] | None = None, **more: Any) -> list[str]:
    numbers = Numbers()
    drawing = Drawing("m1", numbers.of, **more)
    lines = drawing.card({"type": "AdaptiveCard", "body": list(body), "actions": actions or []})
    return [" " * line.indent + line.text.plain for line in lines]


def words(card: Any) -> set[str]:
    """Every text that a client with pictures would show at first."""
    if isinstance(card, list):
        return {word for each in card for word in words(each)}
    if not isinstance(card, dict) or card.get("isVisible") is False:
        return set()
    here = {card["text"]} if card.get("type") in ("TextBlock", "TextRun") and card.get("text") else set()
    inside = (each for key, each in card.items() if key not in ("fallback", "data", "card"))
    return here | {word for each in inside for word in words(each)}


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_all_that_a_card_says_is_drawn(name: str) -> None:
    card = SAMPLES[name]()
    text = "\n".join(drawn(*card["body"], actions=card.get("actions")))

    said = [word for word in words(card["body"]) if "\\" not in word and "{{" not in word]

    assert said
    assert [word for word in said if word.strip() not in text] == []


def test_a_change_of_a_plan_reads_line_by_line_and_is_answered_by_number() -> None:
    card = SAMPLES["change"]()

    lines = drawn(*card["body"])

    for line in ("⊕ New: Tell Adele · Write", "⊖ Left out: Post into a channel · Write", "[1] Change the plan"):
        assert any(each.startswith(line) for each in lines)


def test_buttons_and_inputs_are_numbered_from_the_top() -> None:
    rule = {"type": "Input.ChoiceSet", "id": "rule:amount", "label": "Different amounts (5)", "value": "sap"}
    rule["choices"] = [{"title": "SAP is right", "value": "sap"}, {"title": "Investigate", "value": "look"}]
    comment = {"type": "Input.Text", "id": "comment", "label": "Comment (optional)"}

    lines = drawn(rule, comment, actions=[{"type": "Action.Execute", "title": "Send", "verb": "v"}])

    assert lines == [
        "[1] Different amounts (5): SAP is right",
        "    1 SAP is right · 2 Investigate",
        "[2] Comment (optional): (empty)",
        "[3] Send",
    ]


def test_an_icon_stands_before_its_text_and_details_below_it() -> None:
    def column(*texts: str) -> dict[str, Any]:
        return {"type": "Column", "items": [{"type": "TextBlock", "text": text} for text in texts]}

    assert drawn({"type": "ColumnSet", "columns": [column("✓"), column("Read", "Done")]}) == ["✓ Read", "  Done"]


def test_what_is_hidden_is_shown_once_it_was_toggled() -> None:
    hidden = {"type": "Container", "id": "more", "isVisible": False, "items": [{"type": "TextBlock", "text": "more"}]}

    assert "more" not in "\n".join(drawn(hidden))
    assert drawn(hidden, toggled=frozenset({"more"})) == ["more"]


def test_a_button_unfolds_a_card_and_folds_it_again() -> None:
    what = {"type": "Input.Text", "id": "what", "label": "What?"}
    send = {"type": "Action.Execute", "title": "Ask", "verb": "v"}
    unfold = {"type": "Action.ShowCard", "id": "ask", "title": "Ask Megan", "card": {"body": [what], "actions": [send]}}

    assert drawn({"type": "ActionSet", "actions": [unfold]}) == ["[1] Ask Megan"]
    unfolded = ["[1] Ask Megan", "  [2] What?: (empty)", "  [3] Ask"]
    assert drawn({"type": "ActionSet", "actions": [unfold]}, toggled=frozenset({"ask"})) == unfolded
    assert drawn(actions=[unfold], toggled=frozenset({"ask"})) == unfolded


def test_nothing_in_a_card_acts_on_the_terminal() -> None:
    evil = "\x1b[2J\x1b]0;owned\x07\u202egnihsihp\u200b\rover"
    facts = {"type": "FactSet", "facts": [{"title": evil, "value": evil}]}
    button = {"type": "Action.Execute", "title": evil, "verb": "v"}
    text = {"type": "Input.Text", "id": "i", "label": evil, "placeholder": evil}

    lines = "\n".join(drawn({"type": "TextBlock", "text": evil}, facts, text, actions=[button]))

    assert not {"\x1b", "\x07", "\u202e", "\u200b", "\r"} & set(lines)
    assert "[2J]0;ownedgnihsihpover" in lines


def test_escapes_of_markdown_are_not_shown_and_instants_are_local(monkeypatch: pytest.MonkeyPatch) -> None:
    text = r"5 \* 3 \_ok\_ since {{DATE(2026-11-22T10:00:00Z,SHORT)}}"

    assert drawn({"type": "TextBlock", "text": text}) == ["5 * 3 _ok_ since 2026-11-22"]


def test_what_a_terminal_cannot_show_is_named_or_replaced() -> None:
    assert drawn({"type": "Chart.Donut"}) == ["(a part that a terminal cannot show: Chart.Donut)"]
    assert drawn({"type": "Chart.Donut", "fallback": {"type": "TextBlock", "text": "12 %"}}) == ["12 %"]


def test_numbers_stay_through_updates_and_are_never_used_twice() -> None:
    numbers = Numbers()

    def button(title: str) -> Button:
        return Button("m", "send", title, {"verb": "v", "data": {"to": title}})

    assert [numbers.of(button("Start")), numbers.of(button("Cancel"))] == [1, 2]
    numbers.close("m")
    assert numbers.of(button("Cancel")) == 2
    assert numbers.of(button("Stop")) == 3
    assert numbers.find(1) is None
    assert numbers.known(1)


@pytest.mark.parametrize(
    ("typed", "value"), [("2", "look"), ("investigate", "look"), ("SAP IS RIGHT", "sap"), ("-", "")]
)
def test_a_choice_is_made_by_number_or_title(typed: str, value: str) -> None:
    asked = Input("m", "i", "ChoiceSet", "Rule", "sap", [("sap", "SAP is right"), ("look", "Investigate")])

    assert asked.read(typed) == (value, "")


@pytest.mark.parametrize("typed", ["0", "3", "-1", "nonsense", ""])
def test_what_is_no_choice_is_answered_with_the_choices(typed: str) -> None:
    asked = Input("m", "i", "ChoiceSet", "Rule", "sap", [("sap", "SAP is right"), ("look", "Investigate")])

    assert asked.read(typed) == ("", "Choose by number: 1 SAP is right · 2 Investigate")


def test_several_may_be_chosen_where_the_card_allows_it() -> None:
    asked = Input("m", "i", "ChoiceSet", "Rule", "", [("a", "A"), ("b", "B"), ("c", "C")], many=True)

    assert asked.read("1, 3") == ("a,c", "")
    assert asked.said("a,c") == "A, C"


def test_a_text_that_is_too_long_is_named() -> None:
    assert Input("m", "i", "Text", "Comment", "", longest=3).read("four")[1].startswith("Comment: at most 3 characters")
