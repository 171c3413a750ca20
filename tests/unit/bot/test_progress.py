"""The progress card: as new as it may be, and always right in the end."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from bot.conversations import Conversation, Conversations
from bot.groups import Groups
from bot.outbound import Message, Receipt
from bot.progress import FINAL, Progress, moving, pace
from orchestration.core.commands import RecordDelivery
from orchestration.core.run import TaskStatus
from orchestration.core.view import ApprovalView, RunView, TaskView
from orchestration.errors import NotFound, Unavailable
from tests.support.chat import ALEX, MEGAN, Desk
from tests.support.clock import START, FakeClock

MS = timedelta(milliseconds=1)
SECOND = timedelta(seconds=1)


def task(status: TaskStatus, **more: Any) -> TaskView:
    return TaskView(
        name="count",
        title="Count",
        effect="read",
        status=status,
        attempt=1,
        attempts=3,
        summary="",
        code="",
        message="",
        started_at=START,
        finished_at=None,
        retry_at=None,
        **more,
    )


def view(seq: int, status: Any = "running", tasks: TaskStatus = "running", **more: Any) -> RunView:
    fields: dict[str, Any] = {
        "run_id": "r1",
        "title": "Stock count",
        "goal": "count",
        "status": status,
        "initiator": MEGAN,
        "origin": "",
        "params": {},
        "tasks": [task(tasks)],
        "approvals": [],
        "asks": [],
        "awaiting_sign_in": False,
        "proposed_at": START,
        "started_at": START,
        "ended_at": None,
        "code": "",
        "message": "",
        "answer": "",
        "seq": seq,
        "receipts": {("progress", MEGAN.id): Receipt("a:megan", "m1").encode()},
    }
    return RunView(**{**fields, **more})


class Chat:
    """Counts what is sent and updated, and when."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.updates: list[float] = []
        self.messages: list[Message] = []
        self.sent: list[Message] = []
        self.lines: list[tuple[float, str]] = []
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def update(self, to: Conversation, activity: str, message: Message) -> None:
        if self.gate:
            await self.gate.wait()
        if self.error:
            error, self.error = self.error, None
            raise error
        self.updates.append((self.clock.now() - START) / SECOND)
        self.messages.append(message)

    async def send(self, to: Conversation, message: Message) -> Receipt:
        self.sent.append(message)
        return Receipt("a:megan", f"new{len(self.sent)}")

    async def hint(self, to: Conversation, text: str) -> None:
        self.lines.append(((self.clock.now() - START) / SECOND, text))

    def streaming(self, to: Conversation) -> bool:
        return bool(self.lines) and not self.sent


class Records:
    """The engine, as far as progress needs it."""

    def __init__(self) -> None:
        self.records: list[RecordDelivery] = []

    async def send(self, run_id: str, command: RecordDelivery, *, command_id: str = "") -> None:
        self.records.append(command)


