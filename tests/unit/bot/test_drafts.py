"""What people meet where a language model works out plans for goals that no playbook foresaw."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot import texts
from bot.drafts import ADDED
from bot.notifier import PROGRESS
from bot.outbound import Receipt
from bot.pending import Pendings
from orchestration.capabilities import Preview, TaskContext, worker
from orchestration.core.commands import StartRun
from orchestration.core.plan import Answer, Node, Plan
from orchestration.core.view import RunView
from orchestration.errors import ModelUnavailable, NotFound
from orchestration.planning.draft import Asked, Drafted, Exchange, is_planning
from orchestration.validation.policy import Plans, Policy
from orchestration.validation.policy_file import NoFile
from tests.support.chat import ALEX, MEGAN, Bubble, Desk, buttons, opened
from tests.support.drafting import MODEL, Draftsman, asking_somebody, letter, looking
from tests.support.teams import Nothing, stock_plan

GOAL = "tell Alex how much there is on the shelves"


@pytest.fixture
def draftsman() -> Draftsman:
    return Draftsman()


@pytest.fixture
async def desk(tmp_path: Path, draftsman: Draftsman) -> AsyncIterator[Desk]:
    async with opened(Desk(tmp_path, draftsman.worker())) as made:
        yield made


def new(plan: Any = None) -> Drafted:
    return Drafted(outcome="new", plan=plan or letter())


def change(plan: Any, of: str = "A") -> Any:
    """Another plan for the run that the model knows by this letter."""

    def answer(asked: Asked) -> Drafted:
        run = next(each for each in asked.runs if each.handle == of)
        return Drafted(outcome="change", plan=plan, run_id=run.run_id, revision=run.revision)

    return answer


async def runs(desk: Desk) -> list[RunView]:
    """Everything that was proposed but planning itself, newest first."""
    return [run for run in await desk.engine.runs(limit=50) if not is_planning(run.playbook)]


async def plannings(desk: Desk) -> list[RunView]:
    return [run for run in await desk.engine.runs(limit=50) if is_planning(run.playbook)]


async def planned(desk: Desk, draftsman: Draftsman, plan: Any = None) -> Bubble:
    """Megan sees the plan that the model has worked out for her goal."""
    draftsman.script.append(new(plan))
    await desk.say(MEGAN, GOAL)
    return await desk.sees(MEGAN, "Nothing has been done yet")


async def asked_back(desk: Desk, text: str) -> Bubble:
    """The model's question in Megan's chat, once it is known where it is."""
    question = await desk.sees(MEGAN, text)
    who = await desk.conversations.of(MEGAN.id)
    assert who is not None
    pendings = Pendings(desk.outbound, desk.store, desk.clock)  # type: ignore[arg-type]
    async with asyncio.timeout(5):
        while not ((asked := await pendings.of(who)) and asked.receipt):  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(0)
    return question


# A new goal


async def test_a_goal_that_no_playbook_foresaw_becomes_a_plan_that_says_who_drew_it_up(
    desk: Desk, draftsman: Draftsman
) -> None:
    card = await planned(desk, draftsman)
    assert f"Drawn up by the language model “{MODEL}” for this goal" in card.says
    assert "1,540 tokens" in card.says
    assert card.message.by_model
    (run,) = await runs(desk)
    assert (run.goal, run.model, run.status) == (GOAL, MODEL, "proposed")
    assert run.planned_in == (await plannings(desk))[0].run_id


async def test_each_step_is_named_by_what_it_really_does_whatever_the_model_calls_it(
    desk: Desk, draftsman: Draftsman
) -> None:
    card = await planned(desk, draftsman)
    assert "Write · SharePoint:" in card.says
    assert "“Just have a look”" in card.says
    assert card.says.index("Write · SharePoint:") < card.says.index("“Just have a look”")


async def test_the_plan_is_started_and_runs_like_any_other(desk: Desk, draftsman: Draftsman) -> None:
    await planned(desk, draftsman)
    await desk.press(MEGAN, "Start")
    await desk.press(MEGAN, "Allow", on=await desk.sees(MEGAN, "Allow"))
    await desk.sees(MEGAN, "Saved 3.")


async def test_what_asks_for_a_playbook_in_its_own_words_is_not_asked_of_the_model(
    desk: Desk, draftsman: Draftsman
) -> None:
    await desk.say(MEGAN, "count the stock for October 2026")
    assert "Start" in buttons(desk.last(MEGAN).card)
    assert draftsman.asked == []


async def test_a_playbook_that_fits_only_somehow_is_left_to_the_model(desk: Desk, draftsman: Draftsman) -> None:
    draftsman.script.append(Drafted(outcome="new", plan=msgspec.structs.replace(stock_plan("2026-10"), model=MODEL)))
    await desk.say(MEGAN, "could you look at the stock of October?")
    await desk.sees(MEGAN, "Nothing has been done yet")
    assert [asked.goal for asked in draftsman.asked] == ["could you look at the stock of October?"]


async def test_however_often_planning_is_reported_one_run_is_proposed_with_one_card(
    desk: Desk, draftsman: Draftsman
) -> None:
    await planned(desk, draftsman)
    (planning,) = await plannings(desk)
    before = len(desk.chat(MEGAN))
    assert desk.notifier.planned is not None
    assert await desk.notifier.planned(planning) == (await runs(desk))[0].receipts[(PROGRESS, MEGAN.id)]
    assert len(await runs(desk)) == 1
    assert len(desk.chat(MEGAN)) == before


async def test_the_same_message_twice_is_planned_once(desk: Desk, draftsman: Draftsman) -> None:
    draftsman.script += [new(), new()]
    await desk.say(MEGAN, GOAL, id="same")
    await desk.sees(MEGAN, "Nothing has been done yet")
    await desk.restart()
    await desk.say(MEGAN, GOAL, id="same")
    assert len(await plannings(desk)) == 1
    assert len(await runs(desk)) == 1


async def test_a_goal_of_before_a_crash_is_worked_out_after_it(desk: Desk, draftsman: Draftsman) -> None:
    draftsman.gate = asyncio.Event()
    await desk.say(MEGAN, GOAL)
    await desk.until(lambda: draftsman.asked, "nobody plans")
    await desk.stop()
    draftsman.gate = None
    draftsman.script.append(new())
    desk._wire()
    await desk.start()
    await desk.sees(MEGAN, "Nothing has been done yet")


async def test_what_takes_long_is_bridged_by_a_line_after_three_seconds(desk: Desk, draftsman: Draftsman) -> None:
    draftsman.gate = asyncio.Event()
    await desk.say(MEGAN, GOAL)
    await desk.until(lambda: draftsman.asked, "nobody plans")
    assert desk.outbound.hinted == []
    desk.clock.advance(timedelta(seconds=3))
    await desk.until(lambda: desk.outbound.hinted, "no line while the plan is worked out")
    assert desk.outbound.hinted == [("a:megan", texts.planning())]
    draftsman.script.append(new())
    draftsman.gate.set()
    await desk.sees(MEGAN, "Nothing has been done yet")


async def test_the_line_says_that_the_model_does_not_answer_while_it_is_asked_again(tmp_path: Path) -> None:
    draftsman = Draftsman(script=[ModelUnavailable("503")], attempts=2)
    async with opened(Desk(tmp_path, draftsman.worker())) as desk:
        await desk.say(MEGAN, GOAL)
        await desk.until(lambda: draftsman.asked, "nobody plans")
        failed: list[RunView] = []
        desk.engine.subscribe(lambda run: failed.append(run) if run.tasks[0].code else None)
        await desk.until(lambda: failed or draftsman.asked[1:], "the first try does not fail")
        desk.clock.advance(timedelta(seconds=3))
        await desk.until(lambda: desk.outbound.hinted, "no line while the model is down")
        assert desk.outbound.hinted == [("a:megan", texts.planning_waits())]


async def test_planning_has_no_card_of_its_own_and_is_not_listed_once_it_has_ended(
    desk: Desk, draftsman: Draftsman
) -> None:
    draftsman.gate = asyncio.Event()
    await desk.say(MEGAN, GOAL)
    await desk.until(lambda: draftsman.asked, "nobody plans")
    assert desk.chat(MEGAN) == []
    await desk.say(MEGAN, "status")
    assert "Working out a plan" in desk.last(MEGAN).says
    assert GOAL in desk.last(MEGAN).says
    draftsman.script.append(new())
    draftsman.gate.set()
    await desk.sees(MEGAN, "Nothing has been done yet")
    await desk.say(MEGAN, "status")
    assert "Working out a plan" not in desk.last(MEGAN).says
    assert "Tell Alex the count" in desk.last(MEGAN).says


async def test_planning_can_be_cancelled_in_a_word(desk: Desk, draftsman: Draftsman) -> None:
    draftsman.gate = asyncio.Event()
    await desk.say(MEGAN, GOAL)
    await desk.until(lambda: draftsman.asked, "nobody plans")
    await desk.say(MEGAN, "cancel")
    assert desk.last(MEGAN).message.text == texts.planning_cancelled()
    draftsman.gate.set()
    await desk.until(lambda: True, "")
    (planning,) = await plannings(desk)
    assert planning.status == "cancelled"
    assert await runs(desk) == []
    assert len(desk.chat(MEGAN)) == 1


async def test_a_sentence_said_while_a_plan_is_worked_out_is_planned_with_it(desk: Desk, draftsman: Draftsman) -> None:
    draftsman.gate = asyncio.Event()
    await desk.say(MEGAN, GOAL)
    await desk.until(lambda: draftsman.asked, "nobody plans")
    draftsman.script.append(new())
    await desk.say(MEGAN, "and tell Adele as well")
    draftsman.gate.set()
    await desk.sees(MEGAN, "Nothing has been done yet")
    assert draftsman.asked[-1].goal == GOAL
    assert draftsman.asked[-1].said == [Exchange(ADDED, "and tell Adele as well")]
    assert len(await runs(desk)) == 1


async def test_the_same_sentence_twice_while_a_plan_is_worked_out_counts_once(desk: Desk, draftsman: Draftsman) -> None:
    draftsman.gate = asyncio.Event()
    await desk.say(MEGAN, GOAL)
    await desk.until(lambda: draftsman.asked, "nobody plans")
    await desk.say(MEGAN, GOAL)
    assert len(await plannings(desk)) == 1
    draftsman.script.append(new())
    draftsman.gate.set()
    await desk.sees(MEGAN, "Nothing has been done yet")
    assert len(await runs(desk)) == 1


# Asked back


async def test_a_question_of_the_model_is_answered_by_a_press(desk: Desk, draftsman: Draftsman) -> None:
    draftsman.script += [Drafted(outcome="question", text="Which shelves?", choices=["Upstairs", "All"]), new()]
    await desk.say(MEGAN, GOAL)
    question = await asked_back(desk, "Which shelves?")
    await desk.press(MEGAN, "Upstairs", on=question)
    assert "Your answer: Upstairs" in question.says
    await desk.sees(MEGAN, "Nothing has been done yet")
    assert draftsman.asked[-1].said == [Exchange("Which shelves?", "Upstairs")]
    assert (await runs(desk))[0].goal == GOAL


async def test_a_question_of_the_model_is_answered_in_words_even_after_a_restart(
    desk: Desk, draftsman: Draftsman
) -> None:
    draftsman.script += [
        Drafted(outcome="question", text="Which shelves?"),
        Drafted(outcome="question", text="When?"),
        new(),
    ]
    await desk.say(MEGAN, GOAL)
    await desk.sees(MEGAN, "Which shelves?")
    await desk.restart()
    await desk.say(MEGAN, "those upstairs")
    await desk.sees(MEGAN, "When?")
    await desk.say(MEGAN, "today")
    await desk.sees(MEGAN, "Nothing has been done yet")
    assert draftsman.asked[-1].said == [Exchange("Which shelves?", "those upstairs"), Exchange("When?", "today")]


async def test_a_question_pressed_twice_is_answered_once(desk: Desk, draftsman: Draftsman) -> None:
    draftsman.script += [Drafted(outcome="question", text="Which shelves?", choices=["Upstairs", "All"]), new(), new()]
    await desk.say(MEGAN, GOAL)
    pressed = buttons((await desk.sees(MEGAN, "Which shelves?")).card)["Upstairs"]
    await desk.execute(MEGAN, pressed["verb"], pressed["data"])
    _, body = await desk.execute(MEGAN, pressed["verb"], pressed["data"])
    assert body["value"] == texts.question_over()
    await desk.sees(MEGAN, "Nothing has been done yet")
    assert len(await runs(desk)) == 1


async def test_a_playbooks_own_words_take_the_place_of_a_question_of_the_model(
    desk: Desk, draftsman: Draftsman
) -> None:
    draftsman.script.append(Drafted(outcome="question", text="Which shelves?"))
    await desk.say(MEGAN, GOAL)
    question = await asked_back(desk, "Which shelves?")
    await desk.say(MEGAN, "count the stock for October 2026")
    assert (await runs(desk))[0].params == {"month": "2026-10"}
    assert "Not needed any more" in question.says


async def test_an_answer_that_a_playbook_does_not_understand_goes_to_the_model(
    desk: Desk, draftsman: Draftsman
) -> None:
    await desk.say(MEGAN, "count the stock")
    draftsman.script.append(new())
    await desk.say(MEGAN, "the one before last Christmas")
    await desk.sees(MEGAN, "Nothing has been done yet")
    assert draftsman.asked[-1].goal == "count the stock"
    assert draftsman.asked[-1].said == [Exchange("Which month?", "the one before last Christmas")]


# No plan


async def test_what_the_person_may_not_do_is_refused_with_who_could(desk: Desk, draftsman: Draftsman) -> None:
    draftsman.script.append(
        Drafted(outcome="refused", text="Paying is for accountants.", who_could=["alex.wilber@contoso.example"])
    )
    await desk.say(MEGAN, "pay all invoices")
    card = await desk.sees(MEGAN, "Paying is for accountants.")
    assert "alex.wilber@contoso.example" in card.says
    assert "Nothing was started" in card.says
    assert await runs(desk) == []


async def test_what_stays_unclear_is_said_with_what_can_be_done(desk: Desk, draftsman: Draftsman) -> None:
    draftsman.script.append(Drafted(outcome="unclear", text="I do not know which Alex is meant."))
    await desk.say(MEGAN, GOAL)
    card = await desk.sees(MEGAN, "I do not know which Alex is meant.")
    assert "Count the stock" in buttons(card.card)


async def test_while_the_model_is_down_playbooks_work_and_it_is_said(desk: Desk, draftsman: Draftsman) -> None:
    draftsman.script.append(ModelUnavailable("The model does not answer."))
    await desk.say(MEGAN, GOAL)
    card = await desk.sees(MEGAN, "does not answer just now")
    assert {"Count the stock", "Try again"} <= set(buttons(card.card))
    await desk.press(MEGAN, "Count the stock", on=card)
    assert (await runs(desk))[0].params == {"month": "2026-10"}


async def test_a_playbook_that_fits_somehow_is_offered_while_the_model_is_down(
    desk: Desk, draftsman: Draftsman
) -> None:
    draftsman.script.append(ModelUnavailable("The model does not answer."))
    await desk.say(MEGAN, "could you look at the stock of October?")
    card = await desk.sees(MEGAN, "Nothing has been done yet")
    assert "does not answer just now" in card.says
    assert (await runs(desk))[0].params == {"month": "2026-10"}


async def test_once_the_model_is_back_one_press_asks_it_again(desk: Desk, draftsman: Draftsman) -> None:
    draftsman.script += [ModelUnavailable("The model does not answer."), new()]
    await desk.say(MEGAN, GOAL)
    await desk.press(MEGAN, "Try again", on=await desk.sees(MEGAN, "does not answer just now"))
    await desk.sees(MEGAN, "Nothing has been done yet")
    assert [asked.goal for asked in draftsman.asked] == [GOAL, GOAL]


# Policy


@pytest.mark.parametrize(
    ("start", "plan", "begins"),
    [
        ("ask", looking(), False),
        ("reads", looking(), True),
        ("reads", letter(), False),
        ("reads", asking_somebody(), False),
        ("all", letter(), True),
    ],
)
async def test_policy_says_which_plans_of_a_model_begin_without_being_shown(
    tmp_path: Path, draftsman: Draftsman, start: Any, plan: Any, begins: bool
) -> None:
    desk = Desk(tmp_path, draftsman.worker())
    desk.policies = NoFile(Policy(plans=Plans(start=start)))
    desk._wire()
    async with opened(desk):
        draftsman.script.append(new(plan))
        await desk.say(MEGAN, GOAL)
        await desk.sees(MEGAN, plan.title)
        if begins:
            await desk.sees(MEGAN, "begun without being shown first")
        (run,) = await runs(desk)
        assert (run.status != "proposed") is begins


# Changed before the start


async def test_a_sentence_before_the_start_changes_the_plan_and_the_card_shows_how(
    desk: Desk, draftsman: Draftsman
) -> None:
    old = await planned(desk, draftsman)
    draftsman.script.append(change(letter(to_ask=True)))
    await desk.say(MEGAN, "ask me before you save it")
    card = await desk.sees(MEGAN, "What has changed")
    assert "Really save it?" in card.says
    await desk.until(lambda: texts.plan_changed() in old.says, "the older card still looks as if it could be started")
    (run,) = await runs(desk)
    assert (run.status, run.revision, run.planned_in) == ("proposed", 1, (await plannings(desk))[0].run_id)
    await desk.press(MEGAN, "Start", on=card)
    await desk.sees(MEGAN, "Approve")


async def test_start_on_a_card_of_an_older_plan_starts_nothing_and_shows_the_plan(
    desk: Desk, draftsman: Draftsman
) -> None:
    old = await planned(desk, draftsman)
    start = buttons(old.card)["Start"]
    draftsman.script.append(change(letter(to_ask=True)))
    await desk.say(MEGAN, "ask me before you save it")
    await desk.sees(MEGAN, "What has changed")
    _, body = await desk.execute(MEGAN, start["verb"], start["data"], old.id)
    assert texts.plan_outdated() in str(body["value"])
    assert "Really save it?" in str(body["value"])
    assert (await runs(desk))[0].status == "proposed"


async def test_however_often_a_change_before_the_start_is_reported_it_is_made_once_and_the_newest_card_is_right(
    desk: Desk, draftsman: Draftsman
) -> None:
    await planned(desk, draftsman)
    draftsman.script.append(change(letter(to_ask=True)))
    await desk.say(MEGAN, "ask me before you save it")
    await desk.sees(MEGAN, "What has changed")
    assert desk.notifier.planned is not None
    await desk.notifier.planned((await plannings(desk))[0])
    assert "Really save it?" in desk.last(MEGAN).says
    assert "Start" in buttons(desk.last(MEGAN).card)
    assert (await runs(desk))[0].revision == 1


async def test_another_month_needs_no_model(desk: Desk, draftsman: Draftsman) -> None:
    await desk.say(MEGAN, "count the stock for October 2026")
    await desk.say(MEGAN, "make it September")
    card = desk.last(MEGAN)
    assert "September 2026 instead of October 2026" in card.says
    assert (await runs(desk))[0].params == {"month": "2026-09"}
    assert draftsman.asked == []


async def test_what_would_change_nothing_is_said_to_be_so(desk: Desk, draftsman: Draftsman) -> None:
    await planned(desk, draftsman)
    draftsman.script.append(change(letter()))
    await desk.say(MEGAN, "as you say")
    await desk.sees(MEGAN, texts.plan_is_so())
    assert (await runs(desk))[0].revision == 0


# Changed during the run


async def steered(desk: Desk, draftsman: Draftsman) -> Bubble:
    """The run waits for Megan's word on a write; she says something, and sees what that would change."""
    await planned(desk, draftsman)
    await desk.press(MEGAN, "Start")
    await desk.sees(MEGAN, "Allow")
    draftsman.script.append(change(letter(title="Tell Alex and Adele", to_ask=True)))
    await desk.say(MEGAN, "ask me before you save it")
    return await desk.sees(MEGAN, "Change the plan?")


