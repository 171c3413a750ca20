"""What people answer beside a plain yes: from their list, several writes at once, no, and a sign-in not let in."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.e2e.playground import Card, Chat
from tests.e2e.product import Product
from tests.e2e.story import SitDown
from tests.e2e.test_approvals import FILE, accepted, begin

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(90)]
BOTH = "Framework agreement Nordwind; Nordwind review, briefing"
GATE = "Nothing is written unless you allow it"


async def show_again(chat: Chat, waiting: str) -> Card:
    """Asks what waits for the person and has the first question shown; returns the card that this brings."""
    await chat.say("my approvals")
    listing = await chat.card(waiting)
    await listing.press("Show it")
    return await chat.card("On behalf of")


async def test_a_question_is_decided_from_the_list_and_each_file_is_seen_before_it_is_shared(
    product: Product, sit_down: SitDown
) -> None:
    product.start("--people", "megan,adele")
    megan = await sit_down(product.windows["Megan Bowen"])
    adele = await sit_down(product.windows["Adele Vance"])
    await begin(megan, "Share several files", ("Which files", BOTH), ("With whom", "Diego Siciliani"))
    await adele.card("2 questions wait for you")

    # Adele agrees to one file on the card that her list brings, then to the other; Megan sees each before it is shared.
    shown = await show_again(adele, "2 questions wait for your answer")
    await shown.press("I agree")
    await shown.shows("by Adele Vance")
    first = await megan.card(GATE)
    await expect(first.root.get_by_role("checkbox")).to_have_count(0)
    await first.press("Allow")
    await first.shows("Allowed")
    await (await show_again(adele, "1 question waits for your answer")).press("I agree")
    await (await megan.card(GATE)).press("Allow")
    await megan.hears("2 of 2 files", seconds=30)
    assert len(accepted(product)) == 2


async def test_several_writes_are_decided_on_one_card(product: Product, sit_down: SitDown) -> None:
    product.start("--people", "megan,adele")
    megan = await sit_down(product.windows["Megan Bowen"])
    adele = await sit_down(product.windows["Adele Vance"])
    await begin(megan, "Share several files", ("Which files", BOTH), ("With whom", "Diego Siciliani"))
    asked = await adele.card("2 questions wait for you")
    await asked.choose("Your decision about number 1", "I agree")
    await asked.choose("Your decision about number 2", "I agree")
    await asked.press("Send decisions")
    writes = await megan.card("2 questions wait for you")
    await writes.choose("Your decision about number 1", "Allow")
    await writes.choose("Your decision about number 2", "Don't allow")
    await writes.press("Send decisions")
    await writes.shows("Not allowed")
    await megan.hears("1 of 2 files", seconds=30)
    assert len(accepted(product)) == 1


async def test_missing_consent_is_named_and_a_no_comes_with_its_reason(product: Product, sit_down: SitDown) -> None:
    product.start("--people", "megan,adele")
    megan = await sit_down(product.windows["Megan Bowen"])
    adele = await sit_down(product.windows["Adele Vance"])
    product.command("break", "sign-in", "--how", "consent", "--at", "graph", "--for", "10m")
    await begin(megan, "Share a file", ("Which file", FILE), ("With whom", "Diego Siciliani"))
    missing = await megan.card("Consent is missing")
    await missing.shows("The run waits, and nothing is lost.")
    product.sandbox("mend", {})
    await missing.press("Try again")

    question = await adele.card("May Megan Bowen share")
    await question.fill("Comment (optional)", "The prices in it are not settled.")
    await question.press("I do not agree")
    await question.shows("The prices in it are not settled.")
    answer = await megan.card("does not agree, so", seconds=30)
    await answer.shows("The prices in it are not settled.")
    assert not accepted(product)
