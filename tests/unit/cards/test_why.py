"""“Why?” on the decision card: the reasons of an item, and what was decided about its like before."""

from __future__ import annotations

from typing import Any

import msgspec

from bot import cards
from bot.cards.layout import LIMIT_BYTES, size_bytes
from orchestration.core.question import Item
from tests.support.cards import samples as s
from tests.support.cards.hostile import EVERYTHING
from tests.support.cards.schema import elements

REASONS = [
    ("Rule", "amounts may differ by 0.00 EUR, here it is 270.00 EUR"),
    ("Register", "Register.xlsx, 2026-10, row 17"),
]
BEFORE = ("As in September", "SAP is right")


def item(number: int = 0, **changes: Any) -> Item:
    made = Item(f"i{number}", "amount", f"INV-{number}: amount differs", [("SAP", "1.00 EUR")], 100.0 - number, REASONS)
    return msgspec.structs.replace(made, **changes)


def card(*items: Item) -> dict[str, Any]:
    return cards.decision(s.WAITING, s.OPEN, s.shown_items(list(items)), s.ALEX)


def parts(drawn: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [part for _, part in elements(drawn["body"]) if part.get("type") == kind]


def whys(drawn: dict[str, Any]) -> list[str]:
    """What each “Why?” shows or hides."""
    return [
        part["targetElements"][0] for part in parts(drawn, "Action.ToggleVisibility") if part.get("title") == "Why?"
    ]


def hidden(drawn: dict[str, Any], name: str) -> str:
    (found,) = (part for part in parts(drawn, "Container") if part.get("id") == name)
    assert found["isVisible"] is False
    return str(found)


def answers(drawn: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {part["id"]: part for part in parts(drawn, "Input.ChoiceSet")}


def test_why_shows_rule_and_source_rows_of_its_own_item() -> None:
    other = item(1, why=[("Rule", "dates may be 3 days apart, here it is 9")])
    drawn = card(item(), other)
    first, second = whys(drawn)
    assert "270.00 EUR" in hidden(drawn, first)
    assert "Register.xlsx, 2026-10, row 17" in hidden(drawn, first)
    assert "3 days apart" in hidden(drawn, second)


def test_an_item_without_reasons_has_no_why() -> None:
    assert whys(card(item(why=[]))) == []


def test_what_was_decided_before_is_preset_and_said() -> None:
    drawn = card(item(why=[BEFORE, *REASONS]), item(1))
    before, fresh = answers(drawn)["item:i0"], answers(drawn)["item:i1"]
    assert (before["value"], before["label"]) == ("sap", "Answer for this one (as in September)")
    assert (fresh.get("value"), fresh["label"]) == (None, "Answer for this one")
    assert "1 answer is preset as before" in str(drawn)


def test_a_decision_that_cannot_be_chosen_now_is_only_told() -> None:
    drawn = card(item(why=[("As in September", "Navision is right")]))
    assert answers(drawn)["item:i0"].get("value") is None
    assert "preset" not in str(drawn)
    assert "Navision is right" in hidden(drawn, whys(drawn)[0])


def test_a_full_card_keeps_its_twenty_answers_and_as_many_reasons_as_fit_the_largest_first() -> None:
    long = [*REASONS, ("SAP", "x" * 150), ("Dynamics", "y" * 150)]
    drawn = card(*(item(number, why=long) for number in range(40)))
    assert size_bytes(drawn) <= LIMIT_BYTES
    assert len([name for name in answers(drawn) if name.startswith("item:")]) == 20
    shown = whys(drawn)
    assert 3 <= len(shown) < 20
    assert shown == [f"why{place}" for place in range(len(shown))]
    assert f"is there for the {len(shown)} largest" in str(drawn)
    others = [choice["value"] for choice in answers(drawn)["why"]["choices"]]
    assert others == [f"i{number}" for number in range(len(shown), 20)], "the others' reasons can be asked for"


def test_every_reason_on_the_card_leaves_none_to_ask_for() -> None:
    assert "why" not in answers(card(item(), item(1)))


def test_the_reasons_of_one_item_stand_on_a_card_of_their_own() -> None:
    drawn = cards.reasons(s.WAITING, s.OPEN, item(why=[(EVERYTHING, EVERYTHING)] * 30))
    assert size_bytes(drawn) <= LIMIT_BYTES
    plain_card = str(cards.reasons(s.WAITING, s.OPEN, item()))
    assert "270.00 EUR" in plain_card
    assert "Register.xlsx, 2026-10, row 17" in plain_card


def test_hostile_reasons_make_no_card_that_teams_refuses() -> None:
    nasty = [(EVERYTHING, EVERYTHING)] * 30
    drawn = card(*(item(number, why=nasty) for number in range(25)))
    assert size_bytes(drawn) <= LIMIT_BYTES
