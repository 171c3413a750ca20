"""Buttons that steer a run: pause, try again, go on without, take back; and what the chat shows of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot import texts
from orchestration.capabilities import Preview, TaskContext, worker
from orchestration.core.commands import CancelRun, PauseRun, StartRun
from orchestration.core.plan import ForEach, Node, Plan, Question
from orchestration.core.view import RunView
from orchestration.errors import Conflict, InvalidContent
from tests.support.chat import ALEX, MEGAN, Desk, buttons, everything, opened
from tests.support.office import Number, plan

CARD = "application/vnd.microsoft.card.adaptive"
NOTE = "application/vnd.microsoft.activity.message"
WHO = {"id": "${params.alex}", "name": "Alex Wilber"}


class Written(msgspec.Struct):
    """What a write gives."""

    link: str


class World:
    """What the little workers do."""

    def __init__(self) -> None:
        self.broken = False
        self.refused = False
        self.read = 1


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def desk(tmp_path: Path, world: World) -> AsyncIterator[Desk]:
    """Both people have opened their chats; the workers `read`, `break` and `write` are there."""

    async def read(_: Number, __: TaskContext) -> Number:
        return Number(world.read)

    async def fragile(number: Number, _: TaskContext) -> Number:
        if world.broken:
            raise InvalidContent("The sheet is not there.")
        return number

    async def write(number: Number, _: TaskContext) -> Written:
        if world.refused:
            raise Conflict("A file of this name is there already.")
        return Written(f"https://contoso.example/{number.n}")

    made = Desk(
        tmp_path,
        worker("read", title="Read it", summarize=lambda number: f"{number.n} lines")(read),
        worker("break", title="Open the sheet", attempts=1)(fragile),
        worker(
            "write",
            title="Save it",
            effect="write",
            system="SharePoint",
            preview=lambda number: Preview("Save the list", [("Lines", str(number.n))]),
        )(write),
    )
    async with opened(made):
        for person in (MEGAN, ALEX):
            await made.send(person, "installationUpdate", action="add")
        yield made


async def begin(desk: Desk, goal: Plan) -> str:
    """Megan's run of a plan, started."""
    applied = await desk.engine.propose(goal, goal="do it", initiator=MEGAN, origin="", command_id="")
    await desk.engine.send(applied.run.run_id, StartRun(by=MEGAN))
    return applied.run.run_id


async def until(desk: Desk, run_id: str, what: Callable[[RunView], bool]) -> RunView:
    """The run once something holds of it."""
    held: list[RunView] = []

    def listen(run: RunView) -> None:
        held.append(run)

    desk.engine.subscribe(listen)
    held.append(await desk.engine.view(run_id))
    await desk.until(lambda: what(held[-1]), "the run did not get there")
    return held[-1]


def asking(**more: Any) -> Node:
    """A question to Alex."""
    return Node(approval=Question(approver="${params.alex}", title="Release it?", **more))


def story(**tasks: Node) -> Plan:
    """A plan whose expressions know Alex."""
    person = {"id": ALEX.id, "name": ALEX.name, "upn": ALEX.upn}
    boss = {"id": MEGAN.id, "name": MEGAN.name, "upn": MEGAN.upn}
    return msgspec.structs.replace(plan(**tasks), params={"alex": person, "megan": boss}, title="The list")


def full() -> Plan:
    """Read, let Alex decide, write."""
    return story(
        read=Node(capability="read"),
        ask=msgspec.structs.replace(asking(), needs=["read"]),
        save=Node(capability="write", with_={"n": "${tasks.read.n}"}, needs=["read", "ask"]),
    )


async def finished(desk: Desk) -> str:
    """A full run that has written and succeeded."""
    run_id = await begin(desk, full())
    await desk.sees(ALEX, "Release it?")
    await desk.press(ALEX, "Approve")
    await desk.sees(MEGAN, "Save the list")
    await desk.press(MEGAN, "Allow")
    await desk.sees(MEGAN, "Something is wrong with a result")
    return run_id


async def pressed(desk: Desk, person: Any, verb: str, data: dict[str, Any], card: str = "") -> tuple[str, Any]:
    status, body = await desk.execute(person, verb, data, card)
    assert status == 200
    return body["type"], body["value"]


# --- pause


async def test_a_run_is_paused_and_goes_on_again_and_again(desk: Desk, world: World) -> None:
    run_id = await begin(desk, full())
    await desk.sees(MEGAN, "Waiting for Alex Wilber")
    for _ in range(2):
        await desk.press(MEGAN, "Pause")
        assert (await desk.engine.view(run_id)).paused
        card = await desk.sees(MEGAN, "Nothing new is begun until you let it go on")
        assert {"Go on", "Cancel the run"} == set(buttons(card.card))
        await desk.press(MEGAN, "Go on")
        assert not (await desk.engine.view(run_id)).paused


