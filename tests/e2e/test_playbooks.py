"""Three of the everyday playbooks, each with the people it needs at real Playgrounds, over the sandbox's own office."""

from __future__ import annotations

import re
import signal
from typing import Any

import pytest

from tests.e2e.playground import Card, Chat
from tests.e2e.product import Product
from tests.e2e.story import SitDown, sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
QUESTION = "Which day in December suits you for the offsite?"


async def begin(megan: Chat, goal: str, *answers: tuple[str, str]) -> Card:
    """Megan asks, answers what is asked back, starts and signs in; returns the progress card."""
    await megan.say(goal)
    for question, answer in answers:
        await megan.hears(question)
        await megan.say(answer)
    plan = await megan.card("Nothing has been done yet")
    await plan.press("Start")
    await sign_in(megan)
    return plan


async def allow(megan: Chat, *texts: str) -> None:
    """Megan is shown a write, with these texts, and allows it."""
    gate = await megan.card("Nothing is written unless you allow it", seconds=40)
    for text in texts:
        await gate.shows(text)
    await gate.press("Allow")


def accepted(product: Product, kind: str) -> list[dict[str, Any]]:
    """What Microsoft 365 has taken of one kind."""
    return [each for each in product.sandbox("accepted")["accepted"] if each["kind"] == kind]


async def test_a_brief_for_the_meeting_at_14_names_people_mails_and_files(product: Product, sit_down: SitDown) -> None:
    product.start()
    megan = await sit_down(product.windows["Megan Bowen"])
    progress = await begin(megan, "Brief me for the meeting at 14:00")
    await allow(
        megan, "Supplier review Nordwind Logistik", "- Alex Wilber (accepted)", "Nordwind review at 14:00: briefing"
    )
    answer = await megan.card("Open the brief")
    for text in ("14:00–15:00", "Alex Wilber and Adele Vance", "Prices for 2027", "Nordwind review, briefing.pdf"):
        await answer.shows(text)
    await progress.shows("Finished")
    assert len(accepted(product, "mail.draft")) == 1
    assert not accepted(product, "mail.send")


async def test_a_file_is_shared_once_its_owner_has_agreed(product: Product, sit_down: SitDown) -> None:
    product.start("--people", "megan,adele")
    megan = await sit_down(product.windows["Megan Bowen"])
    adele = await sit_down(product.windows["Adele Vance"])
    await begin(
        megan,
        "Share a file with the right people after its owner agrees",
        ("Which file", "Framework agreement Nordwind"),
        ("With whom", "Diego Siciliani"),
    )
    asked = await adele.card("May Megan Bowen share")
    await asked.shows("Diego Siciliani would be able to read it")
    assert not accepted(product, "file.share")
    await asked.fill("Comment (optional)", "Not outside of the unit, please.")
    await asked.press("I agree")
    await asked.shows("Adele Vance")
    await allow(megan, "Framework agreement Nordwind 2027.docx", "diego.siciliani@contoso.example")
    answer = await megan.card("Open the file")
    await answer.shows("Diego Siciliani can now read")
    await answer.shows("Not outside of the unit, please.")
    (share,) = accepted(product, "file.share")
    assert (share["person"], share["people"], share["role"]) == ("megan", ["diego"], "read")


async def test_answers_come_from_cards_and_by_mail_and_the_run_waits_for_both(
    product: Product, sit_down: SitDown
) -> None:
    product.start("--people", "megan,alex,adele")
    megan = await sit_down(product.windows["Megan Bowen"])
    alex = await sit_down(product.windows["Alex Wilber"])
    adele = await sit_down(product.windows["Adele Vance"])
    progress = await begin(
        megan,
        "Collect answers from my colleagues",
        ("What is the question", QUESTION),
        ("Whom shall I ask", "Alex Wilber and Adele Vance"),
    )
    await allow(megan, f"Question: {QUESTION}", "alex.wilber@contoso.example", "adele.vance@contoso.example")
    card = await alex.card("Send my answer")
    await card.fill("Comment (optional)", "Tuesday the 8th.")
    await card.press("Send my answer")
    await card.shows("Alex Wilber")
    await progress.shows("Waiting for Adele Vance")
    sent = accepted(product, "mail.send")
    assert [sorted(each["to"]) for each in sent] == [["adele.vance@contoso.example", "alex.wilber@contoso.example"]]

    answer_by_mail = {"person": "adele", "answers": QUESTION, "body": "Hi Megan,\n\nonly Wednesday the 9th.\n\nAdele"}
    product.sandbox("mail", answer_by_mail)
    card = await adele.card("Send my answer")
    await card.press("I answered by mail")
    await allow(megan, f"Answers: {QUESTION}", "only Wednesday the 9th.")
    answer = await megan.card("Open all answers")
    await answer.shows(re.compile("2 of 2 answered"))
    await answer.shows("Tuesday the 8th.")
    await answer.shows("only Wednesday the 9th.")


@pytest.mark.parametrize("point", ["before:files.share", "after:files.share"])
async def test_kill_9_around_the_sharing_ends_with_exactly_one_invitation(
    product: Product, sit_down: SitDown, point: str
) -> None:
    product.start("--no-bot", "--people", "megan,adele")
    product.serve(TANDEM_CRASH_AT=point)
    megan = await sit_down(product.windows["Megan Bowen"])
    adele = await sit_down(product.windows["Adele Vance"])
    await begin(megan, "Share a file", ("Which file", "Framework agreement Nordwind"), ("With whom", "Diego Siciliani"))
    await (await adele.card("May Megan Bowen share")).press("I agree")
    await allow(megan, "Framework agreement Nordwind 2027.docx")
    assert product.wait_for_death() == -signal.SIGKILL
    assert len(accepted(product, "file.share")) == (0 if point.startswith("before") else 1)

    product.serve()
    answer = await megan.card("Open the file", seconds=40)
    await answer.shows("Diego Siciliani can now read")
    assert product.events().count("TaskInDoubt") == 1, "nothing was tried again before somebody looked"
    assert len(accepted(product, "file.share")) == 1