async def test_a_sentence_during_the_run_shows_what_it_would_change_and_changes_nothing(
    desk: Desk, draftsman: Draftsman
) -> None:
    card = await steered(desk, draftsman)
    assert "Really save it?" in card.says
    assert "Look at the shelves" in card.says, "what stays done is not told"
    assert {"Change the plan", "Leave it as it is"} == set(buttons(card.card))
    assert (await runs(desk))[0].revision == 0


async def test_with_consent_the_plan_is_changed_and_the_run_goes_on_with_it(desk: Desk, draftsman: Draftsman) -> None:
    card = await steered(desk, draftsman)
    await desk.press(MEGAN, "Change the plan", on=card)
    assert "The plan was changed" in card.says
    (run,) = await runs(desk)
    assert (run.revision, run.title) == (1, "Tell Alex and Adele")
    await desk.press(MEGAN, "Approve", on=await desk.sees(MEGAN, "Really save it?"))


async def test_consent_given_twice_changes_the_plan_once(desk: Desk, draftsman: Draftsman) -> None:
    card = await steered(desk, draftsman)
    pressed = buttons(card.card)["Change the plan"]
    await desk.execute(MEGAN, pressed["verb"], pressed["data"], card.id)
    _, body = await desk.execute(MEGAN, pressed["verb"], pressed["data"], card.id)
    assert "The plan was changed" in str(body["value"])
    assert (await runs(desk))[0].revision == 1


