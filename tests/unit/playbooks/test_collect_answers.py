from __future__ import annotations

from datetime import timedelta
from typing import Any

from orchestration.core.commands import SkipApproval
from orchestration.errors import Unavailable
from tests.support.office import ALEX, MEGAN
from tests.unit.playbooks.desk import ADELE, DIEGO, LEE, PEOPLE, Desk, facts, found, roster

GOAL = "Collect answers from my colleagues"
QUESTION = "Which day suits you for the offsite?"
ALL = [ALEX, LEE, ADELE, DIEGO]
TASKS = ["first", "second", "third", "fourth", "fifth"]


def reply(address: str, text: str) -> dict[str, Any]:
    return {
        "id": address,
        "subject": f"Re: Question: {QUESTION}",
        "sender": "x",
        "address": address,
        "to": [],
        "received": "2026-11-21T09:00:00Z",
        "text": text,
        "link": "https://outlook.example/1",
    }


def prepare(desk: Desk, *people: Any, note: str = "") -> None:
    desk.replies = {
        "people.roster": roster(*people, note=note),
        "people.availability": {"people": [], "notes": []},
        "mail.send": {"message": "m", "subject": "s", "to": []},
        "mail.search": {"mails": []},
        "mail.draft": {"draft": "d", "change_key": "c", "subject": "s", "to": [], "link": "https://outlook.example/d"},
    }


async def test_five_people_answer_on_cards_and_by_mail_and_the_run_waits_for_each(desk: Desk) -> None:
    five = [*ALL, MEGAN]
    prepare(desk, *five)
    desk.replies["mail.search"] = {
        "mails": [
            reply(ADELE.upn, "Hi Megan,\nTuesday.\n\n> Question"),
            {**reply(MEGAN.upn, "Hello, please answer."), "subject": f"Question: {QUESTION}"},
        ]
    }
    run = await desk.begin(GOAL, question=QUESTION, people=", ".join(PEOPLE))
    await desk.answer(run, "mail", MEGAN, "approve")
    for task, person in zip(TASKS, five, strict=True):
        assert "mail.search" not in desk.asked, "nothing goes on before everybody has answered"
        by_mail = person is ADELE
        await desk.answer(
            run, task, person, "other" if by_mail else "answer", "" if by_mail else f"{person.name}: Monday"
        )
    await desk.answer(run, "draft", MEGAN, "approve")
    answer = await desk.ended(run)

    assert answer.text.startswith("5 of 5 answered.")
    assert facts(answer)["Adele Vance"] == "Tuesday."
    assert facts(answer)["Megan Bowen"] == "Megan Bowen: Monday", "the question is no answer"
    assert facts(answer)["Lee Gu"] == "Lee Gu: Monday"
    assert answer.link == "https://outlook.example/d"
    kept = desk.asked["mail.draft"][0].text
    assert "Adele Vance (by mail, Sat 21 Nov)\nTuesday.\nhttps://outlook.example/1" in kept
    assert {each.name for _, shown, each in desk.surface.asked if shown.kind == "decision"} == set(PEOPLE)


async def test_fewer_people_are_asked_and_one_who_passes_or_is_unknown_is_named(desk: Desk) -> None:
    prepare(desk, ALEX, LEE, note="There is nobody named Zoe.")
    run = await desk.begin(GOAL, question=QUESTION, people="Alex Wilber, Lee Gu, Zoe")
    await desk.answer(run, "mail", MEGAN, "reject")
    await desk.answer(run, "first", ALEX, "answer", "Friday")
    await desk.answer(run, "second", LEE, "pass")
    await desk.answer(run, "draft", MEGAN, "reject")
    answer = await desk.ended(run)
    assert answer.text == "1 of 2 answered. Without an answer: Lee Gu. There is nobody named Zoe."
    assert "mail.search" not in desk.asked, "nobody got a mail that could be replied to"
    assert {name for name, state in desk.states().items() if state == "skipped"} >= {"third", "fourth", "fifth"}
    asked = [shown for _, shown, _ in desk.surface.asked if shown.kind == "decision"]
    assert not any("reply to the mail" in shown.text for shown in asked)


async def test_a_colleague_who_never_answers_holds_nobody_up_and_is_named(desk: Desk) -> None:
    prepare(desk, ALEX, LEE)
    run = await desk.begin(GOAL, question=QUESTION, people="Alex Wilber, Lee Gu")
    await desk.answer(run, "mail", MEGAN, "reject")
    await desk.answer(run, "second", LEE, "answer", "Friday")
    waiting = await desk.until(run, lambda run: any(task.may_skip for task in run.tasks))
    (silent,) = (each.id for each in waiting.approvals if each.open and each.task == "first")
    await desk.engine.send(run, SkipApproval(approval=silent, by=MEGAN))
    await desk.answer(run, "draft", MEGAN, "approve")
    answer = await desk.ended(run)
    assert answer.text.startswith("1 of 2 answered. Without an answer: Alex Wilber.")


async def test_a_mailbox_that_is_down_leaves_the_answers_of_the_cards(desk: Desk) -> None:
    prepare(desk, ALEX)
    desk.replies["mail.search"] = Unavailable("Microsoft 365 does not answer (503).")
    run = await desk.begin(GOAL, question=QUESTION, people="Alex Wilber")
    await desk.answer(run, "mail", MEGAN, "approve")
    await desk.answer(run, "first", ALEX, "other")
    for _ in range(4):
        await desk.until(run, lambda run: any(task.status == "backing_off" for task in run.tasks))
        desk.clock.advance(timedelta(minutes=10))
    await desk.answer(run, "replies", MEGAN, "skip")
    await desk.answer(run, "draft", MEGAN, "approve")
    answer = await desk.ended(run)
    assert answer.text.startswith("0 of 1 answered. Without an answer: Alex Wilber.")
    assert "answers by mail are missing" in desk.asked["mail.draft"][0].text
    assert found(ALEX)["name"] in facts(answer)


async def test_who_is_silent_is_reminded_and_after_three_days_of_work_the_others_are_enough(desk: Desk) -> None:
    prepare(desk, ALEX, LEE)
    run = await desk.begin(GOAL, question=QUESTION, people="Alex Wilber, Lee Gu")
    await desk.answer(run, "mail", MEGAN, "reject")
    await desk.answer(run, "second", LEE, "answer", "Friday")
    waiting = await desk.until(run, lambda run: any(each.open and each.task == "first" for each in run.approvals))
    (silent,) = (each for each in waiting.approvals if each.open and each.task == "first")
    assert silent.due_at == silent.requested_at + timedelta(hours=24), "by the clock where nobody knows when he works"
    desk.clock.advance(timedelta(hours=8, minutes=1))
    await desk.until(run, lambda _: bool(desk.surface.reminded))
    assert [person.id for _, person in desk.surface.reminded] == [ALEX.id]
    desk.clock.advance(timedelta(hours=16))
    await desk.answer(run, "draft", MEGAN, "approve")
    answer = await desk.ended(run)
    assert answer.text.startswith("1 of 2 answered. Without an answer: Alex Wilber.")
