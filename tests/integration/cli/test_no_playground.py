"""Tandem on a machine without Node: `tandem up --no-playground` and `tandem chat`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.e2e.product import Product


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Up, with nothing at all on the PATH."""
    running = Product(tmp_path_factory.mktemp("product") / "state")
    try:
        running.start("--no-playground", PATH="")
        yield running
    finally:
        running.end()


def chat(product: Product, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot.cli", "chat", *arguments, "--state", str(product.state)]
    return subprocess.run(command, input=typed, check=False, capture_output=True, text=True, timeout=60)


def test_it_says_how_each_person_gets_to_their_chat(product: Product) -> None:
    told = "".join(product.output)

    assert f"Megan Bowen: tandem chat --as megan --state {product.state}" in told
    assert f"Alex Wilber: tandem chat --as alex --state {product.state}" in told


def test_lines_from_a_pipe_are_said_and_answered(product: Product) -> None:
    told = chat(product, "--as", "alex", typed="help\n\n/dance\n/quit\nnever said\n")

    assert told.returncode == 0, told.stderr
    for text in ("You are Alex Wilber.", "Hello Alex", "[1] ", "There is no /dance."):
        assert text in told.stdout
    assert "never said" not in told.stdout
    assert "\x1b" not in told.stdout


def test_the_first_window_is_taken_if_nobody_is_named(product: Product) -> None:
    assert "You are Megan Bowen." in chat(product, typed="/quit\n").stdout


def test_a_person_without_a_window_is_told_how_to_get_one(product: Product) -> None:
    told = chat(product, "--as", "lee")

    assert told.returncode == 1
    assert "'lee' has no window in the running sandbox; there are megan, alex." in told.stderr
    assert "--people megan,alex,lee" in told.stderr


def test_a_playbook_is_started_from_the_terminal(product: Product) -> None:
    command = [sys.executable, "-m", "bot.cli", "playbook", "run", "reconcile-supplier-invoices"]
    command += ["--goal", "Reconcile the supplier invoices for October 2026", "--as", "alex"]
    told = subprocess.run(
        [*command, "--state", str(product.state)], input="", check=False, capture_output=True, text=True, timeout=60
    )

    assert "Alex Wilber: Reconcile the supplier invoices for October 2026" in told.stdout
    assert "It will read" in told.stdout
    assert "Supplier invoices, October 2026" in product.command("runs")


def test_the_doctor_finds_everything_in_order(product: Product) -> None:
    told = product.command("doctor")

    assert "All is well." in told or "Nothing is broken" in told
    for text in ("knows the tenant", "app id and secret fit", "SAP answers, and wants a token", "The bot is up"):
        assert text in told


def test_capabilities_are_those_of_the_running_deployment(product: Product) -> None:
    told = product.command("capabilities")

    assert "ledger.sap.entries" in told
    assert "No settings here" not in told
    assert "required" in product.command("capabilities", "people.find")


def test_the_running_bot_tells_how_its_workers_do_and_takes_the_operators_commands(product: Product) -> None:
    def tandem(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bot.cli", *arguments, "--state", str(product.state)]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)

    told = tandem("capabilities").stdout
    assert "Health" in told.splitlines()[0]
    assert "No bot runs here" not in told
    kept = tandem("prune", "--older-than", "90d", "--export", str(product.state / "old.jsonl"))
    assert "nothing was removed" in kept.stdout, kept.stderr
