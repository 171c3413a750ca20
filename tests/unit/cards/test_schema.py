"""Every card is valid, however much or little is in it."""

from __future__ import annotations

import copy
import json

import pytest

from tests.support.cards.hostile import HOSTILE
from tests.support.cards.samples import SAMPLES
from tests.support.cards.schema import problems


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_is_valid_by_the_official_schema_and_small_enough(name: str) -> None:
    assert problems(SAMPLES[name]()) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_every_card_stays_valid_and_small_with_hostile_and_endless_content(name: str) -> None:
    assert problems(HOSTILE[name]()) == []


def test_samples_are_plain_json() -> None:
    for sample in SAMPLES.values():
        card = sample()
        assert json.loads(json.dumps(card)) == card


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda card: card["body"][0].update(weigth="Bolder"), "no property 'weigth'"),
        (lambda card: card["body"][0].update(weight="Heavy"), "Heavy"),
        (lambda card: card["body"].append({"type": "TextBlok", "text": "x"}), "no element 'TextBlok'"),
        (lambda card: card["body"].append({"type": "Input.Text", "id": "x"}), "without a label"),
        (lambda card: card["actions"][0].pop("fallback"), "to fall back on"),
        (lambda card: card["actions"][0]["data"].update(run_id="other"), "sends something else"),
        (lambda card: card["body"].append({"type": "Image", "url": "https://x.example/a.png"}), "picture"),
        (
            lambda card: card["body"].append({"type": "TextBlock", "text": "x" * 30_000, "wrap": True}),
            "more than Teams",
        ),
        (lambda card: card.pop("speak"), "no speak"),
    ],
)
def test_the_check_itself_finds(change, complaint: str) -> None:
    card = copy.deepcopy(SAMPLES["plan"]())
    change(card)
    assert any(complaint in problem for problem in problems(card)), problems(card)
