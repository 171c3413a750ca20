"""The main job with two people in two real Playgrounds."""

from __future__ import annotations

import io
import re
import signal
import time
from pathlib import Path

import openpyxl
import pytest

from tests.e2e.product import Product
from tests.e2e.story import GOAL, SitDown, allow, both, decide, sign_in, start

PLANTED = Path("connectors/sandbox/contoso/planted.csv")
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def uploaded(product: Product) -> openpyxl.Workbook:
    """The workbook as SharePoint has it."""
    write = product.writes()[0]
    return openpyxl.load_workbook(io.BytesIO(product.content(write)))


async def test_a_goal_becomes_a_workbook_by_way_of_two_people(product: Product, sit_down: SitDown) -> None:
    product.start()
    megan, alex = await both(product, sit_down)
    asked = time.monotonic()
    await megan.say(GOAL)
    plan = await megan.card("It will read")
    assert time.monotonic() - asked < 3, "the plan card is due within a second; the browser takes its share"
    assert {"Start", "Cancel"} <= set(await plan.buttons())
    await plan.press("Start")
    await sign_in(megan)
    await plan.shows("433 invoices")
    await plan.shows("Waiting for Alex Wilber")
    await decide(alex)
    await allow(megan)
    outcome = await megan.card("Open the workbook")
    await outcome.shows("20 discrepancies")
    await plan.shows(re.compile("9 of 9|Done"))

    assert len(product.writes()) == 1
    assert product.writes()[0]["person"] == "megan"
    book = uploaded(product)
    rows = list(book["Discrepancies"].iter_rows(values_only=True))
    planted = [line.split(",") for line in PLANTED.read_text("utf-8").splitlines()[1:] if line.startswith("2026-10")]
    assert len(rows) - 1 == len(planted) == 20
    text = "\n".join(str(row) for row in rows)
    assert "SAP is right" in text
    assert "Amounts checked against the paper." in "\n".join(
        str(row) for s in book for row in s.iter_rows(values_only=True)
    )

    # Afterwards the answered cards take no second answer, and the bot knows what it did.
    await megan.say("status")
    await megan.hears(re.compile("Supplier invoices, October 2026"))


async def test_sap_down_for_a_while_is_shown_waited_out_and_nothing_is_lost(
    product: Product, sit_down: SitDown
) -> None:
    product.start()
    megan, alex = await both(product, sit_down)
    product.command("break", "sap", "--for", "8s", "--status", "503")
    card = await start(megan)
    await sign_in(megan)
    await card.shows(re.compile("try 2|again in|Trying again", re.IGNORECASE), seconds=30)
    await card.shows("Waiting for Alex Wilber", seconds=60)
    await decide(alex)
    await allow(megan)
    await (await megan.card("Open the workbook")).shows("20 discrepancies")


@pytest.mark.parametrize("point", ["before:files.upload", "after:files.upload"])
async def test_kill_9_around_the_upload_ends_with_exactly_one_file(
    product: Product, sit_down: SitDown, point: str
) -> None:
    product.start("--no-bot")
    product.serve(TANDEM_CRASH_AT=point)
    megan, alex = await both(product, sit_down)
    await start(megan)
    await sign_in(megan)
    await decide(alex)
    await allow(megan)
    assert product.wait_for_death() == -signal.SIGKILL
    assert len(product.writes()) == (0 if point.startswith("before") else 1)

    product.serve()
    outcome = await megan.card("Open the workbook", seconds=40)
    await outcome.shows("20 discrepancies")
    assert product.events().count("TaskInDoubt") == 1, "nothing was tried again before somebody looked"
    assert [write["path"].rsplit("/", 1)[-1] for write in product.writes()] == ["Supplier invoices 2026-10.xlsx"]