class Memory:
    """Documents in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}

    async def get(self, kind: str, key: str) -> bytes | None:
        return self.kept.get((kind, key))

    async def put(self, kind: str, key: str, body: bytes) -> None:
        self.kept[kind, key] = body

    async def drop(self, kind: str, key: str) -> None:
        self.kept.pop((kind, key), None)

    async def documents(self, kind: str) -> dict[str, bytes]:
        return {key: body for (of, key), body in self.kept.items() if of == kind}


@pytest.fixture
async def bench() -> Any:
    clock = FakeClock()
    chat, engine, conversations = Chat(clock), Records(), Conversations(Memory())
    there = Conversation(id="a:megan", service_url="s", channel_id="msteams", user_id="29:megan", bot_id="28:bot")
    await conversations.remember(MEGAN, there)
    progress = Progress(engine, conversations, chat, Groups(engine, conversations, chat), clock)  # type: ignore[arg-type]
    made = SimpleNamespace(clock=clock, chat=chat, engine=engine, progress=progress, conversations=conversations)
    yield made
    await progress.close()


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def live(bench: Any, seconds: float, step: timedelta = 100 * MS, news: bool = True) -> None:
    """Let time pass; with `news` the run changes at every step."""
    for seq in range(int(timedelta(seconds=seconds) / step)):
        bench.clock.advance(step)
        if news:
            bench.progress(view(100 + seq, params={"n": seq}))
        await settle()


async def test_one_update_a_second_at_most_for_thirty_seconds_then_one_in_five(bench: Any) -> None:
    bench.progress(view(1))
    await settle()
    await live(bench, 60)
    early = [at for at in bench.chat.updates if at < 30]
    late = [at for at in bench.chat.updates if at >= 30]
    assert 29 <= len(early) <= 31
    assert 6 <= len(late) <= 7
    assert all(b - a >= 0.999 for a, b in itertools.pairwise(early))
    assert all(b - a >= 4.999 for a, b in itertools.pairwise(late))


async def test_durations_go_on_without_news_but_calm_down_after_ten_minutes(bench: Any) -> None:
    bench.progress(view(1))
    await live(bench, 700, SECOND, news=False)
    assert 29 <= len([at for at in bench.chat.updates if at < 30]) <= 31
    assert 110 <= len([at for at in bench.chat.updates if 30 <= at < 600]) <= 115
    assert len([at for at in bench.chat.updates if at >= 601]) <= 2


@pytest.mark.parametrize(
    "news",
    [
        view(3, "succeeded", "succeeded", ended_at=START + SECOND),
        view(3, tasks="asking"),
        view(3, tasks="awaiting_sign_in", awaiting_sign_in=True),
    ],
)
async def test_the_end_and_a_wait_for_a_human_are_shown_at_once(bench: Any, news: RunView) -> None:
    bench.progress(view(1))
    await settle()
    bench.progress(view(2))
    bench.clock.advance(50 * MS)
    await settle()
    assert len(bench.chat.updates) == 1
    bench.progress(news)
    await settle()
    assert len(bench.chat.updates) == 2


async def test_nothing_is_sent_or_scheduled_while_a_run_waits_for_a_human(bench: Any) -> None:
    bench.progress(view(1, tasks="asking"))
    await settle()
    await live(bench, 3600, timedelta(seconds=60), news=False)
    assert len(bench.chat.updates) == 1
    assert bench.clock.next_timer is None
    assert bench.progress._cards == {}


async def test_the_last_state_wins_over_an_update_under_way(bench: Any) -> None:
    bench.chat.gate = asyncio.Event()
    bench.progress(view(1))
    await settle()
    bench.progress(view(2, "succeeded", "succeeded", ended_at=START + SECOND))
    bench.chat.gate.set()
    await settle()
    assert "Finished" in str(bench.chat.messages[-1].card)
    assert [each.notice for each in bench.engine.records] == [FINAL]


async def test_an_older_view_never_replaces_a_newer_one(bench: Any) -> None:
    bench.progress(view(5, "succeeded", "succeeded", ended_at=START + SECOND))
    bench.progress(view(4))
    await settle()
    assert "Finished" in str(bench.chat.messages[-1].card)


async def test_no_update_overtakes_the_answer_to_a_press(bench: Any) -> None:
    bench.progress.defer("r1")
    bench.progress(view(1, "succeeded", "succeeded", ended_at=START))
    await settle()
    assert bench.chat.updates == []
    bench.clock.advance(SECOND)
    await settle()
    assert len(bench.chat.updates) == 1


async def test_a_press_without_consequences_leaves_nothing_behind(bench: Any) -> None:
    bench.progress.defer("r1")
    bench.clock.advance(SECOND)
    await settle()
    assert bench.progress._cards == {}


async def test_a_channel_that_is_down_is_tried_again_later(bench: Any) -> None:
    bench.chat.error = Unavailable("down")
    bench.progress(view(1, "succeeded", "succeeded", ended_at=START))
    await settle()
    assert bench.chat.updates == []
    bench.clock.advance(timedelta(seconds=31))
    await settle()
    assert len(bench.chat.updates) == 1


async def test_a_card_that_is_gone_is_sent_anew_and_recorded(bench: Any) -> None:
    bench.chat.error = NotFound("deleted")
    bench.progress(view(1, tasks="asking"))
    await settle()
    assert len(bench.chat.sent) == 1
    assert [(each.notice, each.to, Receipt.decode(each.receipt)) for each in bench.engine.records] == [
        ("progress", MEGAN.id, Receipt("a:megan", "new1"))
    ]


async def test_a_defect_is_logged_and_ends_nothing(bench: Any, caplog: pytest.LogCaptureFixture) -> None:
    bench.chat.error = RuntimeError("broken")
    bench.progress(view(1, tasks="asking"))
    await settle()
    assert "could not be updated" in caplog.text
    bench.progress(view(2))
    await settle()
    assert len(bench.chat.updates) == 1


async def test_an_initiator_without_a_chat_costs_nothing(bench: Any) -> None:
    await bench.conversations.forget(MEGAN.id)
    bench.progress(view(1, "succeeded", "succeeded", ended_at=START))
    await settle()
    assert bench.chat.updates == []
    assert bench.chat.sent == []


def test_what_moves() -> None:
    assert moving(view(1))
    assert moving(view(1, tasks="backing_off"))
    assert not moving(view(1, tasks="asking"))
    assert not moving(view(1, "proposed", "pending"))
    assert not moving(view(1, "failed", "failed"))


def test_the_pace_depends_on_the_age_of_the_run() -> None:
    run = view(1)
    assert pace(run, START + 29 * SECOND, news=False) == SECOND
    assert pace(run, START + 30 * SECOND, news=True) == 5 * SECOND
    assert pace(run, START + 601 * SECOND, news=True) == 5 * SECOND
    assert pace(run, START + 601 * SECOND, news=False) == 60 * SECOND


async def test_a_restart_brings_cards_up_to_date_that_were_left_behind(desk: Desk) -> None:
    question = await desk.asked()
    progress = desk.chat(MEGAN)[0]
    await desk.until(lambda: "Waiting for Alex Wilber" in progress.says, "nobody is waited for")
    await desk.progress.close()  # as if the process died between the decision and the updates
    data = next(iter((await desk.engine.runs(limit=1))[0].approvals))
    await desk.engine.decide(
        (await desk.run()).run_id, data.id, by=ALEX, shown=data.entry, choice="answer", rules={}, exceptions={}
    )
    assert "Send decisions" in question.says
    await desk.restart()
    await desk.until(lambda: "Send decisions" not in question.says, "the approver's copy still asks")
    await desk.until(lambda: "decided by Alex Wilber" in progress.says, "the initiator's card was left behind")


async def test_a_plan_card_that_never_went_out_is_sent_after_a_restart(desk: Desk) -> None:
    await desk.say(MEGAN, "hi")
    desk.outbound.refusing["a:megan"] = Unavailable("down")
    await desk.say(MEGAN, "count the stock for October 2026")
    desk.outbound.refusing.clear()
    await desk.restart()
    await desk.press(MEGAN, "Start", on=await desk.sees(MEGAN, "run.start"))
    assert (await desk.run()).started_at is not None


async def test_settled_copies_are_updated_once_and_never_again(desk: Desk) -> None:
    question = await desk.asked()
    await desk.press(ALEX, "Send decisions")
    await desk.sees(MEGAN, "Allow")
    await desk.until(lambda: question.versions == 2, "the copy was not updated")
    await desk.press(MEGAN, "Allow")
    await desk.sees(MEGAN, "Counted 7.")
    await desk.until(lambda: "Finished" in desk.chat(MEGAN)[0].says, "the card has no last update")
    await desk.restart()
    await desk.say(MEGAN, "status")
    assert question.versions == 2
    run = await desk.run()
    assert run.receipts["closed:approval:decide.1", ALEX.id] == "shown"
    assert run.receipts[FINAL, MEGAN.id] == "shown"
    assert msgspec.json.decode(run.receipts["progress", MEGAN.id])["conversation"] == "a:megan"


def asked(person: Any) -> ApprovalView:
    return ApprovalView(
        id="q1",
        task="count",
        kind="decision",
        title="Which?",
        approvers=[person],
        entry="",
        open=True,
        choice="",
        comment="",
        answer="",
        decided_by=None,
        requested_at=START,
        decided_at=None,
    )


async def test_a_start_that_takes_long_is_bridged_by_lines_from_three_to_ninety_seconds(bench: Any) -> None:
    bench.progress(view(1))
    await live(bench, 120)
    times = [at for at, _ in bench.chat.lines]
    assert {text for _, text in bench.chat.lines} == {"Count …"}
    assert 3 <= min(times) <= 4
    assert max(times) < 90
    (last,) = bench.chat.sent
    assert last.text == "Stock count is under way. 0 of 1 steps are done; its card above shows where it stands."


async def test_a_start_that_is_quick_needs_no_lines(bench: Any) -> None:
    bench.progress(view(1))
    await live(bench, 2)
    bench.progress(view(200, "succeeded", "succeeded", ended_at=START + 2 * SECOND))
    await settle()
    assert bench.chat.lines == []


async def test_lines_end_with_whom_the_run_waits_for(bench: Any) -> None:
    bench.progress(view(1))
    await live(bench, 5)
    bench.progress(view(200, tasks="asking", approvals=[asked(ALEX)]))
    await settle()
    (last,) = bench.chat.sent
    assert last.text.startswith("Stock count is under way. It waits for Alex Wilber; ")


async def test_lines_are_left_to_the_outcome_and_to_the_initiators_own_question(bench: Any) -> None:
    bench.progress(view(1))
    await live(bench, 5)
    bench.progress(view(200, tasks="asking", approvals=[asked(MEGAN)]))
    await settle()
    bench.progress(view(201, "failed", "failed", ended_at=START + 9 * SECOND))
    await settle()
    assert bench.chat.sent == [], "the engine's notifier says it, and that ends the stream"


async def test_a_run_that_is_taken_up_again_has_no_lines(bench: Any) -> None:
    for seq in range(10):
        bench.progress(view(1 + seq, reopened=1))
        bench.clock.advance(SECOND)
        await settle()
    assert bench.chat.lines == []
