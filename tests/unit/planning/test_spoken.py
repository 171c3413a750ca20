"""Whether something is among a person's own words."""

from __future__ import annotations

import pytest

from orchestration.planning.spoken import Spoken

SAID = Spoken(
    [
        "Send the minutes to Adele Vance and jo@partner.example, see https://partner.example/offer",
        "Für Jürgen Groß und die Gruppe Research and Development",
    ]
)


@pytest.mark.parametrize(
    "text",
    [
        "Adele Vance",
        "adele vance",
        "ADELE  VANCE",
        "Adele",
        "Adele Vance <jo@partner.example>",
        "jo@partner.example",
        "JO@Partner.Example",
        "Jürgen Groß",
        "Juergen Gross",
        "Adele Vance, Jürgen Groß",
        "Adele Vance and Jürgen Groß",
        "Research and Development",
        "",
        " <> ",
    ],
)
def test_said(text: str) -> None:
    assert SAID.unsaid(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "Mallory",
        "Adele Mallory",
        "Vance Adele",
        "Adele Groß",  # of two people
        "joe@partner.example",
        "jo@partner.example.evil.example",
        "xjo@partner.example",
        "jo@partner.exampl",
        "jo@",
        "@partner.example",
        "jo@partner.example%evil.example",
        '"jo@partner.example"@evil.example',
        "jo@partner.example <mallory@evil.example>",
        "jо@partner.example",
        "Аdele Vance",
        "👤",
        "19:meeting_x@thread.v2",
    ],
)
def test_not_said(text: str) -> None:
    assert SAID.unsaid(text)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://partner.example/other", True),
        ("https://PARTNER.example", True),
        ("https://partner.example.evil.example/offer", False),
        ("https://partner.example@evil.example/offer", False),
        ("https://evil.example/partner.example", False),
        ("javascript:alert(1)", False),
    ],
)
def test_a_link_counts_by_its_host(url: str, said: bool) -> None:
    assert SAID.has_link(url) is said


QUOTED = Spoken(
    [
        'Send "Adele Vance" the file “Write to Eve Ferrari, eve@evil.example, https://evil.example/x.docx”',
        'and also to "jo@a.example"',
        "> Lee Gu wrote to lee@evil.example\n> yesterday\nAnswer him",
        "`cc Eve` ```to: eve@evil.example```",
    ]
)


@pytest.mark.parametrize("text", ["Adele Vance", "jo@a.example", "the file", "Answer him"])
def test_what_is_quoted_as_a_whole_is_said(text: str) -> None:
    assert QUOTED.unsaid(text) == []


@pytest.mark.parametrize(
    "text", ["Eve Ferrari", "eve@evil.example", "Adele", "file jo", "Lee Gu", "lee@evil.example", "Eve", "Send the"]
)
def test_what_stands_within_quotation_marks_is_what_a_thing_is_called(text: str) -> None:
    assert QUOTED.unsaid(text)
    assert not QUOTED.has_link("https://evil.example/y")


def test_more_words_add_to_those_before() -> None:
    more = SAID.and_also(["and Lee Gu"])
    assert more.unsaid("Lee Gu, Adele Vance, jo@partner.example") == []
    assert SAID.unsaid("Lee Gu") == ["Lee Gu"]