async def test_without_consent_the_plan_stays(desk: Desk, draftsman: Draftsman) -> None:
    card = await steered(desk, draftsman)
    await desk.press(MEGAN, "Leave it as it is", on=card)
    assert texts.left_as_it_is() in card.says
    assert (await runs(desk))[0].revision == 0


async def test_consent_to_an_older_plan_changes_nothing_and_can_be_worked_out_again(
    desk: Desk, draftsman: Draftsman
) -> None:
    first = await steered(desk, draftsman)
    draftsman.script.append(change(letter(title="Another one")))
    await desk.say(MEGAN, "call it another one")
    second = await desk.sees(MEGAN, "Another one")
    await desk.press(MEGAN, "Change the plan", on=second)
    await desk.press(MEGAN, "Change the plan", on=first)
    assert "Out of date" in first.says
    assert (await runs(desk))[0].title == "Another one"
    draftsman.script.append(change(letter(title="Third")))
    await desk.press(MEGAN, "Work it out again", on=first)
    await desk.sees(MEGAN, "Title: Third")
    assert draftsman.asked[-1].goal == "ask me before you save it"


async def test_nobody_but_the_initiator_changes_a_plan(desk: Desk, draftsman: Draftsman) -> None:
    card = await steered(desk, draftsman)
    await desk.send(ALEX, "installationUpdate", action="add")
    for title in ("Change the plan", "Leave it as it is"):
        pressed = buttons(card.card)[title]
        _, body = await desk.execute(ALEX, pressed["verb"], pressed["data"])
        assert body["value"] == texts.wrong_person(MEGAN)
    assert (await runs(desk))[0].revision == 0


