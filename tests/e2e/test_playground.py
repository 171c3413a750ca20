"""The harness itself, at the real Playground and with a bot of a few lines: what it says happened did happen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from bot.cli.playground import Window
from bot.cli.ports import answers
from tests.e2e.playground import Chat
from tests.e2e.product import free_ports
from tests.e2e.stand_in import StandIn


@pytest.fixture
async def stand_in() -> StandIn:
    return StandIn()


@pytest.fixture
async def chat(stand_in: StandIn, sit_down, playground_script: Path, tmp_path: Path) -> AsyncIterator[Chat]:
    port = free_ports(2)
    app = web.Application()
    app.router.add_post("/api/messages", stand_in.receive)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    service = f"http://localhost:{port + 1}/_connector"
    window = Window("alex", "Alex Wilber", port + 1, f"http://127.0.0.1:{port}/api/messages", service, tmp_path)
    child = window.child(playground_script, tmp_path / "playground.log")
    try:
        await child.start()
        await child.until(lambda: answers(window.port, "/_debug/ping", holding=b"pong"), seconds=30)
        yield await sit_down(window.url)
    finally:
        await child.stop()
        await runner.cleanup()


async def test_hears_the_answer_to_what_was_said(chat: Chat) -> None:
    await chat.say("good morning")

    await chat.hears("You said: good morning")

    assert await chat.messages() == ["You said: good morning"]


async def test_fills_in_a_card_and_sees_its_replacement(chat: Chat, stand_in: StandIn) -> None:
    await chat.say("question")
    card = await chat.card("Which system is right?")
    assert await card.buttons() == ["Send decisions", "Cancel the run", "Open the file"]
    assert await card.chosen("Amount differs (5)") == "SAP is right"

    await card.choose("Amount differs (5)", "Investigate")
    await card.choose("INV-0042", "SAP is right")
    await card.choose("The rest", "Investigate")
    await card.fill("Comment", "checked with the supplier")
    await card.press("Send decisions")

    await card.shows("Decided")
    assert stand_in.received[-1]["value"]["action"]["verb"] == "approval.decide"
    assert stand_in.received[-1]["value"]["action"]["data"] == {
        "run_id": "r1",
        "rule:amount": "investigate",
        "item:1": "sap",
        "all": "investigate",
        "comment": "checked with the supplier",
    }


async def test_a_submit_button_comes_as_a_message(chat: Chat) -> None:
    await chat.say("question")

    await (await chat.card("Which system is right?")).press("Cancel the run")

    await chat.hears('"verb": "run.cancel"')


async def test_an_update_in_place_is_seen_on_the_same_card(chat: Chat, stand_in: StandIn) -> None:
    await chat.say("count")
    card = await chat.card("Progress 1 of 2")

    stand_in.count_on.set()

    await card.shows("Progress 2 of 2")
    assert len(await chat.messages()) == 1
