"""Every card in German: valid, whole, and without a word of English but what plans, workers and people wrote."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import cards
from bot.language import speaking
from tests.support.cards import planning, samples
from tests.support.cards.hostile import HOSTILE
from tests.support.cards.samples import SAMPLES
from tests.support.cards.schema import elements, problems

_READ = ("text", "title", "value", "label", "placeholder", "speak", "fallbackText", "errorMessage")
_WORD = re.compile(r"[^\W\d_]+")


def german(name: str) -> dict[str, Any]:
    with speaking("de-DE"):
        return SAMPLES[name]()


def texts(card: dict[str, Any]) -> Iterator[str]:
    """All that people read on a card."""
    for _, part in elements(card):
        for key in _READ:
            if isinstance(part.get(key), str):
                yield part[key]


def data() -> list[str]:
    """What the samples hold, which is somebody else's text: the longest first."""
    trees = [ast.parse(Path(str(each.__file__)).read_text("utf-8")) for each in (samples, planning)]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    written = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return sorted((each for text in written for each in [text, *text.splitlines()] if len(each) > 3), key=len)[::-1]


DATA = re.compile("|".join(re.escape(each.rstrip(".")) for each in data()), re.IGNORECASE)


def phrases(card: dict[str, Any]) -> set[str]:
    """Every three words in a row of the card's own text."""
    found: set[str] = set()
    for text in texts(card):
        own = DATA.sub(" | ", text.replace("\\", ""))
        for piece in re.split(r"[|.:;?!“”„()·]", own):
            words = _WORD.findall(piece.lower())
            found |= {" ".join(words[place : place + 3]) for place in range(len(words) - 2)}
    return found


@pytest.mark.parametrize("name", SAMPLES)
def test_every_card_is_valid_in_german(name: str) -> None:
    assert problems(german(name)) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_every_card_stays_valid_and_small_in_german_with_hostile_content(name: str) -> None:
    with speaking("de-DE"):
        assert problems(HOSTILE[name]()) == []


@pytest.mark.parametrize("name", SAMPLES)
def test_no_english_is_left_on_a_german_card(name: str) -> None:
    assert phrases(german(name)) & phrases(SAMPLES[name]()) == set()


def test_the_hunt_finds_english_that_is_left() -> None:
    left = cards.message("Prüfung", "This was not said in German.")
    assert "not said in" in phrases(left) & phrases(left)
    assert len({phrase for name in SAMPLES for phrase in phrases(SAMPLES[name]())}) > 400


def test_buttons_send_the_same_in_every_language() -> None:
    for name, sample in SAMPLES.items():
        sent = [
            [(part["verb"], part.get("data")) for _, part in elements(card) if part.get("type") == "Action.Execute"]
            for card in (sample(), german(name))
        ]
        assert sent[0] == sent[1], name


def test_standing_answers_are_german_and_those_of_a_plan_stay_as_they_are() -> None:
    whole, several = list(texts(german("decision-whole"))), list(texts(german("decision")))
    assert {"Genehmigen", "Ablehnen"} <= set(whole)
    assert "SAP is right" in several


def test_numbers_months_and_times_are_as_germans_write_them() -> None:
    shown = "\n".join(texts(german("decision-500")))
    assert "von 500" in shown
    with speaking("de-DE"):
        many = "\n".join(texts(cards.decision(samples.WAITING, samples.OPEN, _items(1500), samples.ALEX)))
        title = "\n".join(texts(cards.progress(samples.run("running", "running", title="Belege"), samples.at(65.4))))
    assert "von 1.500" in many
    assert "Oktober 2026 · für Megan Bowen" in title
    assert "1 Min. 5 s" in title


def _items(number: int) -> Any:
    return samples.shown_items(samples.differences(number))


def test_no_button_of_ours_is_wider_than_a_phone() -> None:
    wide = {
        part["title"]
        for name in SAMPLES
        for _, part in elements(german(name))
        if str(part.get("type", "")).startswith("Action.")
        and len(part["title"]) > 32
        and not DATA.search(part["title"])
    }
    assert wide == set()