async def test_a_forged_press_names_a_planning_run_of_its_own_person_only(desk: Desk, draftsman: Draftsman) -> None:
    """Alex has a plan worked out; Megan's press names it for her own run."""
    await steered(desk, draftsman)
    await desk.send(ALEX, "installationUpdate", action="add")
    draftsman.script.append(new(looking()))
    await desk.say(ALEX, "have a look at the shelves")
    await desk.sees(ALEX, "Nothing has been done yet")
    foreign = next(each for each in await plannings(desk) if each.initiator.id == ALEX.id)
    mine = next(run for run in await runs(desk) if run.initiator.id == MEGAN.id)
    _, body = await desk.execute(MEGAN, "plan.change", {"run_id": mine.run_id, "planning": foreign.run_id})
    assert body["value"] == texts.unknown_button()


async def test_the_model_is_told_of_the_persons_own_runs_only(desk: Desk, draftsman: Draftsman) -> None:
    await desk.send(ALEX, "installationUpdate", action="add")
    await planned(desk, draftsman)
    draftsman.script.append(new(looking()))
    await desk.say(ALEX, "have a look at the shelves")
    await desk.sees(ALEX, "Nothing has been done yet")
    assert draftsman.asked[-1].runs == []
    draftsman.script.append(Drafted(outcome="unclear", text="No."))
    await desk.say(MEGAN, "without saving")
    await desk.sees(MEGAN, "No.")
    (mine,) = draftsman.asked[-1].runs
    assert (mine.handle, mine.plan.title, mine.status) == ("A", "Tell Alex the count", "proposed")
    assert [(stand.task, stand.status) for stand in mine.tasks] == [("count", "pending"), ("save", "pending")]


