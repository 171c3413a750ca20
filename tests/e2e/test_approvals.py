"""What people do with questions beside answering them: change, ask back, hand on, decide several at once."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.e2e.playground import Card, Chat
from tests.e2e.product import Product
from tests.e2e.story import SitDown, sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(90)]
FILE = "Framework agreement Nordwind 2027.docx"


async def begin(megan: Chat, goal: str, *answers: tuple[str, str], signs_in: bool = True) -> Card:
    """Megan asks, answers what is asked back, starts; returns the progress card."""
    await megan.say(goal)
    for question, answer in answers:
        await megan.hears(question)
        await megan.say(answer)
    plan = await megan.card("Nothing has been done yet")
    await plan.press("Start")
    if signs_in:
        await sign_in(megan)
    return plan


def accepted(product: Product) -> list[dict[str, Any]]:
    """What Microsoft 365 has shared."""
    return [each for each in product.sandbox("accepted")["accepted"] if each["kind"] == "file.share"]


async def test_people_change_ask_back_hand_on_and_decide_several_at_once(product: Product, sit_down: SitDown) -> None:
    product.start("--people", "megan,adele,lee")
    megan = await sit_down(product.windows["Megan Bowen"])
    adele = await sit_down(product.windows["Adele Vance"])
    lee = await sit_down(product.windows["Lee Gu"])

    # Adele asks back before she agrees, and Megan replies.
    await begin(megan, "Share a file", ("Which file", FILE), ("With whom", "Diego Siciliani"))
    question = await adele.card("May Megan Bowen share")
    for text in ("Why:", "On behalf of", "Sensitivity", "it waits, and nothing is done"):
        await question.shows(text)
    await question.press("Ask Megan")
    await question.fill("What would you like to know of Megan?", "What does Diego need it for?")
    await question.press("Send the question")
    await question.shows("Waiting for a reply from Megan Bowen.")
    asked = await megan.card("Adele Vance asks you before answering")
    await asked.fill("Your reply", "He takes over the negotiation.")
    await asked.press("Send the reply")
    await asked.shows("You replied to Adele Vance")
    told = await adele.card("Megan Bowen has replied to you")
    await told.shows("He takes over the negotiation.")
    await question.shows("He takes over the negotiation.")

    # Adele hands it to Lee, who agrees: her card says so.
    await question.press("Ask a colleague instead")
    await question.choose("Who shall answer instead?", "Lee Gu")
    await question.press("Hand it on")
    await question.shows("You have handed this to Lee Gu")
    theirs = await lee.card("Adele Vance has handed this question to you.")
    await theirs.shows("He takes over the negotiation.")
    await theirs.press("I agree")
    await question.shows(re.compile(r"by Lee Gu"))

    # Megan changes the message before she allows the sharing.
    gate = await megan.card("Nothing is written unless you allow it")
    await gate.press("Change it")
    await gate.fill("Message", "As discussed with Adele.")
    await gate.press("Show me the result")
    await gate.shows("Changed since you were last asked")
    await gate.shows("As discussed with Adele.")
    assert not accepted(product)
    await gate.press("Allow")
    await (await megan.card("Open the file")).shows("Diego Siciliani can now read")
    assert len(accepted(product)) == 1
    await gate.shows("Allowed")

    # Two files of Adele's: one card with a decision for each, for her and then for Megan.
    await begin(
        megan,
        "Share several files",
        ("Which files", "Framework agreement Nordwind; Nordwind review, briefing"),
        ("With whom", "Alex Wilber"),
        signs_in=False,
    )
    both = await adele.card("2 questions wait for you")
    await both.choose("Your decision about number 1", "I agree")
    await both.choose("Your decision about number 2", "I do not agree")
    await both.press("Send decisions")
    await both.shows("nothing waits for you any more")
    await (await megan.card("Nothing is written unless you allow it")).press("Allow")
    await megan.hears("1 of 2 files", seconds=30)
    assert len(accepted(product)) == 2
