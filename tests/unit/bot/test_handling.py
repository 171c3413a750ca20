"""What approvers do beside answering: change, ask back, hand on, give feedback; several questions on one card."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot import texts
from bot.cards.verdict import answered_before, too_late
from bot.outbound import Member
from orchestration.capabilities import Destination, Preview, TaskContext, worker
from orchestration.core.commands import CancelRun, StartRun
from orchestration.core.plan import ForEach, Node, Plan, Question
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView
from tests.support import chat
from tests.support.cards.schema import problems
from tests.support.chat import ALEX, MEGAN, TENANT, Bubble, Desk, buttons, everything, opened
from tests.support.office import plan

CARD = "application/vnd.microsoft.card.adaptive"
NOTE = "application/vnd.microsoft.activity.message"
ADELE = Person("aaaa0003-0000-4000-8000-000000000003", "Adele Vance", "adele.vance@contoso.example", TENANT)
EVERYBODY = (MEGAN, ALEX, ADELE)


class Letter(msgspec.Struct):
    """What the little writer sends."""

    to: str
    text: str = "Hello"


class Files(msgspec.Struct):
    """What is gone through one by one."""

    names: list[str]


class Post:
    """What was sent, and what the writer of texts was told to do differently."""

    def __init__(self) -> None:
        self.sent: list[Letter] = []
        self.feedback: list[list[str]] = []


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
async def desk(tmp_path: Path, post: Post, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """Three people have opened their chats; the workers `compose` and `send` are there."""
    monkeypatch.setitem(chat.PEOPLE, ADELE.id, ADELE)

    async def compose(letter: Letter, task: TaskContext) -> Letter:
        post.feedback.append(list(task.feedback))
        return msgspec.structs.replace(letter, text=f"Draft {len(post.feedback)}")

    async def send(letter: Letter, _: TaskContext) -> Letter:
        post.sent.append(letter)
        return letter

    made = Desk(
        tmp_path,
        worker("compose", title="Write the letter", takes_feedback=True)(compose),
        worker(
            "send",
            title="Send the letter",
            effect="write",
            system="Outlook",
            editable=("to", "text"),
            preview=lambda letter: Preview(f"Send a letter to {letter.to}", [("To", letter.to), ("Text", letter.text)]),
            destination=lambda letter: Destination(recipients=[letter.to]),
        )(send),
    )
    async with opened(made):
        for person in EVERYBODY:
            await made.send(person, "installationUpdate", action="add")
        yield made


def story(**tasks: Node) -> Plan:
    """A plan whose expressions know everybody."""
    people = {
        person.name.split()[0].lower(): {"id": person.id, "name": person.name, "upn": person.upn}
        for person in EVERYBODY
    }
    return msgspec.structs.replace(plan(**tasks), params=people, title="The letters")


def asking(**more: Any) -> Node:
    """A question to Alex, which he may hand to Adele."""
    known = {"approver": "${params.alex}", "title": "Release it?", "delegates": "${[params.adele, params.alex]}"}
    return Node(approval=Question(**{**known, **more}))


def letters(*names: str) -> Plan:
    """A letter to each, all asked about at once."""
    inside = {"send": Node(capability="send", with_={"to": "${for_each.item}"})}
    each = Node(
        for_each=ForEach(items="${params.names}", at_once=20, tasks=inside, gives="${tasks.send}"),
        title="Send each letter",
    )
    made = story(each=each)
    return msgspec.structs.replace(made, params={**made.params, "names": list(names)})


async def begin(desk: Desk, goal: Plan) -> str:
    """Megan's run of a plan, started."""
    applied = await desk.engine.propose(goal, goal="do it", initiator=MEGAN, origin="", command_id="")
    await desk.engine.send(applied.run.run_id, StartRun(by=MEGAN))
    return applied.run.run_id


async def until(desk: Desk, run_id: str, what: Callable[[RunView], object]) -> RunView:
    """The run once something holds of it."""
    held: list[RunView] = []

    def listen(run: RunView) -> None:
        held.append(run)

    desk.engine.subscribe(listen)
    held.append(await desk.engine.view(run_id))
    await desk.until(lambda: what(held[-1]), "the run did not get there")
    return held[-1]


async def pressed(desk: Desk, person: Person, verb: str, data: dict[str, Any], card: str = "") -> tuple[str, Any]:
    status, body = await desk.execute(person, verb, data, card)
    assert (status, body["statusCode"]) == (200, 200)
    if body["type"] == CARD:
        assert problems(body["value"]) == []
    return body["type"], body["value"]


