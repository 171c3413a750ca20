from __future__ import annotations

from typing import Any

import pytest

from orchestration.capabilities import TaskContext
from orchestration.errors import InvalidContent, NotFound
from orchestration.workers.recent import Listed, names
from tests.support.office import ALEX, MEGAN
from tests.unit.playbooks.desk import LEE, Desk, facts, found, roster

GOAL = "Share several files"


def prepare(desk: Desk) -> None:
    def hits(search: Any) -> dict[str, Any]:
        name = f"{search.words}.docx"
        missing = "nothing" in name
        return {"files": [] if missing else [{"name": name, "drive": "d", "item": name, "link": "https://x.example"}]}

    desk.replies = {
        "people.roster": roster(ALEX),
        "people.manager": NotFound("Nobody is named as the manager."),
        "files.search": hits,
        "files.owner": lambda file: found(MEGAN if "own" in file.item else LEE),
        "files.share": {"name": "n", "link": "l", "invited": [], "said": "invited"},
    }


async def test_each_owner_agrees_each_share_is_allowed_and_what_was_not_is_counted(desk: Desk) -> None:
    prepare(desk)
    run = await desk.begin(GOAL, files="Lease; Loan ; my own; nothing at all", people="Alex Wilber")
    await desk.answer(run, "each.1.agree", LEE, "approve")
    await desk.answer(run, "each.2.agree", LEE, "reject")
    await desk.answer(run, "each.3.share", MEGAN, "approve")
    await desk.answer(run, "each.1.share", MEGAN, "approve")
    answer = await desk.ended(run)
    assert sorted(each.name for each in desk.asked["files.share"]) == ["Lease.docx", "my own.docx"]
    assert answer.text == "Alex Wilber can now read 2 of 4 files."
    assert facts(answer) == {"Files": "4", "Shared": "2", "Not agreed or not allowed": "1", "Not found": "1"}


async def test_an_owner_may_hand_the_question_to_their_manager(desk: Desk) -> None:
    prepare(desk)
    desk.replies["people.manager"] = found(ALEX)
    run = await desk.begin(GOAL, files="Lease", people="Alex Wilber")
    view = await desk.until(run, lambda run: bool(run.approvals))
    assert [person.name for person in view.approvals[0].delegates] == ["Alex Wilber"]


async def test_names_of_files_are_taken_apart_at_semicolons() -> None:
    async def said(text: str) -> list[str]:
        task = TaskContext(run_id="r", task_id="names", attempt=1, initiator=MEGAN)
        found: list[str] = (await names.call(Listed(said=text), task)).names
        return found

    assert await said(" Review, briefing.pdf;  Lease\nLoan; Lease;") == ["Review, briefing.pdf", "Lease", "Loan"]
    for wrong in (" ;; ", ";".join(map(str, range(21)))):
        with pytest.raises(InvalidContent):
            await said(wrong)
