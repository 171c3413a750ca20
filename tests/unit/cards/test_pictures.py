"""Microsoft's own renderer draws every card without complaint, and sends what people choose."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.support.cards.render import WIDTHS, draw, missing, page
from tests.support.cards.samples import ITEMS, SAMPLES

pytestmark = [pytest.mark.skipif(bool(missing()), reason=missing()), pytest.mark.xdist_group("cards-pictures")]


@pytest.fixture(scope="module")
def drawing() -> Iterator[Page]:
    with page() as opened:
        yield opened


@pytest.mark.parametrize("name", SAMPLES)
def test_every_card_is_drawn_without_complaint_at_every_width(drawing: Page, name: str) -> None:
    for look in WIDTHS:
        drawn = draw(drawing, SAMPLES[name](), look)
        assert drawn.complaints == []
        assert drawn.text.strip()
        wider = drawing.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{name} does not fit a {look} card"


def test_a_phone_shows_the_whole_title_of_every_button(drawing: Page) -> None:
    for name, sample in SAMPLES.items():
        draw(drawing, sample(), "phone")
        cut = drawing.evaluate(
            "[...document.querySelectorAll('.ac-pushButton, .ac-pushButton *')]"
            ".filter(each => each.scrollWidth > each.clientWidth + 1 && each.clientWidth).map(each => each.innerText)"
        )
        assert cut == [], name


def test_send_decisions_sends_rules_exceptions_and_comment(drawing: Page) -> None:
    draw(drawing, SAMPLES["decision"]())
    drawing.get_by_label("Different amounts").select_option("SAP is right")
    drawing.get_by_label("Answer for this one").first.select_option("Register is right")
    drawing.get_by_label("Comment").fill("checked by telephone")
    drawing.get_by_role("button", name="Send decisions").click()
    sent = drawing.evaluate("window.sent")
    heaviest = max(ITEMS, key=lambda item: item.weight)
    assert sent["rule:amount"] == "sap"
    assert sent["rule:missing"] == "investigate"
    assert {key: value for key, value in sent.items() if key.startswith("item:") and value} == {
        f"item:{heaviest.id}": "register"
    }
    assert sent["comment"] == "checked by telephone"
    assert sent["approval"] == "decide.1"


def test_the_folded_items_can_be_opened(drawing: Page) -> None:
    draw(drawing, SAMPLES["decision"]())
    assert drawing.get_by_label("Answer for this one").nth(6).is_hidden()
    drawing.get_by_role("button", name="Show or hide 14 more").click()
    assert drawing.get_by_label("Answer for this one").nth(18).is_visible()