async def refusals(desk: Desk, run_id: str) -> list[tuple[str, str]]:
    """(first name, code) of everything that was refused."""
    names = {person.id: person.name.split()[0] for person in EVERYBODY}
    found = [msgspec.json.decode(each.body) for each in await desk.store.events(run_id) if each.type == "AnswerRefused"]
    return [(names.get(each["by"]["id"], each["by"]["name"]), each["code"]) for each in found]


async def refused(desk: Desk, run_id: str, *wanted: tuple[str, str]) -> None:
    """Exactly these have been refused, each once."""
    found: list[tuple[str, str]] = []
    for _ in range(200):
        found = await refusals(desk, run_id)
        if found == list(wanted):
            return
        await desk.until(lambda: True, "")
    assert found == list(wanted)


def newest(run: RunView) -> ApprovalView:
    return run.approvals[-1]


def data_of(bubble: Bubble, title: str) -> dict[str, Any]:
    return dict(buttons(bubble.card)[title]["data"])


# --- what is shown


async def test_a_write_says_for_whom_where_it_goes_how_sensitive_it_is_and_that_it_waits(desk: Desk) -> None:
    await begin(desk, story(send=Node(capability="send", with_={"to": "kim@contoso.example"})))
    asked = await desk.sees(MEGAN, "Send a letter to kim@contoso.example")
    for said in ("On behalf of", "Megan Bowen", "Goes to", "Sensitivity", "Internal", "If you do nothing, it waits."):
        assert said in asked.says


# --- changed before it is allowed


async def test_a_changed_write_is_shown_anew_in_its_place_and_is_written_like_that(desk: Desk, post: Post) -> None:
    run_id = await begin(desk, story(send=Node(capability="send", with_={"to": "kim@contoso.example"})))
    asked = await desk.sees(MEGAN, "Send a letter to kim@contoso.example")
    before = len(desk.chat(MEGAN))
    await desk.press(MEGAN, "Show me the result", on=asked, **{"field:to": "kim@contoso.example", "field:text": "Bye"})
    assert "Changed since you were last asked" in asked.says
    assert "Bye" in asked.says
    assert post.sent == []
    await until(desk, run_id, lambda run: (f"approval:{newest(run).id}", MEGAN.id) in run.receipts)
    assert len([each for each in desk.chat(MEGAN)[before:] if "Send a letter" in each.says]) == 0, "one card, not two"
    await desk.press(MEGAN, "Allow", on=asked)
    await until(desk, run_id, lambda run: run.status == "succeeded")
    assert post.sent == [Letter("kim@contoso.example", "Bye")]
    await desk.until(lambda: "Allowed" in asked.says, "the card stays open")


async def test_the_older_card_of_a_changed_write_decides_nothing_any_more(desk: Desk, post: Post) -> None:
    run_id = await begin(desk, story(send=Node(capability="send", with_={"to": "kim@contoso.example"})))
    asked = await desk.sees(MEGAN, "Send a letter to kim@contoso.example")
    allow = data_of(asked, "Allow")
    await desk.press(MEGAN, "Show me the result", on=asked, **{"field:text": "Bye"})
    kind, card = await pressed(desk, MEGAN, "approval.decide", allow)
    assert kind == CARD
    assert texts.newest() in everything(card)
    assert "Bye" in everything(card), "the newest question, in the place of the old one"
    assert post.sent == []
    await refused(desk, run_id, ("Megan", "already_decided"))


async def test_changing_nothing_asks_nothing_anew(desk: Desk) -> None:
    run_id = await begin(desk, story(send=Node(capability="send", with_={"to": "kim@contoso.example"})))
    data = data_of(await desk.sees(MEGAN, "Send a letter"), "Show me the result")
    typed = {"field:to": "kim@contoso.example", "field:text": "Hello\r\n"}
    assert await pressed(desk, MEGAN, "approval.edit", {**data, **typed}) == (NOTE, texts.nothing_edited())
    assert len((await desk.engine.view(run_id)).approvals) == 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"field:run_id": "x"}, "cannot be changed"),
        ({"field:__class__": "x"}, "cannot be changed"),
        ({"field:text": "x" * 9000}, texts.too_much()),
        ({f"field:{n}": "x" for n in range(99)}, texts.unknown_button()),
        ({"field:text": {"a": 1}}, texts.unknown_button()),
    ],
)
async def test_only_what_may_be_changed_can_be_changed(desk: Desk, fields: dict[str, Any], said: str) -> None:
    run_id = await begin(desk, story(send=Node(capability="send", with_={"to": "kim@contoso.example"})))
    data = data_of(await desk.sees(MEGAN, "Send a letter"), "Show me the result")
    kind, told = await pressed(desk, MEGAN, "approval.edit", {**data, **fields})
    assert kind == NOTE
    assert said in told
    assert len((await desk.engine.view(run_id)).approvals) == 1


