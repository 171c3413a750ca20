"""Text from outside is shown letter by letter."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.cards import moments
from bot.cards.wording import escaped, listed, plain, sentence, web_link
from tests.support.cards.hostile import EVERYTHING, HOSTILE, INVISIBLE
from tests.support.cards.schema import elements

_MARKDOWN = MarkdownIt("gfm-like", {"linkify": False})
_OWN_MACRO = re.compile(r"\{\{(DATE|TIME)\(.*?\)\}\}")
_SIGNS = st.text(st.sampled_from("*_`~[]()<>#+-=|!&;:/\\.0123 abwx\n"), max_size=30)


def _read(text: str) -> str:
    """What a Markdown reader makes of a text; fails if it sees any formatting."""
    made = _MARKDOWN.render(text).strip()
    inner = re.fullmatch(r"<p>(.*)</p>", made, re.DOTALL)
    assert inner, made
    assert "<" not in inner[1], made
    return html.unescape(inner[1])


@given(_SIGNS | st.text(max_size=30))
@settings(max_examples=500, deadline=None)
def test_escaped_text_is_read_back_as_it_was(text: str) -> None:
    if plain(text):
        assert _read(escaped(text)) == plain(text)


@pytest.mark.parametrize("text", ["1,250.00 EUR · 2026-10-04", "INV-2026-0042", "AT&T", "a < b", "3.5 - 4", "-12.00"])
def test_ordinary_figures_reach_clients_unchanged(text: str) -> None:
    assert escaped(text) == text


def test_addresses_are_not_turned_into_links_by_eager_clients() -> None:
    assert "https:" not in escaped("https://evil.example")
    assert "www." not in escaped("www.evil.example")


def test_invisible_letters_are_stripped_and_lines_joined() -> None:
    assert plain(INVISIBLE) == "payable"
    assert plain("one\n\ttwo\u2028three") == "one two three"
    assert plain("\u200b") == ""


def test_macros_of_cards_do_not_run_in_text_from_outside() -> None:
    for text in ("{{DATE(2026-01-01T00:00:00Z)}}", "{{{DATE(2026-01-01T00:00:00Z,SHORT)}}", "{\u200b{{{TIME(1)}}"):
        assert "{{" not in plain(text)
        assert "{{" not in escaped(text)


def test_long_text_is_cut_visibly() -> None:
    assert plain("x" * 20, 10) == "xxxxxxxxx…"
    assert plain("\u200b" * 500 + "end", 10).endswith("…"), "what is left unread is never left out silently"


@pytest.mark.parametrize("name", HOSTILE)
def test_no_card_shows_formatting_or_invisible_letters_from_outside(name: str) -> None:
    for path, part in elements(HOSTILE[name]()):
        for key, text in _readable(part):
            outside = _OWN_MACRO.sub("", text)
            assert plain(outside, 9_999).split() == outside.split(), f"{path}/{key}"
        if part.get("type") == "TextBlock" or (set(part) == {"title", "value"} and "/facts/" in path):
            for key, text in _readable(part):
                assert _read(text), f"{path}/{key}"


def _readable(part: dict[str, Any]) -> list[tuple[str, str]]:
    keys = ("text", "title", "value", "label", "placeholder", "speak", "fallbackText")
    return [(key, part[key]) for key in keys if isinstance(part.get(key), str)]


def test_hostile_samples_are_hostile() -> None:
    assert "<" in _MARKDOWN.render(EVERYTHING[:400]).removeprefix("<p>").removesuffix("</p>")


@pytest.mark.parametrize("url", ["https://contoso.sharepoint.example/a%20b?x=1#y", "http://localhost:3000/x"])
def test_ordinary_web_addresses_are_links(url: str) -> None:
    assert web_link(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "msteams:/l/chat",
        "https://",
        "//x.example",
        "",
        "https://bank.example@evil.example",
        "https://a b.example",
        "https://x.example\n",
        "https://x\u200b.example",
        "https://x.example\\@evil.example",
        "https://x.example:99999",
        "https://[::1",
        "https://x.example/" + "a" * 2_100,
    ],
)
def test_other_addresses_are_not(url: str) -> None:
    assert web_link(url) == ""


def test_small_words() -> None:
    assert [listed([]), listed(["A"]), listed(["A", "B"]), listed(["A", "B", "C"])] == [
        "",
        "A",
        "A and B",
        "A, B and C",
    ]
    assert [sentence("It broke"), sentence("It broke!"), sentence("")] == ["It broke.", "It broke!", ""]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0.0 s"),
        (0.42, "0.4 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (65, "1 min 5 s"),
        (3_599.7, "1 h"),
        (7_380, "2 h 3 min"),
        (3 * 86_400, "3 days"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert moments.duration(timedelta(seconds=seconds)) == text


def test_times_until() -> None:
    assert [moments.countdown(timedelta(seconds=each)) for each in (-3, 0.4, 0.7, 12)] == [
        "now",
        "now",
        "in 1 s",
        "in 12 s",
    ]


def test_instants_are_left_to_the_viewers_clock() -> None:
    assert moments.local(datetime(2026, 11, 22, 9, 30, 1, 250_000, tzinfo=UTC)) == (
        "{{DATE(2026-11-22T09:30:01Z,SHORT)}}, {{TIME(2026-11-22T09:30:01Z)}}"
    )


def test_months() -> None:
    assert [moments.month_name(each) for each in ("2026-10", "2026-13", "October", 7)] == ["October 2026", "", "", ""]


def test_a_parameters_value_reads_as_people_write() -> None:
    values = ("2026-10", "this_week", "Weekly status", "snake_case_2", 3, "a_b\n- c")
    assert [moments.shown_value(each) for each in values] == [
        "October 2026",
        "This week",
        "Weekly status",
        "snake_case_2",
        "3",
        "a_b - c",
    ]
