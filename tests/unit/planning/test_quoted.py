"""What a person quotes is told from what they say."""

from __future__ import annotations

import time

import pytest

from orchestration.planning.quoted import without_quotations

SECONDS = 1.0


@pytest.mark.parametrize(
    ("text", "own", "quoted"),
    [
        ("Find “the minutes” today", ["Find ", " today"], ["the minutes"]),
        ('Find "the minutes"', ["Find ", ""], ["the minutes"]),
        ("Such „die Notizen“ heute", ["Such ", " heute"], ["die Notizen"]),
        ("Cherche «les notes» et »mehr«", ["Cherche ", " et ", ""], ["les notes", "mehr"]),
        ("Find 'the team's minutes' now", ["Find ", " now"], ["the team's minutes"]),
        ("Find ‘the team’s minutes’ now", ["Find ", " now"], ["the team’s minutes"]),
        ("Adele's and the teams' files", ["Adele's and the teams' files"], []),
        ("```\na\n``` and `b`", ["", " and ", ""], ["a", "b"]),
        ("> he wrote\nanswer him", ["", "\nanswer him"], [""]),
        ("5 > 3 is so", ["5 > 3 is so"], []),
        ("Say “hello and go on", ["Say “hello and go on"], []),
        ('a "b" c "d', ["a ", ' c "d'], ["b"]),
        ("“a „b“ c” d", ["", " d"], ["a „b“ c"]),
        ("", [""], []),
    ],
)
def test_what_is_quoted_is_told_from_what_is_said(text: str, own: list[str], quoted: list[str]) -> None:
    assert without_quotations(text) == (own, quoted)


@pytest.mark.parametrize("mark", ["“", "„", "«", "»", "‘", "‚", '"', " '", "`", "```", "“„‘«»'\"`", "‘a’b", "\n>"])
def test_a_long_text_of_nothing_but_marks_takes_no_time(mark: str) -> None:
    begin = time.process_time()
    without_quotations(mark * 30_000)
    assert time.process_time() - begin < SECONDS