async def test_nobody_else_changes_what_is_written_or_learns_of_it(desk: Desk) -> None:
    run_id = await begin(desk, story(send=Node(capability="send", with_={"to": "kim@contoso.example"})))
    data = data_of(await desk.sees(MEGAN, "Send a letter"), "Show me the result")
    kind, told = await pressed(desk, ALEX, "approval.edit", {**data, "field:to": "eve@evil.example"})
    assert kind == NOTE
    assert told == "This question is for Megan Bowen; nothing was changed."
    await refused(desk, run_id, ("Alex", "not_permitted"))


# --- asked back


async def test_what_is_asked_back_reaches_the_initiator_and_the_reply_reaches_the_approver(desk: Desk) -> None:
    run_id = await begin(desk, story(ask=asking()))
    question = await desk.sees(ALEX, "Release it?")
    await desk.press(ALEX, "Send the question", on=question, question="For whom is it?")
    assert "Waiting for a reply from Megan Bowen." in question.says
    asked = await desk.sees(MEGAN, "Alex Wilber asks you before answering")
    assert asked.message.summary == "Alex Wilber asks you before answering “Release it?”"
    assert "For whom is it?" in asked.says
    await desk.press(MEGAN, "Send the reply", on=asked, reply="For the auditors.")
    assert "You replied to Alex Wilber" in asked.says
    told = await desk.sees(ALEX, "Megan Bowen has replied to you")
    assert "For the auditors." in told.says
    await desk.until(lambda: "For the auditors." in question.says, "the question does not show the reply")
    await desk.press(ALEX, "Show the question", on=told)
    assert "Comment (optional)" in told.says
    await desk.press(ALEX, "Approve", on=told)
    await until(desk, run_id, lambda run: run.status == "succeeded")
    await desk.until(lambda: "by Alex Wilber" in question.says, "the question's own card stays open")
    await desk.until(lambda: "by Alex Wilber" in told.says, "the copy stays open")


async def test_the_same_question_pressed_twice_is_asked_once(desk: Desk) -> None:
    run_id = await begin(desk, story(ask=asking()))
    data = data_of(await desk.sees(ALEX, "Release it?"), "Send the question")
    for _ in range(2):
        await pressed(desk, ALEX, "approval.ask", {**data, "question": "Why?"})
    assert [each.text for each in newest(await desk.engine.view(run_id)).remarks] == ["Why?"]


async def test_a_reply_pressed_twice_is_one_reply(desk: Desk) -> None:
    run_id = await begin(desk, story(ask=asking()))
    await desk.press(ALEX, "Send the question", on=await desk.sees(ALEX, "Release it?"), question="Why?")
    asked = await desk.sees(MEGAN, "Alex Wilber asks you")
    data = data_of(asked, "Send the reply")
    for _ in range(2):
        kind, card = await pressed(desk, MEGAN, "approval.explain", {**data, "reply": "Because."})
        assert kind == CARD
        assert "You replied to Alex Wilber" in everything(card)
    assert [each.text for each in newest(await desk.engine.view(run_id)).remarks] == ["Why?", "Because."]


async def test_only_the_initiator_replies_and_only_approvers_ask(desk: Desk) -> None:
    run_id = await begin(desk, story(ask=asking()))
    question = await desk.sees(ALEX, "Release it?")
    ask = data_of(question, "Send the question")
    kind, said = await pressed(desk, ADELE, "approval.ask", {**ask, "question": "What is it?"})
    assert (kind, said) == (NOTE, "This question is for Alex Wilber; nothing was changed.")
    await desk.press(ALEX, "Send the question", on=question, question="Why?")
    reply = data_of(await desk.sees(MEGAN, "Alex Wilber asks you"), "Send the reply")
    for person in (ALEX, ADELE):
        kind, said = await pressed(desk, person, "approval.explain", {**reply, "reply": "I say yes"})
        assert kind == NOTE
        assert "Megan Bowen" in said
    assert len(newest(await desk.engine.view(run_id)).remarks) == 1
    await refused(desk, run_id, ("Adele", "not_permitted"), ("Alex", "not_permitted"))


@pytest.mark.parametrize(
    ("verb", "title", "said"),
    [
        ("approval.ask", "Send the question", texts.question_empty()),
        ("approval.delegate", "Hand it on", texts.colleague_which()),
    ],
)
async def test_what_is_missing_is_named(desk: Desk, verb: str, title: str, said: str) -> None:
    await begin(desk, story(ask=asking()))
    question = await desk.sees(ALEX, "Release it?")
    assert await pressed(desk, ALEX, verb, data_of(question, title)) == (NOTE, said)
    assert (await pressed(desk, ALEX, verb, {}))[1] == texts.unknown_button()


# --- handed on