# In groups


async def test_what_is_said_in_a_group_is_planned_in_the_personal_chat_and_changes_no_run(
    desk: Desk, draftsman: Draftsman
) -> None:
    await planned(desk, draftsman)
    draftsman.script.append(new(looking()))
    group = {"id": "19:room@thread.v2", "conversationType": "groupChat", "tenantId": MEGAN.tenant, "isGroup": True}
    mention = {
        "type": "mention",
        "text": "<at>Tandem</at>",
        "mentioned": {"id": "28:bot", "name": "Tandem"},
    }
    await desk.say(MEGAN, "<at>Tandem</at> have a look at the shelves", conversation=group, entities=[mention])
    await desk.sees(MEGAN, "A look at the shelves")
    assert draftsman.asked[-1].runs == []
    there = desk.outbound.chats["19:room@thread.v2"]
    await desk.until(lambda: "A plan is ready for Megan Bowen" in there[-1].says, "the group is not told")
    assert all("shelves" not in bubble.says for bubble in there)
    assert Receipt.decode((await runs(desk))[0].receipts[("group", MEGAN.id)])


# After a failure


@worker("lend", title="Ask the library", system="Library", attempts=1)
async def lend(_: Nothing, __: TaskContext) -> Nothing:
    raise NotFound("There is no such book.")


