from __future__ import annotations

from typing import Any

from orchestration.errors import NotPermitted
from tests.support.office import ALEX, MEGAN
from tests.unit.playbooks.desk import DIEGO, LEE, Desk, facts, found, roster

GOAL = "Share a file with the right people after its owner agrees"
SAID = {"file": "Litware contract", "people": "Alex Wilber, Diego Siciliani"}


def hit(name: str) -> dict[str, Any]:
    return {"name": name, "drive": "d", "item": name, "link": f"https://contoso.sharepoint.example/{name}"}


def prepare(desk: Desk, *names: str) -> None:
    desk.replies = {
        "people.roster": roster(ALEX, DIEGO),
        "files.search": {"files": [hit(name) for name in names]},
        "files.owner": found(LEE),
        "files.share": {
            "name": "n",
            "link": "l",
            "invited": [],
            "said": "invited by mail: alex.wilber@contoso.example",
        },
    }


async def test_the_owner_agrees_the_initiator_allows_and_the_people_are_let_in(desk: Desk) -> None:
    prepare(desk, "Litware contract.docx", "Litware contract 2024.docx")
    run = await desk.begin(GOAL, **SAID)
    await desk.answer(run, "agree", LEE, "approve", "Only until Friday.")
    await desk.answer(run, "share", MEGAN, "approve")
    answer = await desk.ended(run)
    asked = desk.asked["files.share"][0]
    assert (asked.item, asked.role) == ("Litware contract.docx", "read")
    assert asked.people == [f"Alex Wilber <{ALEX.upn}>", f"Diego Siciliani <{DIEGO.upn}>"]
    assert answer.text == "Alex Wilber, Diego Siciliani can now read “Litware contract.docx”."
    assert facts(answer)["Owner"] == "Lee Gu agreed"
    assert facts(answer)["Owner's comment"] == "Only until Friday."


async def test_an_owner_who_does_not_agree_ends_it_and_nobody_is_let_in(desk: Desk) -> None:
    prepare(desk, "Litware contract.docx")
    run = await desk.begin(GOAL, **SAID)
    await desk.answer(run, "agree", LEE, "reject")
    answer = await desk.ended(run)
    assert answer.text == "Lee Gu does not agree, so “Litware contract.docx” was not shared."
    assert "files.share" not in desk.asked


async def test_whoever_owns_the_file_is_not_asked_twice(desk: Desk) -> None:
    prepare(desk, "Litware contract.docx")
    desk.replies["files.owner"] = found(MEGAN)
    run = await desk.begin("Share the contract so that they can edit it", **SAID)
    await desk.answer(run, "share", MEGAN, "approve")
    answer = await desk.ended(run)
    assert desk.asked["files.share"][0].role == "write"
    assert facts(answer)["Owner"] == "Megan Bowen"


async def test_several_files_by_that_name_are_named_and_nobody_is_asked(desk: Desk) -> None:
    prepare(desk, "Litware contract 2025.docx", "Litware contract 2024.docx")
    run_id = await desk.begin(GOAL, **SAID)
    run = await desk.until(run_id, lambda run: run.status == "failed")
    assert "“Litware contract 2025.docx”, “Litware contract 2024.docx”" in run.message
    assert "files.owner" not in desk.asked


async def test_who_may_not_share_is_told_and_the_run_says_what_became_of_it(desk: Desk) -> None:
    prepare(desk, "Litware contract.docx")
    desk.replies["files.share"] = NotPermitted("You may not share Litware contract.docx. Nothing was shared.")
    run = await desk.begin(GOAL, **SAID)
    await desk.answer(run, "agree", LEE, "approve")
    await desk.answer(run, "share", MEGAN, "approve")
    await desk.until(run, lambda run: any(each.open and each.kind == "failure" for each in run.approvals))
    await desk.answer(run, "share", MEGAN, "skip")
    assert (await desk.ended(run)).text == "“Litware contract.docx” was not shared."