async def test_a_question_handed_on_is_the_colleagues_and_every_card_says_so(desk: Desk) -> None:
    run_id = await begin(desk, story(ask=asking()))
    own = await desk.sees(ALEX, "Release it?")
    older = data_of(own, "Approve")
    await desk.press(ALEX, "Hand it on", on=own, to=ADELE.id)
    assert "You have handed this to Adele Vance" in own.says
    theirs = await desk.sees(ADELE, "Alex Wilber has handed this question to you.")
    await desk.sees(MEGAN, "Waiting for Adele Vance")
    kind, said = await pressed(desk, ALEX, "approval.decide", older)
    assert (kind, said) == (NOTE, "You have handed this question to Adele Vance, who answers it now.")
    await desk.press(ADELE, "Approve", on=theirs)
    await until(desk, run_id, lambda run: run.status == "succeeded")
    await desk.until(lambda: "by Adele Vance" in own.says, "the card of who handed it on stays open")
    await refused(desk, run_id, ("Alex", "not_permitted"))


@pytest.mark.parametrize("to", [MEGAN.id, ALEX.id, "aaaa0009-0000-4000-8000-000000000009", "*"])
async def test_a_question_goes_only_to_who_is_eligible(desk: Desk, to: str) -> None:
    run_id = await begin(desk, story(ask=asking(not_initiator=True)))
    data = data_of(await desk.sees(ALEX, "Release it?"), "Hand it on")
    kind, said = await pressed(desk, ALEX, "approval.delegate", {**data, "to": to})
    assert kind == NOTE
    assert "othing was changed" in said
    assert [person.id for person in newest(await desk.engine.view(run_id)).approvers] == [ALEX.id]
    await refused(desk, run_id, ("Alex", "not_permitted"))


async def test_nobody_hands_anothers_question_to_themselves(desk: Desk) -> None:
    run_id = await begin(desk, story(ask=asking()))
    data = data_of(await desk.sees(ALEX, "Release it?"), "Hand it on")
    kind, said = await pressed(desk, ADELE, "approval.delegate", {**data, "to": ADELE.id})
    assert (kind, said) == (NOTE, "This question is for Alex Wilber; nothing was changed.")
    assert newest(await desk.engine.view(run_id)).delegated == []


# --- done differently


async def test_feedback_has_it_done_again_and_asked_anew(desk: Desk, post: Post) -> None:
    goal = story(
        compose=Node(capability="compose", with_={"to": "kim@contoso.example"}),
        ask=msgspec.structs.replace(asking(text="${tasks.compose.text}", revises="compose"), needs=["compose"]),
    )
    run_id = await begin(desk, goal)
    first = await desk.sees(ALEX, "Draft 1")
    await desk.press(ALEX, "Have it done again", on=first, feedback="Say it shorter.")
    assert "A newer question takes the place of this one" in first.says
    second = await desk.sees(ALEX, "Draft 2.")
    assert "Changed since you were last asked" in second.says
    assert post.feedback == [[], ["Say it shorter."]]
    await desk.press(ALEX, "Approve", on=second)
    await until(desk, run_id, lambda run: run.status == "succeeded")


async def test_feedback_where_nobody_takes_it_is_refused(desk: Desk) -> None:
    run_id = await begin(desk, story(ask=asking()))
    question = await desk.sees(ALEX, "Release it?")
    assert "Have it done again" not in buttons(question.card)
    kind, said = await pressed(desk, ALEX, "approval.feedback", {**data_of(question, "Approve"), "feedback": "Other"})
    assert kind == NOTE
    assert "nothing was changed" in said
    await refused(desk, run_id, ("Alex", "not_permitted"))


# --- not asked again


def two_letters() -> Plan:
    again = Node(capability="send", with_={"to": "kim@contoso.example", "text": "Again"}, needs=["send"])
    return story(send=Node(capability="send", with_={"to": "kim@contoso.example"}), again=again)


async def test_the_like_is_not_asked_again_in_this_run_once_somebody_said_so(desk: Desk, post: Post) -> None:
    run_id = await begin(desk, two_letters())
    asked = await desk.sees(MEGAN, "Do not ask again in this run for")
    await desk.press(MEGAN, "Allow", on=asked, grant="true")
    await until(desk, run_id, lambda run: run.status == "succeeded")
    assert [letter.text for letter in post.sent] == ["Hello", "Again"]


async def test_without_that_the_like_is_asked_again(desk: Desk, post: Post) -> None:
    await begin(desk, two_letters())
    asked = await desk.sees(MEGAN, "Do not ask again in this run for")
    await desk.press(MEGAN, "Allow", on=asked, grant="false")
    await desk.sees(MEGAN, "Again")
    assert [letter.text for letter in post.sent] == ["Hello"]