def lending(on_failure: Any = "fail") -> Plan:
    """A plan of which a step fails."""
    node = Node(capability="lend", title="Ask for the book", on_failure=on_failure)
    return Plan(title="A book", tasks={"lend": node}, answer=Answer(text="Lent."), model=MODEL)


@pytest.mark.parametrize(("on_failure", "shown"), [("fail", "It could not be finished"), ("ask", "Go on without it")])
async def test_where_a_step_failed_another_way_is_looked_for_and_shown_before_it_is_gone(
    tmp_path: Path, draftsman: Draftsman, on_failure: Any, shown: str
) -> None:
    async with opened(Desk(tmp_path, draftsman.worker(), lend)) as desk:
        await planned(desk, draftsman, lending(on_failure))
        await desk.press(MEGAN, "Start")
        failed = await desk.sees(MEGAN, shown)
        draftsman.script.append(change(letter(title="Without it")))
        await desk.press(MEGAN, "Find another way", on=failed)
        card = await desk.sees(MEGAN, "Change the plan?")
        (mine,) = draftsman.asked[-1].runs
        assert draftsman.asked[-1].about == "A"
        assert [(each.task, each.code) for each in mine.tasks] == [("lend", "not_found")]
        await desk.press(MEGAN, "Change the plan", on=card)
        await desk.press(MEGAN, "Allow", on=await desk.sees(MEGAN, "Allow"))
        await desk.sees(MEGAN, "Saved 3.")


