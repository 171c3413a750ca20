"""Goals in words that no playbook knows, with the recorded model: changed before and during the run; without it."""

from __future__ import annotations

import pytest

from tests.e2e.playground import Card, Chat
from tests.e2e.product import Product
from tests.e2e.story import GOAL, SitDown, both, sign_in
from tests.e2e.test_answers import GATE

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
MESSAGE = "Let the team know that the October register is complete"


async def allow(megan: Chat, title: str) -> Card:
    """Megan allows the write with this title; returns its card, with what was shown."""
    gate = await megan.card(title, seconds=30)
    await gate.shows(GATE)
    await gate.press("Allow")
    return gate


async def test_words_change_a_plan_before_it_starts_and_while_it_runs(product: Product, sit_down: SitDown) -> None:
    product.start("--model", "recorded")
    megan, alex = await both(product, sit_down)

    # Words that no playbook knows: the model chooses one of them.
    await megan.say("Did we pay anybody twice in October?")
    plan = await megan.card("Supplier invoices, October 2026")
    await plan.shows("Read supplier invoices from SAP")

    # Before Start the sentence changes the plan, and its card says how.
    await megan.say("Without SAP")
    changed = await megan.card("What has changed")
    await changed.shows("Left out: Read supplier invoices from SAP")
    await changed.press("Start")
    await sign_in(megan)
    await changed.shows("Waiting for Alex Wilber", seconds=40)
    assert "SAP" not in await changed.text()

    # During the run it is asked about what it lacks, and consented to.
    await megan.say("Also mail it to Lee")
    await megan.hears("Which Lee do you mean?")
    await megan.say("Lee Gu")
    consent = await megan.card("Nothing has changed yet")
    await consent.shows("New: Send a mail")
    assert "Send a mail" not in await changed.text()
    await consent.press("Change the plan")
    await consent.shows("The plan was changed")
    await changed.shows("Send a mail")

    question = await alex.card("Send decisions")
    await question.press("Send decisions")
    await allow(megan, "Save a file in SharePoint")
    mail = await allow(megan, "Send a mail in your name")
    await mail.shows("Lee Gu (lee.gu@contoso.example)")
    await (await megan.card("Open the workbook")).shows("Dynamics and Register")
    assert len(product.writes()) == 1
    sent = [each for each in product.sandbox("accepted")["accepted"] if each["kind"] == "mail.send"]
    assert len(sent) == 1
    assert product.events().count("PlanAmended") == 2


async def test_without_the_model_playbooks_work_and_what_was_asked_is_planned_later(
    product: Product, sit_down: SitDown
) -> None:
    product.start("--model", "recorded", "--people", "megan")
    megan = await sit_down(product.windows["Megan Bowen"])
    product.command("break", "model", "--status", "503", "--for", "10m")

    await megan.say(MESSAGE)
    down = await megan.card("I could not work out a plan", seconds=40)
    await down.shows("The language model that works out plans does not answer just now")
    await megan.say(GOAL)
    await (await megan.card("It will read")).shows("From the playbook")

    product.sandbox("mend", {})
    await down.press("Try again")
    # After three failures in a row nobody asks it for half a minute.
    asked = await megan.card("In which team shall I post it?", seconds=60)
    await asked.press("Finance")
    plan = await megan.card("Drawn up by")
    await plan.shows("Write · Teams")
    await plan.press("Start")
    await allow(megan, "Post a message in Teams in your name")
    await sign_in(megan)
    await megan.hears("The message is in Finance")
