"""What reaches the terminal."""

from __future__ import annotations

import pytest
from rich.text import Text

from bot.cli.chat.drawing import Line
from bot.cli.chat.terminal import Screen


def test_long_lines_are_wrapped_below_where_they_began(capsys: pytest.CaptureFixture[str]) -> None:
    words = "word " * 30

    Screen().put([Line(Text(f"Place   {words}"), hang=8), Line(Text(words), indent=4)], heading="Tandem", mark="●")

    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("● Tandem  ")
    assert lines[2].startswith("  Place   word")
    assert [line[:12] for line in lines[3:4]] == ["          wo"]
    assert all(line.startswith("      word") for line in lines[4:])
    assert max(map(len, lines)) <= 110


def test_no_colours_go_into_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().put([Line(Text("Done", "bold green"))], heading="Tandem")

    assert "\x1b" not in capsys.readouterr().out


def test_brackets_in_a_text_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().put([Line(Text("[red]not red[/] [1] Start"))])

    assert capsys.readouterr().out == "  [red]not red[/] [1] Start\n"