async def test_a_planning_run_is_itself_changed_by_no_press(desk: Desk, draftsman: Draftsman) -> None:
    await planned(desk, draftsman)
    (run,) = await plannings(desk)
    for verb in ("run.rethink", "plan.change"):
        _, body = await desk.execute(MEGAN, verb, {"run_id": run.run_id, "planning": run.run_id})
        assert body["value"] == texts.unknown_button()
    assert len(draftsman.asked) == 1


async def test_without_a_model_no_other_way_is_offered(tmp_path: Path) -> None:
    async with opened(Desk(tmp_path, lend)) as desk:
        await desk.send(MEGAN, "installationUpdate", action="add")
        applied = await desk.engine.propose(lending(), goal="g", initiator=MEGAN, origin="", command_id="")
        await desk.engine.send(applied.run.run_id, StartRun(by=MEGAN))
        assert "Find another way" not in buttons((await desk.sees(MEGAN, "It could not be finished")).card)
        _, body = await desk.execute(MEGAN, "run.rethink", {"run_id": applied.run.run_id})
        assert body["value"] == texts.no_model_here()


# A write under way


def slow_write(gate: asyncio.Event) -> Any:
    """A write that takes until the gate opens."""

    @worker("carve", title="Carve it", effect="write", system="Stone", preview=lambda _: Preview("Carve it", []))
    async def carve(_: Nothing, __: TaskContext) -> Nothing:
        await gate.wait()
        return Nothing()

    return carve


