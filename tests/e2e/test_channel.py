"""A goal that is said in a channel: neutral words there, everything else in the person's own chat."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.e2e.playground import Card, Chat
from tests.e2e.product import Product
from tests.e2e.story import SitDown, both, decide, sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
CHANNEL = "Announcements"
GOAL = " Reconcile the supplier invoices for October 2026"
# What no one in the channel may learn of the run from the bot.
PROTECTED = re.compile("discrepanc|SAP|Dynamics|SharePoint|433|Alex|Open the workbook", re.IGNORECASE)


async def mention(chat: Chat, words: str) -> None:
    """Post in the channel as Teams has it: with a mention of the bot."""
    await chat.page.get_by_text(CHANNEL).first.click()
    await chat.page.get_by_text("Mention me with what you would like done").wait_for()  # said when it was added
    await chat.page.locator("[contenteditable=true]").first.click()
    known = await chat.page.get_by_text("Tandem", exact=True).count()
    await chat.page.keyboard.type("@")
    offered = chat.page.get_by_text("Tandem", exact=True)
    await expect(offered).to_have_count(known + 1)
    await offered.last.click()
    await chat.page.keyboard.type(words)
    await chat.page.get_by_role("button", name="Post", exact=True).click()


async def back(chat: Chat, to: str) -> None:
    await chat.page.get_by_text(to).first.click()


async def thread(chat: Chat) -> Card:
    """The bot's first card in the channel's newest thread."""
    return Card(chat.page.locator(".ac-adaptiveCard").first)


async def test_a_goal_said_in_a_channel_shows_counts_there_and_all_else_in_private(
    product: Product, sit_down: SitDown
) -> None:
    product.start()
    megan, alex = await both(product, sit_down)
    await mention(megan, GOAL)
    await (await thread(megan)).shows("A plan is ready for Megan Bowen")
    await back(megan, "Personal Chat")
    await (await megan.card("It will read")).press("Start")
    await sign_in(megan)
    await alex.card("Send decisions")
    await back(megan, CHANNEL)
    status = await thread(megan)
    await status.shows(re.compile(r"[5-8] of 9 steps are done, and one decision is waited for"))
    said = [await status.text(), *(await megan.page.locator(".ac-adaptiveCard").all_inner_texts())]
    assert [text for text in said if PROTECTED.search(text)] == []
    assert await status.buttons() == []
    await decide(alex)
    await status.shows(re.compile("[6-9] of 9 steps are done"))
