"""What people do in the main job, step by step, for the end-to-end tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from playwright.async_api import expect

from tests.e2e.playground import Card, Chat
from tests.e2e.product import Product

GOAL = "Reconcile the supplier invoices for October 2026"
SitDown = Callable[[str], Awaitable[Chat]]


async def both(product: Product, sit_down: SitDown) -> tuple[Chat, Chat]:
    """Megan, who asks, and Alex, who decides, each at a window of their own."""
    megan = await sit_down(product.windows["Megan Bowen"])
    alex = await sit_down(product.windows["Alex Wilber"])
    return megan, alex


async def start(megan: Chat) -> Card:
    """Megan asks and starts; returns the card that shows the progress."""
    await megan.say(GOAL)
    card = await megan.card("It will read")
    await card.press("Start")
    return card


async def sign_in(megan: Chat) -> None:
    """Megan signs in on the page that the card opens."""
    asked = await megan.card("Please sign in")
    async with megan.page.context.expect_page() as opening:
        await asked.press("Sign in")
    page = await opening.value
    await page.get_by_role("button", name="Sign in as Megan Bowen").click()
    await expect(page.get_by_text("You are signed in")).to_be_visible()
    await page.close()


async def decide(alex: Chat) -> Card:
    """Alex decides by rules, one exception and a comment; returns the card, which then says so."""
    card = await alex.card("Send decisions", seconds=40)
    await card.choose("Different amounts (5)", "SAP is right")
    await card.fill("Comment (optional)", "Amounts checked against the paper.")
    await card.press("Send decisions")
    await card.shows("Alex Wilber")
    return card


async def allow(megan: Chat) -> None:
    """Megan allows the write that she is shown."""
    gate = await megan.card("Nothing is written unless you allow it")
    await gate.shows("Supplier invoices 2026-10.xlsx")
    await gate.press("Allow")