@pytest.mark.parametrize("ends", [False, True])
async def test_a_change_waits_for_the_write_under_way_and_its_card_says_later_what_came_of_it(
    tmp_path: Path, draftsman: Draftsman, ends: bool
) -> None:
    gate = asyncio.Event()
    node = Node(capability="carve")
    carving = Plan(title="A stone", tasks={"carve": node}, answer=Answer(text="Carved."), model=MODEL)
    counting = msgspec.structs.replace(carving, tasks={"carve": node, "count": Node(capability="count")})
    async with opened(Desk(tmp_path, draftsman.worker(), slow_write(gate))) as desk:
        await planned(desk, draftsman, carving)
        await desk.press(MEGAN, "Start")
        await desk.press(MEGAN, "Allow", on=await desk.sees(MEGAN, "Allow"))
        await desk.until(lambda: "Working" in desk.chat(MEGAN)[0].says, "nothing is written")
        draftsman.script.append(change(counting))
        await desk.say(MEGAN, "count as well")
        card = await desk.sees(MEGAN, "is being written at this moment")
        await desk.press(MEGAN, "Change the plan", on=card)
        assert "The plan changes as soon as what is being written is done" in card.says
        if ends:
            await desk.say(MEGAN, "cancel")
        gate.set()
        expected = "The plan stays as it was" if ends else "The plan was changed"
        await desk.until(lambda: expected in card.says, "the card does not say what came of it")
        await desk.until(lambda: desk.last(MEGAN) is not card, "the run has not ended")
        assert (await runs(desk))[0].revision == (0 if ends else 1)
