from __future__ import annotations

from typing import Any

from orchestration.errors import InvalidContent, NotFound
from tests.support.office import MEGAN
from tests.unit.playbooks.desk import LEE, Desk, facts, found, links

SITE = "https://contoso.sharepoint.example"
MAILS = [
    {
        "id": "1",
        "subject": "Status: month-end close",
        "sender": "Alex Wilber",
        "address": "alex.wilber@contoso.example",
        "to": [],
        "received": "2026-11-18T09:00:00Z",
        "text": "Hi Megan,\n\n380 of 411 invoices are posted. Two suppliers are late.\n\nBest regards\nAlex",
        "link": f"{SITE}/mail/1",
    },
    {
        "id": "2",
        "subject": "Re: Status: month-end close",
        "sender": "Lee Gu",
        "address": "lee.gu@contoso.example",
        "to": [],
        "received": "2026-11-19T09:00:00Z",
        "text": "Good. Chase them.\n\nFrom: Alex Wilber\n380 of 411 invoices",
        "link": f"{SITE}/mail/2",
    },
]
FILES = [
    {
        "name": name,
        "drive": "d",
        "item": name,
        "link": f"{SITE}/{name.replace(' ', '%20')}",
        "changed": changed,
        "changed_by": "Adele Vance",
        "excerpt": "a status",
    }
    for name, changed in (
        ("Status procurement.docx", "2026-11-17T10:00:00Z"),
        ("Status broken.pdf", "2026-11-18T10:00:00Z"),
        ("Status picture.png", "2026-11-16T10:00:00Z"),
        ("Status of October.docx", "2026-10-30T10:00:00Z"),
    )
]


def read(arguments: Any) -> Any:
    if arguments.item.endswith(".pdf"):
        return InvalidContent("Status broken.pdf is broken.")
    passages = [{"where": "paragraph 1", "text": "Contract with Litware renewed."}]
    return {"name": arguments.item, "link": f"{SITE}/{arguments.item.replace(' ', '%20')}", "passages": passages}


def prepare(desk: Desk) -> None:
    desk.replies = {
        "mail.search": {"mails": MAILS},
        "files.search": {"files": FILES},
        "files.read": read,
        "people.manager": found(LEE),
        "mail.draft": {"draft": "d1", "change_key": "c", "subject": "s", "to": [], "link": f"{SITE}/draft"},
    }


async def test_a_week_becomes_a_draft_to_the_manager_with_dates_and_links(desk: Desk) -> None:
    prepare(desk)
    run = await desk.begin("Write my weekly status")
    await desk.answer(run, "first", MEGAN, "skip")  # the broken file is the latest one
    await desk.answer(run, "draft", MEGAN, "approve")
    answer = await desk.ended(run)

    asked = desk.asked["mail.search"][0]
    assert (str(asked.after), str(asked.before)) == ("2026-11-16", "2026-11-23")
    letter = desk.asked["mail.draft"][0]
    assert letter.to == ["Lee Gu <lee.gu@contoso.example>"]
    assert letter.subject == "Weekly status, 16–22 November 2026"
    assert "Alex Wilber, Wed 18 Nov: 380 of 411 invoices are posted. Two suppliers are late." in letter.text
    assert "Lee Gu, Thu 19 Nov: Good. Chase them." in letter.text
    assert "380 of 411 invoices\n" not in letter.text, "what a reply quotes is not said twice"
    assert "Contract with Litware renewed." in letter.text
    assert "October" not in letter.text, "another week's file"
    assert set(links(letter.text)) == {mail["link"] for mail in MAILS} | {file["link"] for file in FILES[:3]}
    assert answer.text.startswith("16–22 November 2026: 2 mails and 3 files, 1 topic.")
    assert answer.link == f"{SITE}/draft"
    assert facts(answer) == {
        "Topics": "Status: month-end close",
        "Files": "Status broken.pdf; Status procurement.docx; Status picture.png",
        "From": "Lee Gu, Alex Wilber and Adele Vance",
        "Draft to": "Lee Gu",
    }


async def test_last_week_is_understood(desk: Desk) -> None:
    prepare(desk)
    made = await desk.planned("Draft my status report for last week")
    assert made.plan.params["week"] == "last_week"


async def test_without_a_mailbox_and_a_manager_the_rest_is_told_and_nothing_is_drafted(desk: Desk) -> None:
    prepare(desk)
    desk.replies["mail.search"] = NotFound("There is no mailbox.")
    desk.replies["people.manager"] = NotFound("The directory names no manager of Megan Bowen.")
    run = await desk.begin("Write my weekly status")
    for task in ("mails", "manager", "first"):
        await desk.answer(run, task, MEGAN, "skip")
    answer = await desk.ended(run)
    assert answer.text == "16–22 November 2026: 3 files, no topics. No draft was made."
    assert "mail.draft" not in desk.asked


async def test_a_silent_week_makes_no_draft(desk: Desk) -> None:
    prepare(desk)
    desk.replies |= {"mail.search": {"mails": []}, "files.search": {"files": []}}
    answer = await desk.ended(await desk.begin("Write my weekly status"))
    assert answer.text.endswith("There is nothing to report, so no draft was made.")
