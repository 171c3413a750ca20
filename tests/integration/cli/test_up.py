"""`tandem up` with the real sandbox and the real Playgrounds; the bot is left out, as a debugger would."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bot.cli.playground import find
from bot.cli.trouble import Trouble
from tests.e2e.product import Product


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    try:
        find()
    except Trouble as trouble:
        if os.environ.get("CI"):
            raise
        pytest.skip(trouble.message)
    running = Product(tmp_path / "state")
    yield running
    running.end()


def listens_beyond_loopback(process: psutil.Process) -> list[str]:
    found = [each for each in process.net_connections("tcp") if each.status == psutil.CONN_LISTEN]
    return [f"{each.laddr.ip}:{each.laddr.port}" for each in found if each.laddr.ip not in {"127.0.0.1", "::1"}]


def test_comes_up_for_two_people_on_loopback_only_and_ends_without_a_trace(product: Product) -> None:
    product.start("--no-bot")

    assert list(product.windows) == ["Megan Bowen", "Alex Wilber"]
    for url in product.windows.values():
        with urllib.request.urlopen(f"{url}/_debug/ping", timeout=10) as answer:
            assert b"pong" in answer.read()
    assert [listens_beyond_loopback(process) for process in product.processes()] == [[]] * 4
    assert product.end() == 0
    assert not (product.state / "sandbox.json").exists()


def test_when_one_part_ends_it_is_named_and_the_rest_ends_too(product: Product) -> None:
    product.start("--no-bot")
    family = product.processes()

    product.kill("connectors.sandbox")

    assert product.wait_for_end() == 1
    assert psutil.wait_procs(family, timeout=10)[1] == []
    assert "The sandbox tenant was killed (SIGKILL)" in product.story()


def test_a_kill_of_tandem_itself_leaves_nothing_behind(product: Product) -> None:
    product.start("--no-bot")
    family = product.processes()

    family[0].kill()

    assert psutil.wait_procs(family, timeout=10)[1] == []


def test_a_second_one_on_the_same_ports_is_refused_and_told_which(product: Product, tmp_path: Path) -> None:
    product.start("--no-bot")
    second = Product(tmp_path / "other")
    second.sandbox_port, second.playground_port = product.sandbox_port, product.playground_port

    with pytest.raises(AssertionError, match=f"Port {product.sandbox_port} is taken"):
        second.start("--no-bot")


def test_a_second_one_with_the_same_state_is_refused(product: Product) -> None:
    product.start("--no-bot")
    second = Product(product.state)

    with pytest.raises(AssertionError, match="already running with the state folder"):
        second.start("--no-bot")


def test_a_tenant_without_data_is_refused_with_the_sandboxs_own_words(product: Product, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="There is no data folder"):
        product.start("--no-bot", "--data", str(tmp_path / "nowhere"))


def test_break_reaches_the_running_sandbox(product: Product) -> None:
    product.start("--no-bot")

    told = product.command("break", "sap", "--for", "30s", "--latency", "2s")

    assert told == "sap answers after 2s for 30s.\n"
    assert product.sandbox("")["broken"]["sap"]["latency_seconds"] == pytest.approx(2.0)