async def test_a_paused_run_can_go_on_from_the_list_of_runs(desk: Desk, world: World) -> None:
    run_id = await begin(desk, full())
    await desk.sees(MEGAN, "Waiting for Alex Wilber")
    await desk.engine.send(run_id, PauseRun(by=MEGAN))
    await desk.say(MEGAN, "status")
    listing = desk.last(MEGAN)
    assert "Paused" in listing.says
    await desk.press(MEGAN, "Go on", on=listing)
    assert "Your runs" in listing.says
    assert "Paused" not in listing.says


@pytest.mark.parametrize(
    "verb", ["run.pause", "run.resume", "task.retry", "task.leave_out", "result.check", "result.retract"]
)
async def test_a_foreigner_who_presses_is_told_so_and_nothing_happens(desk: Desk, world: World, verb: str) -> None:
    run_id = await finished(desk)
    run = await desk.engine.view(run_id)
    data = {"run_id": run_id, "task": "read", "entry": run.tasks[0].entry}
    before = [each.type for each in await desk.store.events(run_id) if each.type != "NoticeDelivered"]
    kind, said = await pressed(desk, ALEX, verb, data)
    assert kind == NOTE
    assert "Only Megan Bowen can" in said
    assert "The list" not in said
    assert [each.type for each in await desk.store.events(run_id) if each.type != "NoticeDelivered"] == before


@pytest.mark.parametrize(
    ("verb", "data", "said"),
    [
        ("task.retry", {"run_id": "nope", "task": "x"}, texts.unknown_run()),
        ("task.retry", {"run_id": "nope"}, texts.unknown_button()),
        ("result.check", {"run_id": "nope", "task": "x"}, texts.unknown_run()),
        ("result.check", {"run_id": "RUN"}, texts.result_which()),
        ("result.check", {"run_id": "RUN", "task": "nope"}, texts.result_changed()),
        ("result.retract", {"run_id": "nope", "task": "x", "entry": "e"}, texts.unknown_run()),
        ("result.retract", {"run_id": "RUN", "task": "read", "entry": "old"}, texts.result_changed()),
        ("result.retract", {"run_id": "RUN", "task": "read"}, texts.unknown_button()),
        ("approval.show", {"run_id": "RUN", "approval": "nope"}, texts.unknown_button()),
        ("approval.show", {"run_id": 7}, texts.unknown_button()),
    ],
)
async def test_buttons_that_lead_nowhere_say_so(
    desk: Desk, world: World, verb: str, data: dict[str, Any], said: str
) -> None:
    run_id = await finished(desk)
    data = {key: run_id if value == "RUN" else value for key, value in data.items()}
    assert await pressed(desk, MEGAN, verb, data) == (NOTE, said)


# --- after a failure


async def test_what_failed_is_tried_again_and_the_older_cards_say_so(desk: Desk, world: World) -> None:
    world.broken = True
    run_id = await begin(desk, story(sheet=Node(capability="break"), read=Node(capability="read", needs=["sheet"])))
    outcome = await desk.sees(MEGAN, "It could not be finished")
    failed = lambda: [each for each in desk.chat(MEGAN) if "Failed" in each.says and each is not outcome]  # noqa: E731
    await desk.until(lambda: bool(failed()), "the progress card does not say that it failed")
    (progress,) = failed()
    assert "Nothing was written." in outcome.says
    world.broken = False
    again = buttons(outcome.card)["Try again"]
    await desk.press(MEGAN, "Try again", on=outcome)
    assert "Taken up again" in outcome.says
    await until(desk, run_id, lambda run: run.status == "succeeded")
    answer = await desk.sees(MEGAN, "Something is wrong with a result")
    await desk.until(lambda: "Taken up again" in progress.says, "the old card is left as it was")
    now = await desk.sees(MEGAN, "It had ended and was taken up again")
    assert desk.chat(MEGAN).index(progress) < desk.chat(MEGAN).index(outcome) < desk.chat(MEGAN).index(now)
    assert "Finished" in now.says
    # Pressed once more, by another device: nothing happens, and the outcome is not overwritten.
    events = len(await desk.store.events(run_id))
    assert (await pressed(desk, MEGAN, again["verb"], again["data"], answer.id))[0] == CARD
    assert [each.type for each in (await desk.store.events(run_id))[events:] if each.type != "NoticeDelivered"] == []


async def test_a_run_goes_on_without_what_failed(desk: Desk, world: World) -> None:
    world.broken = True
    run_id = await begin(desk, story(sheet=Node(capability="break"), read=Node(capability="read")))
    await desk.press(MEGAN, "Go on without it", on=await desk.sees(MEGAN, "It could not be finished"))
    run = await until(desk, run_id, lambda run: run.status == "succeeded")
    assert [task.status for task in run.tasks] == ["skipped", "succeeded"]
    await desk.sees(MEGAN, "Megan Bowen went on without it")