async def test_a_forged_word_not_to_ask_again_decides_nothing(desk: Desk) -> None:
    run_id = await begin(desk, story(ask=asking()))
    data = data_of(await desk.sees(ALEX, "Release it?"), "Approve")
    kind, said = await pressed(desk, ALEX, "approval.decide", {**data, "grant": "true"})
    assert kind == NOTE
    assert "has to be asked each time" in said
    assert newest(await desk.engine.view(run_id)).open
    await refused(desk, run_id, ("Alex", "invalid"))


# --- several on one card


async def test_what_comes_together_is_one_card_and_each_is_decided_by_itself(desk: Desk, post: Post) -> None:
    run_id = await begin(desk, letters("a@contoso.example", "b@contoso.example", "c@contoso.example"))
    card = await desk.sees(MEGAN, "3 questions wait for you")
    assert len([each for each in desk.chat(MEGAN) if "Send a letter" in each.says]) == 1
    asked = data_of(card, "Send decisions")["asked"]
    run = await until(desk, run_id, lambda run: sum(key[0].startswith("approval:") for key in run.receipts) == 3)
    assert sorted(asked) == sorted([each.id, each.entry] for each in run.approvals)
    first, second, third = (each.id for each in run.approvals)
    await desk.press(MEGAN, "Send decisions", on=card, **{f"choice:{first}": "approve", f"choice:{second}": "reject"})
    assert "1 of 3 questions wait for you" in card.says
    assert "Not allowed" in card.says
    decided = {each.id: each.choice for each in (await desk.engine.view(run_id)).approvals}
    assert decided == {first: "approve", second: "reject", third: ""}
    await desk.press(MEGAN, "Send decisions", on=card, **{f"choice:{third}": "approve"})
    await until(desk, run_id, lambda run: run.status in ("succeeded", "failed"))
    assert [letter.to[0] for letter in post.sent] == ["a", "c"]
    await desk.until(lambda: "nothing waits for you any more" in card.says, "the card stays open")


async def test_one_that_fails_is_told_on_the_card_and_the_others_stand(desk: Desk) -> None:
    run_id = await begin(desk, letters("a@contoso.example", "b@contoso.example"))
    card = await desk.sees(MEGAN, "2 questions wait for you")
    data = data_of(card, "Send decisions")
    first, second = (each[0] for each in data["asked"])
    bound = [[first, "0" * 40], data["asked"][1]]
    choices = {f"choice:{first}": "approve", f"choice:{second}": "approve"}
    kind, drawn = await pressed(desk, MEGAN, "approval.digest", {**data, "asked": bound, **choices}, card.id)
    assert kind == CARD
    assert "What is to be decided has changed since this card was made" in everything(drawn)
    decided = {each.id: each.choice for each in (await desk.engine.view(run_id)).approvals}
    assert decided == {first: "", second: "approve"}
    await refused(desk, run_id, ("Megan", "outdated"))


async def test_what_was_shown_of_one_does_not_decide_another(desk: Desk) -> None:
    run_id = await begin(desk, letters("a@contoso.example", "b@contoso.example"))
    data = data_of(await desk.sees(MEGAN, "2 questions wait for you"), "Send decisions")
    (first, one), (second, other) = data["asked"]
    swapped = {**data, "asked": [[first, other], [second, one]], f"choice:{first}": "approve"}
    await pressed(desk, MEGAN, "approval.digest", swapped)
    assert all(each.open for each in (await desk.engine.view(run_id)).approvals)


async def test_nobody_else_decides_on_a_card_of_several_or_sees_it_by_trying(desk: Desk) -> None:
    run_id = await begin(desk, letters("a@contoso.example", "b@contoso.example"))
    data = data_of(await desk.sees(MEGAN, "2 questions wait for you"), "Send decisions")
    choices = {f"choice:{which}": "approve" for which, _ in data["asked"]}
    kind, said = await pressed(desk, ALEX, "approval.digest", {**data, **choices})
    assert (kind, said) == (NOTE, "This question is for Megan Bowen; nothing was changed.")
    assert all(each.open for each in (await desk.engine.view(run_id)).approvals)
    await refused(desk, run_id, ("Alex", "not_permitted"), ("Alex", "not_permitted"))


@pytest.mark.parametrize(
    "asked", [None, [], "x", [["a"]], [["a", 7]], [["a", "b"]] * 99, {"a": "b"}, [{"approval": "a"}]]
)
async def test_a_card_of_several_that_nobody_made_leads_nowhere(desk: Desk, asked: Any) -> None:
    run_id = await begin(desk, letters("a@contoso.example"))
    data = {"run_id": run_id, "asked": asked, "choice:a": "approve"}
    assert await pressed(desk, MEGAN, "approval.digest", data) == (NOTE, texts.unknown_button())


