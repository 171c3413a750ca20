from __future__ import annotations

import asyncio
from typing import Any

import pytest

from orchestration.core.label import Source
from orchestration.core.run import Part
from orchestration.errors import InvalidContent, NotPermitted
from orchestration.workers import gathered
from orchestration.workers.gathered import PART
from tests.support.office import MEGAN
from tests.unit.playbooks.desk import Desk, facts, links

SITE = "https://contoso.sharepoint.example"


def meeting(subject: str, at: str, day: int = 20) -> dict[str, Any]:
    return {
        "event": subject,
        "subject": subject,
        "start": f"2026-11-{day}T{at}:00+01:00",
        "end": f"2026-11-{day}T{at[:2]}:45:00+01:00",
        "organizer": "Lee Gu",
        "organizer_address": "lee.gu@contoso.example",
        "people": [
            {"name": "Lee Gu", "address": "lee.gu@contoso.example", "response": "organizer"},
            {"name": "Adele Vance", "address": "adele.vance@contoso.example", "response": "tentativelyAccepted"},
        ],
        "place": "Room Zugspitze",
        "text": "Please bring the figures of Litware.",
        "link": "https://outlook.example/event",
    }


def prepare(desk: Desk) -> None:
    file = {"name": "Litware minutes.docx", "drive": "d", "item": "i", "link": f"{SITE}/minutes", "excerpt": "Litware"}
    mail = {
        "id": "1",
        "subject": "Litware contract",
        "sender": "Adele Vance",
        "address": "adele.vance@contoso.example",
        "to": [],
        "received": "2026-11-18T09:00:00Z",
        "text": "They ask for 4 percent more.",
        "link": f"{SITE}/mail",
    }
    passages = [
        {"where": "paragraph 1", "text": "Minutes of the Litware meeting"},
        {"where": "paragraph 7", "text": "Open: Alex checks the discount until Friday."},
    ]
    desk.replies = {
        "calendar.agenda": {
            "meetings": [
                meeting("Month-end close", "10:00"),
                meeting("Litware contract review", "14:00"),
                meeting("Team breakfast", "09:00", 21),
            ],
            "zone": "Europe/Berlin",
        },
        "mail.search": {"mails": [mail]},
        "files.search": {"files": [{**file, "changed": "2026-11-12T09:00:00Z", "changed_by": "Alex Wilber"}]},
        "files.read": {"name": file["name"], "link": file["link"], "passages": passages},
        "mail.draft": {"draft": "d", "change_key": "c", "subject": "s", "to": [], "link": "https://outlook.example/d"},
    }


async def test_the_meeting_at_that_time_is_briefed_with_dates_and_links(desk: Desk) -> None:
    prepare(desk)
    run = await desk.begin("Brief me for the meeting at 14:00")
    await desk.answer(run, "draft", MEGAN, "approve")
    answer = await desk.ended(run)
    assert sorted(each.words for each in desk.asked["mail.search"]) == ["Litware", "contract"]
    assert answer.text.startswith("Litware contract review, Fri 20 Nov, 14:00–14:45: 1 mail and 1 file about it.")
    assert facts(answer) == {
        "With": "Lee Gu and Adele Vance",
        "About": "Please bring the figures of Litware.",
        "Open or due": "Open: Alex checks the discount until Friday",
        "Latest mail": "Adele Vance, Wed 18 Nov: Litware contract",
        "Files": "Litware minutes.docx",
    }
    letter = desk.asked["mail.draft"][0]
    assert letter.to == ["Megan Bowen <megan.bowen@contoso.example>"]
    assert "- Adele Vance (perhaps)" in letter.text
    assert "[Litware minutes.docx, paragraph 7]" in letter.text
    assert links(letter.text) == [f"{SITE}/mail", f"{SITE}/minutes"]


async def test_a_brief_that_is_not_kept_is_told_all_the_same(desk: Desk) -> None:
    prepare(desk)
    run = await desk.begin("What is the meeting at 2 pm about")
    await desk.answer(run, "draft", MEGAN, "reject")
    answer = await desk.ended(run)
    assert answer.link == "https://outlook.example/event"
    assert facts(answer)["Files"] == "Litware minutes.docx"


