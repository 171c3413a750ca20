"""The folder with everything local: made, held by one, emptied only if it is Tandem's."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bot.cli.state import State
from bot.cli.trouble import Trouble


@pytest.fixture
def state(tmp_path: Path) -> State:
    made = State(tmp_path / "state")
    made.prepare()
    return made


def test_fresh_empties_a_folder_that_tandem_made(state: State) -> None:
    (state.root / "tandem.db").write_bytes(b"log")
    (state.logs / "bot.log").write_text("said")

    with state.held():
        state.erase()

    assert not (state.root / "tandem.db").exists()
    assert list(state.logs.iterdir()) == []


def test_fresh_leaves_a_folder_alone_that_was_there_before(tmp_path: Path) -> None:
    precious = tmp_path / "thesis.tex"
    precious.write_text("years of work")
    state = State(tmp_path)
    state.prepare()

    with pytest.raises(Trouble, match="was not made by Tandem"):
        state.erase()

    assert precious.read_text() == "years of work"


def test_fresh_does_not_follow_a_link_out_of_the_folder(state: State, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    (state.root / "link").symlink_to(outside)

    state.erase()

    assert (outside / "kept").exists()


def test_only_one_holds_the_folder_and_the_other_is_told_who(state: State) -> None:
    with state.held(), pytest.raises(Trouble, match=rf"already running.*process {os.getpid()}"), state.held():
        pass


def test_the_folder_is_free_again_afterwards(state: State) -> None:
    with state.held():
        pass

    with state.held():
        pass


def test_a_sandbox_that_was_killed_is_not_taken_for_a_running_one(state: State) -> None:
    gone = os.fork()
    if gone == 0:
        os._exit(0)
    os.waitpid(gone, 0)
    state.sandbox_file.write_text(json.dumps({"pid": gone}))

    assert state.sandbox() is None


def test_a_running_sandbox_is_found(state: State) -> None:
    state.sandbox_file.write_text(json.dumps({"pid": os.getpid(), "settings": {}}))

    assert state.sandbox() == {"pid": os.getpid(), "settings": {}}


def test_a_broken_description_of_the_sandbox_is_named(state: State) -> None:
    state.sandbox_file.write_text("{")

    with pytest.raises(Trouble, match=r"sandbox\.json is not what the sandbox writes"):
        state.sandbox()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Trouble, match="cannot be used"):
        State(tmp_path / "file" / "state").prepare()
