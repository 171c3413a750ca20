"""The second reconciliation with two people in two real Playgrounds: it is only data, and it works like the first."""

from __future__ import annotations

import io

import openpyxl
import pytest

from tests.e2e.product import Product
from tests.e2e.story import SitDown, both, sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


async def test_deliveries_are_reconciled_with_the_warehouses_book(product: Product, sit_down: SitDown) -> None:
    product.start()
    megan, alex = await both(product, sit_down)
    await megan.say("Compare the goods receipts of October 2026 with the deliveries")
    plan = await megan.card("It will read")
    await plan.shows("Goods receipts, October 2026")
    await plan.press("Start")
    await sign_in(megan)
    await plan.shows("deliveries")

    card = await alex.card("Send decisions", seconds=40)
    await card.shows("10 discrepancies in")
    await card.press("Why?")
    await card.shows("every delivery note must be in all systems")
    await card.choose("Missing in one of them (4)", "Warehouse is right")
    await card.press("Send decisions")
    await card.shows("Alex Wilber")

    gate = await megan.card("Nothing is written unless you allow it")
    await gate.shows("Goods receipts 2026-10.xlsx")
    await gate.press("Allow")
    outcome = await megan.card("Open the workbook")
    await outcome.shows("10 discrepancies")

    (write,) = product.writes()
    book = openpyxl.load_workbook(io.BytesIO(product.content(write)))
    assert book.sheetnames == ["Summary", "Discrepancies", "Warehouse", "Purchasing"]
    decisions = [row[-3] for row in book["Discrepancies"].iter_rows(min_row=2, values_only=True)]
    assert sorted(decisions) == ["Count again"] * 6 + ["Warehouse is right"] * 4