async def test_a_time_without_a_meeting_names_those_that_there_are(desk: Desk) -> None:
    prepare(desk)
    run_id = await desk.begin("Brief me for the meeting at 15:30")
    run = await desk.until(run_id, lambda run: run.status == "failed")
    assert "no meeting today at 15:30" in run.message
    assert "10:00 Month-end close and 14:00 Litware contract review" in run.message
    assert "mail.search" not in desk.asked


async def test_a_document_that_cannot_be_read_is_named_in_the_brief_and_nobody_is_kept_waiting(desk: Desk) -> None:
    prepare(desk)
    desk.replies["files.read"] = InvalidContent("Litware minutes.docx is locked with a password.")
    run = await desk.begin("Brief me for the meeting tomorrow at 9")
    await desk.answer(run, "draft", MEGAN, "approve")
    answer = await desk.ended(run)
    assert answer.text.startswith("Team breakfast, Sat 21 Nov")
    assert "Open or due" not in facts(answer)
    assert facts(answer)["Not in it"] == "Read the latest file: this did not work, so it is left out."
    assert "Not in this brief\n- Read the latest file: this did not work" in desk.asked["mail.draft"][0].text


async def test_a_mailbox_that_cannot_be_searched_is_named_and_not_taken_for_an_empty_one(desk: Desk) -> None:
    prepare(desk)
    desk.replies["mail.search"] = NotPermitted("You may not open it.")
    desk.replies["files.search"] = NotPermitted("You may not search.")
    run = await desk.begin("Brief me for the meeting at 14:00")
    await desk.answer(run, "draft", MEGAN, "approve")
    answer = await desk.ended(run)
    text = desk.asked["mail.draft"][0].text
    assert "nothing was searched about it" in answer.text
    assert "Your mailbox was left out." in text
    assert "Files were left out." in text
    assert "None was found" not in text
    assert "Look for mails about it: this did not work" in facts(answer)["Not in it"]


async def test_the_brief_vouches_for_how_many_of_its_sources_are_in_it(desk: Desk) -> None:
    prepare(desk)
    desk.replies["files.read"] = InvalidContent("Litware minutes.docx is locked with a password.")
    run = await desk.begin("Brief me for the meeting at 14:00")
    await desk.answer(run, "draft", MEGAN, "approve")
    await desk.ended(run)
    task = next(each for each in (await desk.engine.view(run)).tasks if each.name == "brief")
    assert task.parts == {PART: Part(5, 6)}  # there is only one file to be read, and it cannot be


async def test_a_source_that_does_not_answer_is_left_behind_and_named(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(desk)
    monkeypatch.setattr(gathered, "PATIENCE_SECONDS", 0.2)
    answers = asyncio.Event()
    desk.waits_for["mail.search"] = answers
    run = await desk.begin("Brief me for the meeting at 14:00")
    await desk.answer(run, "draft", MEGAN, "approve")
    await desk.until(run, lambda run: any(each.name == "draft" and each.status == "succeeded" for each in run.tasks))
    answers.set()
    answer = await desk.ended(run)
    assert "Look for mails about it: there was no answer in time" in facts(answer)["Not in it"]
    assert facts(answer)["Files"] == "Litware minutes.docx"


async def test_what_was_read_of_outsiders_taints_the_brief_and_its_draft(desk: Desk) -> None:
    prepare(desk)
    desk.notes["mail.search"] = Source("Litware contract", "Outlook", outside=True)
    desk.notes["files.read"] = Source("Litware minutes.docx", "SharePoint", label="confidential")
    run = await desk.begin("Brief me for the meeting at 14:00")
    await desk.until(run, lambda run: any(each.open and each.task == "draft" for each in run.approvals))
    asked = next(each for each in (await desk.engine.view(run)).approvals if each.task == "draft")
    assert (asked.label, asked.tainted, asked.scope) == ("confidential", True, "")
    shown = await desk.engine.shown(run, asked.id)
    assert {each.title for each in shown.sources} == {"Litware contract", "Litware minutes.docx"}