async def test_what_failed_inside_a_group_can_be_tried_again_too(desk: Desk, world: World) -> None:
    world.broken = True
    body = {"open": Node(capability="break", with_={"n": "${for_each.item}"})}
    each = ForEach(items="${params.ns}", tasks=body, gives="${tasks.open.n}")
    goal = story(all=Node(for_each=each, title="Open all"))
    run_id = await begin(desk, msgspec.structs.replace(goal, params={**goal.params, "ns": [1, 2]}))
    outcome = await desk.sees(MEGAN, "It could not be finished")
    world.broken = False
    await desk.press(MEGAN, "Try again", on=outcome)
    await until(desk, run_id, lambda run: run.status == "succeeded")


async def test_a_write_that_was_allowed_and_failed_surely_shows_so(desk: Desk, world: World) -> None:
    world.refused = True
    await begin(desk, story(save=Node(capability="write", with_={"n": 1})))
    await desk.sees(MEGAN, "Save the list")
    await desk.press(MEGAN, "Allow")
    outcome = await desk.sees(MEGAN, "It could not be finished")
    assert "Save it: it was allowed, but failed, and surely nothing was written" in outcome.says
    assert "Nothing was written." in outcome.says
    await desk.sees(MEGAN, "Failed, surely nothing was written")


async def test_a_cancelled_run_says_what_was_written_and_links_to_it(desk: Desk, world: World) -> None:
    save = Node(capability="write", with_={"n": 5})
    run_id = await begin(desk, story(save=save, ask=msgspec.structs.replace(asking(), needs=["save"])))
    await desk.sees(MEGAN, "Save the list")
    await desk.press(MEGAN, "Allow")
    await desk.sees(ALEX, "Release it?")
    await desk.engine.send(run_id, CancelRun(by=MEGAN))
    outcome = await desk.sees(MEGAN, "Written, and it stays")
    assert "https://contoso.example/5" in outcome.says
    assert "Release it?" in outcome.says


# --- after success


async def test_a_result_is_taken_back_after_a_look_at_what_follows(desk: Desk, world: World) -> None:
    run_id = await finished(desk)
    outcome = desk.last(MEGAN)
    await desk.press(MEGAN, "Show what would be done again", on=outcome, task="read")
    asked = desk.last(MEGAN)
    assert "Take this result back?" in asked.says
    for part in ("Done again", "Asked again", "Was already written", "You are asked about each"):
        assert part in asked.says
    assert (await desk.engine.view(run_id)).reopened == 0
    world.read = 2
    await desk.press(MEGAN, "Take it back", on=asked, reason="the wrong list")
    assert "is done again now" in asked.says
    await desk.until(lambda: "Taken up again" in outcome.says, "the old outcome stays")
    await desk.press(ALEX, "Approve", on=await desk.sees(ALEX, "Comment (optional)"))
    stale = await desk.sees(MEGAN, "Leave it as it is")
    assert "This was written before" in stale.says
    assert "Lines" in stale.says
    await desk.press(MEGAN, "Write it again", on=stale)
    await until(desk, run_id, lambda run: run.status == "succeeded")
    assert "Written again" in stale.says
    last = await desk.sees(MEGAN, "Something is wrong with a result")
    assert last is not outcome
    [retracted] = [each for each in await desk.store.events(run_id) if each.type == "EntryRetracted"]
    assert b"the wrong list" in retracted.body


async def test_a_restart_does_not_tell_of_a_reopened_run_twice(desk: Desk, world: World) -> None:
    world.broken = True
    run_id = await begin(desk, story(sheet=Node(capability="break")))
    await desk.press(MEGAN, "Go on without it", on=await desk.sees(MEGAN, "It could not be finished"))
    await desk.sees(MEGAN, "It had ended and was taken up again")
    await until(desk, run_id, lambda run: ("progress_end:1", MEGAN.id) in run.receipts)
    chat = len(desk.chat(MEGAN))
    await desk.restart()
    await desk.until(lambda: True, "")
    desk.clock.advance(timedelta(minutes=1))
    assert len(desk.chat(MEGAN)) == chat


# --- what people see of approvals


async def test_a_reminder_brings_the_question_to_hand_and_is_settled_with_it(desk: Desk, world: World) -> None:
    await begin(desk, story(ask=asking(remind_hours=4, due_hours=8)))
    question = await desk.sees(ALEX, "Release it?")
    assert "Please answer by" in question.says
    desk.clock.advance(timedelta(hours=4, minutes=1))
    reminder = await desk.sees(ALEX, "Reminder: Megan Bowen waits for your answer")
    assert reminder.message.summary == "Reminder: please answer “Release it?” (The list)"
    data = buttons(reminder.card)["Show the question"]["data"]
    assert await pressed(desk, MEGAN, "approval.show", data) == (NOTE, texts.not_asked())
    await desk.press(ALEX, "Show the question", on=reminder)
    await desk.press(ALEX, "Approve", on=reminder)
    await desk.until(lambda: "by Alex Wilber" in question.says, "the question's own card stays open")
    assert "by Alex Wilber" in reminder.says


