"""Which model Tandem on a laptop plans with."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cli.model_choice import Choice
from bot.cli.trouble import Trouble

SANDBOX = {"TANDEM_MODEL_URL": "http://127.0.0.1:1/model/v1", "TANDEM_MODEL_NAME": "recorded", "TANDEM_PORT": "1"}


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that the developer's shell names."""
    monkeypatch.setenv("TANDEM_MODEL_URL", "http://127.0.0.1:2/v1")
    monkeypatch.setenv("TANDEM_MODEL_NAME", "tiny")
    monkeypatch.setenv("TANDEM_MODEL_KIND", "azure")


@pytest.mark.usefixtures("named")
def test_the_recorded_model_gets_the_sandboxs_settings_and_nothing_of_the_shells() -> None:
    choice = Choice("recorded", (Path("mine"),))

    assert choice.of_the_sandbox() == ["--model", "recorded", "--recordings", "mine"]
    assert choice.settings(SANDBOX) == {
        "TANDEM_MODEL_URL": "http://127.0.0.1:1/model/v1",
        "TANDEM_MODEL_NAME": "recorded",
        "TANDEM_MODEL_KIND": "",
    }
    assert "no model is asked" in choice.shown()


@pytest.mark.usefixtures("named")
def test_without_a_model_the_shells_one_is_not_taken_either() -> None:
    assert Choice("none").of_the_sandbox() == ["--model", "none"]
    assert set(Choice("none").settings({}).values()) == {""}
    assert "only playbooks" in Choice("none").shown()


@pytest.mark.usefixtures("named")
def test_the_shells_model_is_left_as_it_is() -> None:
    assert Choice("env").settings(SANDBOX) == {}
    assert Choice("env").of_the_sandbox() == ["--model", "none"]
    assert Choice("env").shown() == "tiny at http://127.0.0.1:2/v1"


def test_a_shell_that_names_no_model_is_told_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TANDEM_MODEL_NAME", "tiny")

    with pytest.raises(Trouble, match="TANDEM_MODEL_URL is not set"):
        Choice("env")


def test_recordings_are_only_for_the_recorded_model() -> None:
    with pytest.raises(Trouble, match="--recordings are for --model recorded"):
        Choice("none", (Path("mine"),))