async def test_sending_no_decision_says_so(desk: Desk) -> None:
    await begin(desk, letters("a@contoso.example", "b@contoso.example"))
    data = data_of(await desk.sees(MEGAN, "2 questions wait for you"), "Send decisions")
    assert await pressed(desk, MEGAN, "approval.digest", data) == (NOTE, texts.nothing_chosen())


async def test_a_card_of_several_shows_what_was_decided_elsewhere(desk: Desk) -> None:
    await begin(desk, letters("a@contoso.example", "b@contoso.example"))
    card = await desk.sees(MEGAN, "2 questions wait for you")
    await desk.press(MEGAN, "See all of it", on=card)
    single = desk.last(MEGAN)
    assert "Allow" in buttons(single.card)
    await desk.press(MEGAN, "Don't allow", on=single)
    await desk.until(lambda: "1 of 2 questions wait for you" in card.says, "the card of both is not updated")
    assert "Not allowed" in single.says


async def test_many_questions_become_several_cards_that_hold_all_of_them(desk: Desk) -> None:
    run_id = await begin(desk, letters(*(f"p{n}@contoso.example" for n in range(19))))
    await until(desk, run_id, lambda run: sum(key[0].startswith("approval:") for key in run.receipts) == 19)
    cards = [each for each in desk.chat(MEGAN) if "Send decisions" in buttons(each.message.card)]
    held = [which for card in cards for which, _ in data_of(card, "Send decisions")["asked"]]
    assert 1 < len(cards) < 5
    assert len(held) == len(set(held)) == 19
    assert all(problems(card.card) == [] for card in cards)


async def test_what_is_longer_than_its_place_gets_a_card_of_its_own(desk: Desk) -> None:
    goal = letters("a@contoso.example", "b@contoso.example", "c@contoso.example")
    body = {"send": Node(capability="send", with_={"to": "${for_each.item}", "text": "${params.texts[for_each.item]}"})}
    long = {"a@contoso.example": "short", "b@contoso.example": "long " * 100, "c@contoso.example": "short"}
    whole = goal.tasks["each"]
    assert whole.for_each is not None
    each = msgspec.structs.replace(whole, for_each=msgspec.structs.replace(whole.for_each, tasks=body))
    await begin(desk, msgspec.structs.replace(goal, tasks={"each": each}, params={**goal.params, "texts": long}))
    card = await desk.sees(MEGAN, "2 questions wait for you")
    assert "Send a letter to b@contoso.example" not in card.says
    assert "Allow" in buttons((await desk.sees(MEGAN, "Send a letter to b@contoso.example")).card)


async def test_questions_held_when_tandem_ends_are_asked_by_the_next_start(desk: Desk) -> None:
    await begin(desk, letters("a@contoso.example", "b@contoso.example"))
    await desk.restart()
    await desk.sees(MEGAN, "2 questions wait for you")


# --- my approvals


@pytest.mark.parametrize("words", ["my approvals", "Approvals", "what waits for me?"])
async def test_what_waits_is_listed_and_each_is_shown_again(desk: Desk, words: str) -> None:
    run_id = await begin(desk, story(ask=asking(due_hours=8)))
    await begin(desk, story(other=asking(title="Pay it?")))
    first, _ = await desk.sees(ALEX, "Release it?"), await desk.sees(ALEX, "Pay it?")
    await desk.say(ALEX, words)
    listed = desk.last(ALEX)
    for said in ("2 questions wait for your answer", "Release it?", "Pay it?", "The letters", "asked for Megan Bowen"):
        assert said in listed.says
    assert "due by" in listed.says
    shows = [each for each in _all_buttons(listed.card) if each["title"] == "Show it"]
    await pressed(desk, ALEX, shows[0]["verb"], shows[0]["data"], listed.id)
    again = desk.last(ALEX)
    assert "Release it?" in again.says
    await desk.press(ALEX, "Approve", on=again)
    await until(desk, run_id, lambda run: run.status == "succeeded")
    await desk.until(lambda: "by Alex Wilber" in first.says, "the first copy stays open")
    await desk.say(ALEX, words)
    assert "1 question waits for your answer" in desk.last(ALEX).says


