from __future__ import annotations

from datetime import datetime
from typing import Any

from orchestration.errors import InvalidContent
from tests.support.office import ALEX, MEGAN
from tests.unit.playbooks.desk import ADELE, Desk, facts, roster

GOAL = "Find a slot next week and invite people"
SAID = {"people": "Alex Wilber and Adele Vance", "subject": "Budget 2027"}


def slots(*days: int) -> dict[str, Any]:
    return {
        "slots": [
            {
                "start": f"2026-11-{day}T10:00:00+01:00",
                "end": f"2026-11-{day}T10:30:00+01:00",
                "shown": f"{day} Nov 2026, 10:00–10:30 (Europe/Berlin)",
            }
            for day in days
        ],
        "people": [],
        "zone": "Europe/Berlin",
        "notes": ["Adele Vance is out of office on Tue 24 Nov."],
    }


def enter(meeting: Any) -> dict[str, Any]:
    at = meeting.start.isoformat()
    link = "https://outlook.example/event"
    return {"event": "e", "subject": meeting.subject, "start": at, "end": at, "people": meeting.people, "link": link}


def prepare(desk: Desk, *days: int) -> None:
    desk.replies = {
        "people.roster": roster(ALEX, ADELE),
        "calendar.free_time": slots(*days),
        "calendar.create": enter,
    }


async def test_the_slot_that_was_chosen_is_the_one_that_is_entered(desk: Desk) -> None:
    prepare(desk, 25, 26, 27)
    run = await desk.begin(GOAL, **SAID)
    await desk.answer(run, "choose", MEGAN, "second")
    await desk.answer(run, "invite", MEGAN, "approve")
    answer = await desk.ended(run)

    asked = desk.asked["calendar.free_time"][0]
    assert (str(asked.first_day), str(asked.last_day), asked.minutes) == ("2026-11-23", "2026-11-29", 30)
    meeting = desk.asked["calendar.create"][0]
    assert meeting.start == datetime.fromisoformat("2026-11-26T10:00:00+01:00")
    assert meeting.people == ["Alex Wilber <alex.wilber@contoso.example>", "Adele Vance <adele.vance@contoso.example>"]
    assert facts(answer)["When"] == "26 Nov 2026, 10:00–10:30 (Europe/Berlin)"
    shown = next(shown for _, shown, _ in desk.surface.asked if shown.kind == "decision")
    assert [choice.title[:6] for choice in shown.choices] == ["25 Nov", "26 Nov", "27 Nov"]
    assert "Adele Vance is out of office on Tue 24 Nov." in shown.text


async def test_the_only_slot_is_asked_about_by_its_invitation_alone(desk: Desk) -> None:
    prepare(desk, 25)
    run = await desk.begin(GOAL, **SAID)
    await desk.answer(run, "invite", MEGAN, "approve")
    assert (await desk.ended(run)).link == "https://outlook.example/event"
    assert desk.states()["choose"] == "skipped"


async def test_of_two_slots_none_can_be_chosen(desk: Desk) -> None:
    prepare(desk, 25, 26)
    run = await desk.begin(GOAL, **SAID)
    await desk.answer(run, "choose", MEGAN, "third")
    answer = await desk.ended(run)
    shown = next(shown for _, shown, _ in desk.surface.asked if shown.kind == "decision")
    assert shown.choices[2].title == "None of these"
    assert answer.text == "Nobody was invited."
    assert "calendar.create" not in desk.asked


async def test_without_a_slot_the_answer_says_so_and_what_to_do(desk: Desk) -> None:
    prepare(desk)
    answer = await desk.ended(await desk.begin("Schedule a meeting this week for 90 minutes", **SAID))
    assert desk.asked["calendar.free_time"][0].minutes == 90
    assert answer.text.startswith("There is no slot in 16–22 November 2026 when all of you are free")
    assert facts(answer)["Please note"] == "Adele Vance is out of office on Tue 24 Nov."


async def test_somebody_unknown_ends_the_run_before_anybody_is_invited(desk: Desk) -> None:
    prepare(desk, 25)
    desk.replies["people.roster"] = InvalidContent("There is nobody named just Adel. Perhaps Adele Vance?")
    run_id = await desk.begin(GOAL, **SAID)
    run = await desk.until(run_id, lambda run: run.status == "failed")
    assert "Perhaps Adele Vance?" in run.message
    assert "calendar.create" not in desk.asked
