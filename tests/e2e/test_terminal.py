"""The main job with two people in two terminals, and no Node."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.product import Product
from tests.e2e.terminal import Terminal, Tmux

GOAL = "Reconcile the supplier invoices for October 2026"
PLANTED = Path("connectors/sandbox/contoso/planted.csv")
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
Open = Callable[[str], Terminal]


@pytest.fixture
def at_desk(tmp_path: Path) -> Iterator[Product]:
    """Tandem without Playgrounds, on ports and with state of its own; whatever happens, nothing of it is left."""
    running = Product(tmp_path / "state")
    try:
        yield running
    finally:
        running.end()


@pytest.fixture
def sit_at(at_desk: Product, tmp_path: Path) -> Iterator[Open]:
    """Opens a terminal for a person."""
    if shutil.which("tmux") is None:
        reason = "There is no tmux here (Debian, Ubuntu: apt-get install tmux)."
        if os.environ.get("CI"):
            pytest.fail(f"{reason} In CI that is a failure.", pytrace=False)
        pytest.skip(reason)
    tmux = Tmux(tmp_path / "tmux")
    yield lambda person: Terminal(tmux, person, at_desk.state)
    tmux.end()


def both(sit_at: Open) -> tuple[Terminal, Terminal]:
    """Megan, who asks, and Alex, who decides."""
    megan, alex = sit_at("megan"), sit_at("alex")
    megan.sees("Hello Megan")
    alex.sees("Hello Alex")
    return megan, alex


def sign_in(megan: Terminal) -> None:
    """Megan reads what she is asked and agrees, without a browser."""
    megan.presses("Sign in")
    megan.sees("Tandem asks to act for you, Megan Bowen")
    megan.presses("Sign in as Megan Bowen")
    megan.sees("You are signed in")


def test_a_goal_becomes_a_workbook_by_way_of_two_terminals(at_desk: Product, sit_at: Open) -> None:
    at_desk.start("--no-playground")
    assert [each for each in at_desk.processes() if each.name().startswith("node")] == []
    megan, alex = both(sit_at)
    megan.types(GOAL)
    megan.sees("It will read")
    megan.presses("Start")
    sign_in(megan)
    megan.sees("Waiting for Alex Wilber")

    alex.sees("Send decisions", seconds=40)
    alex.fills("Different amounts", "1")
    assert "SAP is right" in alex.text()
    alex.fills("Comment (optional)", "Amounts checked against the paper.")
    alex.presses("Send decisions")
    alex.sees(re.compile(r"by\s+Alex Wilber|Alex Wilber decided|you decided", re.IGNORECASE), after="Send decisions")

    megan.sees("Nothing is written unless you allow it")
    megan.sees("Supplier invoices 2026-10.xlsx")
    megan.presses("Allow")
    megan.sees("Open the workbook")
    megan.sees("Finished")

    planted = [line for line in PLANTED.read_text("utf-8").splitlines() if line.startswith("2026-10")]
    megan.sees(f"{len(planted)} discrepancies")
    assert [(write["person"], write["path"].rsplit("/", 1)[-1]) for write in at_desk.writes()] == [
        ("megan", "Supplier invoices 2026-10.xlsx")
    ]
    history = at_desk.command("history", "last")
    for told in ("Alex Wilber decided “Amounts checked against the paper.”", "Different amounts: SAP is right"):
        assert told in history
    assert "Megan Bowen allowed it" in history
    assert megan.leaves() == "left with 0"


def test_an_outage_is_shown_and_a_chat_that_was_left_takes_up_where_it_was(at_desk: Product, sit_at: Open) -> None:
    at_desk.start("--no-playground")
    megan, alex = both(sit_at)
    assert alex.leaves() == "left with 0"
    at_desk.command("break", "sap", "--for", "6s", "--status", "503")
    megan.types(GOAL)
    megan.presses("Start")
    sign_in(megan)
    megan.sees(re.compile(r"↻ Read supplier invoices from SAP\n\s+\S.*(again|try)"), seconds=30)
    megan.sees("Waiting for Alex Wilber", seconds=40)

    alex.opens()

    alex.sees("Send decisions", seconds=40)


def test_a_second_chat_of_the_same_person_is_refused(at_desk: Product, sit_at: Open) -> None:
    at_desk.start("--no-playground")
    sit_at("megan").sees("Hello Megan")

    with pytest.raises(subprocess.CalledProcessError) as refused:
        at_desk.command("chat", "--as", "megan")

    assert "Megan Bowen's window is open elsewhere" in refused.value.stderr