def _all_buttons(card: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            found.extend([node] if node.get("type") == "Action.Execute" else [])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(card)
    return found


async def test_nobody_sees_what_waits_for_others(desk: Desk) -> None:
    run_id = await begin(desk, story(ask=asking()))
    question = await desk.sees(ALEX, "Release it?")
    await desk.say(ADELE, "my approvals")
    assert "Nothing waits for you" in desk.last(ADELE).says
    about = {"run_id": run_id, "approval": newest(await desk.engine.view(run_id)).id}
    for verb in ("approval.again", "approval.show", "approval.why"):
        kind, said = await pressed(desk, ADELE, verb, {**about, "why": "i1"})
        assert (kind, said) == (NOTE, texts.not_asked())
    assert "Release it?" in question.says
    await refused(desk, run_id, ("Adele", "not_permitted"))


# --- groups


async def test_a_refresh_gives_the_approver_the_whole_card_and_anybody_else_the_neutral_one(desk: Desk) -> None:
    run_id = await begin(desk, story(ask=asking(text="The sum is 4711.")))
    await desk.sees(ALEX, "Release it?")
    about = {"run_id": run_id, "approval": newest(await desk.engine.view(run_id)).id}
    kind, card = await pressed(desk, ALEX, "refresh_approval", about)
    assert (kind, "Approve" in buttons(card)) == (CARD, True)
    for person in (ADELE, MEGAN):
        kind, neutral = await pressed(desk, person, "refresh_approval", about)
        assert kind == CARD
        assert "actions" not in neutral
        assert "4711" not in everything(neutral)
        assert "Release it?" not in everything(neutral)
        assert neutral["refresh"]["userIds"] == ["29:alex"]
        assert neutral["refresh"]["action"]["verb"] == "refresh_approval"
    assert await refusals(desk, run_id) == [], "clients refresh by themselves: nobody has tried anything"
    await pressed(desk, ALEX, "approval.decide", {**about, **data_of(await desk.sees(ALEX, "Release it?"), "Approve")})
    kind, card = await pressed(desk, ALEX, "refresh_approval", about)
    assert "by Alex Wilber" in everything(card)
    kind, neutral = await pressed(desk, ADELE, "refresh_approval", about)
    assert "no longer" in everything(neutral)


@pytest.mark.parametrize("about", [{}, {"run_id": "nope", "approval": "a.1"}, {"run_id": "RUN", "approval": "zz.1"}])
async def test_a_refresh_of_what_is_not_there_leads_nowhere(desk: Desk, about: dict[str, Any]) -> None:
    run_id = await begin(desk, story(ask=asking()))
    about = {key: run_id if value == "RUN" else value for key, value in about.items()}
    assert (await pressed(desk, ALEX, "refresh_approval", about))[0] == NOTE


GROUP = {"id": "19:team@thread.v2", "conversationType": "groupChat", "isGroup": True, "tenantId": TENANT}


async def in_group(desk: Desk, person: Person, verb: str, data: dict[str, Any]) -> Any:
    """What a client in a group chat gets back for what it sends by itself, or for a press."""
    value = {"action": {"type": "Action.Execute", "verb": verb, "data": data}, "trigger": "automatic"}
    status, body = await desk.send(person, "invoke", name="adaptiveCard/action", value=value, conversation=GROUP)
    assert status == 200
    return body["value"]


async def test_in_a_group_the_server_decides_who_sees_and_presses_what(desk: Desk) -> None:
    run_id = await begin(desk, story(ask=asking(text="The sum is 4711.")))
    await desk.sees(ALEX, "Release it?")
    about = {"run_id": run_id, "approval": newest(await desk.engine.view(run_id)).id}
    mine = await in_group(desk, ALEX, "refresh_approval", about)
    assert "4711" in everything(mine)
    others = await in_group(desk, ADELE, "refresh_approval", about)
    assert "4711" not in everything(others)
    assert buttons(others) == {"Refresh": {"verb": "refresh_approval", "data": about}}
    foreign = await in_group(desk, ADELE, "approval.decide", buttons(mine)["Approve"]["data"])
    assert foreign == "This question is for Alex Wilber; nothing was changed."
    asked = await in_group(
        desk, ALEX, "approval.ask", {**buttons(mine)["Send the question"]["data"], "question": "Why?"}
    )
    assert "Waiting for a reply from Megan Bowen." in everything(asked)
    decided = await in_group(desk, ALEX, "approval.decide", buttons(mine)["Approve"]["data"])
    assert "by Alex Wilber" in everything(decided)
    await refused(desk, run_id, ("Adele", "not_permitted"))


async def test_a_guest_presses_and_sees_nothing_and_that_is_kept(desk: Desk) -> None:
    run_id = await begin(desk, story(ask=asking()))
    data = data_of(await desk.sees(ALEX, "Release it?"), "Approve")
    guest = Person("aaaa0007-0000-4000-8000-000000000007", "Gus Guest", "", TENANT)
    who = msgspec.structs.replace(guest, upn="gus_fabrikam.com#EXT#@contoso.example")
    desk.outbound.members[guest.id] = Member(who, guest=True)
    for verb in ("approval.decide", "refresh_approval"):
        assert await in_group(desk, guest, verb, data) == texts.guest()
    assert newest(await desk.engine.view(run_id)).open
    await refused(desk, run_id, ("Gus Guest", "guest"))


# --- refused


async def test_each_refusal_has_its_own_message_and_is_kept(desk: Desk) -> None:
    run_id = await begin(desk, story(ask=asking()))
    question = await desk.sees(ALEX, "Release it?")
    data = data_of(question, "Approve")
    _, foreign = await pressed(desk, ADELE, "approval.decide", data)
    _, edited = await pressed(desk, ALEX, "approval.decide", {**data, "choice": "pay_me"})
    _, other = await pressed(desk, ALEX, "approval.decide", {**data, "shown": "0" * 40})
    await desk.press(ALEX, "Approve", on=question)
    _, replayed = await pressed(desk, ALEX, "approval.decide", {**data, "choice": "reject"})
    told = [foreign, edited, everything(other), everything(replayed)]
    expected = ["This question is for Alex Wilber", "is not an answer", texts.newest(), answered_before()]
    assert all(part in said for part, said in zip(expected, told, strict=True))
    assert newest(await desk.engine.view(run_id)).choice == "approve"
    await refused(
        desk,
        run_id,
        ("Adele", "not_permitted"),
        ("Alex", "invalid"),
        ("Alex", "outdated"),
        ("Alex", "replayed"),
    )


async def test_an_answer_sent_again_as_it_was_is_no_refusal(desk: Desk) -> None:
    run_id = await begin(desk, story(ask=asking()))
    data = data_of(await desk.sees(ALEX, "Release it?"), "Approve")
    first = await pressed(desk, ALEX, "approval.decide", data)
    assert await pressed(desk, ALEX, "approval.decide", data) == first
    assert await refusals(desk, run_id) == []


async def test_a_late_answer_is_told_and_kept_once(desk: Desk) -> None:
    both = Question(approvers="${[params.alex, params.adele]}", title="Release it?")
    run_id = await begin(desk, story(ask=Node(approval=both)))
    own, other = await desk.sees(ALEX, "Release it?"), await desk.sees(ADELE, "Release it?")
    late = data_of(other, "Reject")
    await desk.press(ALEX, "Approve", on=own)
    for _ in range(3):
        kind, card = await pressed(desk, ADELE, "approval.decide", late)
        assert kind == CARD
        assert too_late() in everything(card)
    await refused(desk, run_id, ("Adele", "already_decided"))


async def test_an_answer_after_the_run_was_cancelled_is_kept_as_refused(desk: Desk) -> None:
    run_id = await begin(desk, story(ask=asking()))
    data = data_of(await desk.sees(ALEX, "Release it?"), "Approve")
    await desk.engine.send(run_id, CancelRun(by=MEGAN))
    _, card = await pressed(desk, ALEX, "approval.decide", data)
    assert "No answer needed any more" in everything(card)
    await refused(desk, run_id, ("Alex", "already_decided"))


async def test_a_press_from_another_tenant_is_refused_and_kept(desk: Desk) -> None:
    run_id = await begin(desk, story(ask=asking()))
    data = data_of(await desk.sees(ALEX, "Release it?"), "Approve")
    value = {"action": {"type": "Action.Execute", "verb": "approval.decide", "data": data}}
    elsewhere = "22222222-2222-4222-8222-222222222222"
    place = {"id": "a:alex", "conversationType": "personal", "tenantId": elsewhere}
    about = {"tenant": {"id": elsewhere}}
    answer = await desk.send(
        ALEX, "invoke", name="adaptiveCard/action", value=value, conversation=place, channelData=about
    )
    assert answer[1]["value"] == texts.other_tenant()
    assert newest(await desk.engine.view(run_id)).open
    await refused(desk, run_id, ("Alex", "other_tenant"))


async def test_nothing_is_kept_of_presses_about_runs_that_nobody_knows(desk: Desk) -> None:
    for verb in ("approval.decide", "approval.edit", "approval.ask", "approval.delegate", "approval.feedback"):
        data = {"run_id": "nope", "approval": "a.1", "shown": "x", "question": "x", "to": "x", "feedback": "x"}
        assert await pressed(desk, ALEX, verb, data) == (NOTE, texts.unknown_run())
    assert await desk.engine.runs() == []


async def test_an_expired_question_takes_no_answer(desk: Desk) -> None:
    run_id = await begin(desk, story(ask=asking(due_hours=8, on_expiry="skip")))
    data = data_of(await desk.sees(ALEX, "Release it?"), "Approve")
    desk.clock.advance(timedelta(hours=8, minutes=1))
    await until(desk, run_id, lambda run: run.status == "succeeded")
    _, card = await pressed(desk, ALEX, "approval.decide", data)
    assert "Nobody answered in time" in everything(card)
    await refused(desk, run_id, ("Alex", "already_decided"))