async def test_votes_are_counted_on_every_card(desk: Desk, world: World) -> None:
    both = Question(approvers="${[params.alex, params.megan]}", title="Release it?", quorum=2)
    run_id = await begin(desk, story(ask=Node(approval=both)))
    own = await desk.sees(MEGAN, "Both people who are asked have to approve. Nobody has answered yet.")
    await desk.press(ALEX, "Approve", on=await desk.sees(ALEX, "Nobody has answered yet"), comment="fine")
    assert "You have answered: approved" in desk.last(ALEX).says
    await desk.until(lambda: "1 of 2 have approved: Alex Wilber" in own.says, "the other card is not updated")
    await desk.sees(MEGAN, "Waiting for your answer in this chat (1 of 2 have approved: Alex Wilber)")
    await desk.press(MEGAN, "Approve", on=own)
    await until(desk, run_id, lambda run: run.status == "succeeded")
    await desk.until(lambda: "Answers" in desk.last(ALEX).says, "Alex does not see how it was decided")


async def test_who_is_asked_by_escalation_sees_why_and_the_others_see_whom(desk: Desk, world: World) -> None:
    await begin(desk, story(ask=asking(due_hours=8, escalate_to="${params.megan}")))
    question = await desk.sees(ALEX, "If nobody has answered by then, Megan Bowen is asked as well.")
    desk.clock.advance(timedelta(hours=8, minutes=1))
    await desk.sees(MEGAN, "You are asked because Alex Wilber did not answer in time, or is away.")
    await desk.until(lambda: "Megan Bowen was asked as well." in question.says, "Alex is not told")
    await desk.sees(MEGAN, "Waiting for Alex Wilber or you")
    answer = buttons(question.card)["Reject"]["data"]
    await desk.press(MEGAN, "Approve")
    kind, late = await pressed(desk, ALEX, "approval.decide", answer)
    assert kind == CARD
    assert "Your answer came after that, so it changed nothing." in everything(late)
    assert "Megan Bowen" in everything(late)


async def test_a_question_that_expired_says_so_and_tells_late_answers(desk: Desk, world: World) -> None:
    run_id = await begin(desk, story(ask=asking(due_hours=8, on_expiry="skip")))
    question = await desk.sees(ALEX, "If nobody has answered by then, the run goes on without the answer.")
    answer = buttons(question.card)["Approve"]["data"]
    desk.clock.advance(timedelta(hours=8, minutes=1))
    await until(desk, run_id, lambda run: run.status == "succeeded")
    await desk.until(lambda: "Nobody answered in time" in question.says, "the question stays")
    _, late = await pressed(desk, ALEX, "approval.decide", answer)
    assert "The run went on without an answer" in everything(late)
    assert "Your answer came after that" in everything(late)


async def test_an_overdue_question_that_waits_says_so(desk: Desk, world: World) -> None:
    await begin(desk, story(ask=asking(due_hours=8)))
    question = await desk.sees(ALEX, "Please answer by")
    desk.clock.advance(timedelta(hours=8, minutes=1))
    await desk.until(lambda: "was due already and is still needed" in question.says, "nothing is said")
    await desk.sees(MEGAN, "Waiting for Alex Wilber, overdue")


# --- dry runs


async def test_a_dry_run_is_marked_as_such_wherever_it_shows(desk: Desk, world: World) -> None:
    run_id = await finished(desk)
    alex, chat = len(desk.chat(ALEX)), len(desk.chat(MEGAN))
    dry = (await desk.engine.fork(run_id, 2, by=MEGAN)).run
    await desk.press(MEGAN, "Approve", on=await desk.sees(MEGAN, "Comment (optional)"))  # nobody else is bothered
    await until(desk, dry.run_id, lambda run: run.status == "succeeded" and ("outcome", MEGAN.id) in run.receipts)
    await until(desk, dry.run_id, lambda run: ("progress_end", MEGAN.id) in run.receipts)
    new = desk.chat(MEGAN)[chat:]
    assert len(new) == 3
    assert len(desk.chat(ALEX)) == alex
    assert all("Dry run, nothing is written" in each.says for each in new)
    outcome = next(each for each in new if "Would have been written" in each.says and "Skipped" not in each.says)
    assert "Save the list (Lines: 1)" in outcome.says
    assert outcome.message.summary == "Dry run: The list: done"
    assert "Something is wrong" not in outcome.says
    await desk.say(MEGAN, "status")
    assert "Dry run, nothing is written" in desk.last(MEGAN).says
