"""`tandem history` tells what happened, from events alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from bot.cli.history import find, read
from bot.cli.log import FileLog
from bot.cli.phrases import since
from bot.cli.telling import Teller
from bot.cli.trouble import Trouble
from orchestration.core import events as e
from orchestration.core.codec import decode, encode
from orchestration.core.plan import Answer, Choice, ForEach, Node, Plan, Question, Repeat
from orchestration.core.question import Answered, Item, Shown
from orchestration.core.run import Person
from tests.replay.test_histories import HISTORIES, lines

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MEGAN = Person("aaaa", "Megan Bowen", "megan.bowen@contoso.example", "t")
ALEX = Person("bbbb", "Alex Wilber", "alex.wilber@contoso.example", "t")


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


PLAN = Plan(
    title="Supplier invoices",
    tasks={
        "sap": Node(capability="ledger.sap.entries", title="Read SAP"),
        "decide": Node(approval=Question(approver="${tasks.x}", title="Decide"), title="Decide about it"),
        "upload": Node(capability="files.upload", title="Save the workbook"),
    },
    answer=Answer(text="Done."),
    playbook="reconcile@1",
)
SHOWN = Shown(
    kind="decision",
    title="2 differences",
    on_behalf_of=MEGAN,
    items=[Item("i1", "amount", "INV-1"), Item("i2", "amount", "INV-2")],
    kinds={"amount": "Different amounts"},
    choices=[Choice("sap", "SAP is right"), Choice("look", "Investigate")],
)
ANSWERED = Answered(choice="answer", by=ALEX, at=at(60), rules={"amount": "sap"}, exceptions={"i2": "look"})
STORY: list[e.Event] = [
    e.RunProposed(at=at(0), run_id="run-1", plan=PLAN, goal="Reconcile", initiator=MEGAN),
    e.NoticeDelivered(at=at(0), notice="progress", to="aaaa", receipt="r"),
    e.RunStarted(at=at(2), by=MEGAN),
    e.TaskStarted(at=at(2), task="sap", attempt=1, worker="w", version="1", inputs="d", deadline=at(60), attempts=5),
    e.SignInRequested(at=at(3), task="sap", attempt=1),
    e.SignedIn(at=at(9)),
    e.TaskStarted(at=at(9), task="sap", attempt=2, worker="w", version="1", inputs="d", deadline=at(60), attempts=5),
    e.AttemptFailed(
        at=at(10), task="sap", attempt=2, code="unavailable", message="SAP does not answer.", retry_at=at(12)
    ),
    e.TaskStarted(at=at(12), task="sap", attempt=3, worker="w", version="1", inputs="d", deadline=at(60), attempts=5),
    e.TaskSucceeded(at=at(13), task="sap", entry="3f9a4c0d5e6b7a88", summary="411 invoices"),
    e.ApprovalRequested(
        at=at(13), approval="decide.1", task="decide", kind="decision", title=SHOWN.title, approvers=[ALEX],
        choices=["answer"], entry="shown",
    ),
    e.ApprovalDecided(
        at=at(60), approval="decide.1", by=ALEX, choice="answer", shown="shown", comment="ok", entry="answered"
    ),
    e.TaskInDoubt(at=at(70), task="upload", attempt=1, message="The connection was cut.", look_at=at(100)),
    e.DoubtResolved(at=at(100), task="upload", happened=True),
    e.RunSucceeded(at=at(101), answer="y"),
]  # fmt: skip


def write(path: Path, runs: dict[str, Sequence[e.Event]]) -> Path:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(files("orchestration.stores").joinpath("migrations/sqlite/0001_log.sql").read_text("utf-8"))
        for place, (run, events) in enumerate(runs.items()):
            row = (run, "succeeded", "Supplier invoices", "aaaa", 0, 0, None, place, 1)
            db.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            for seq, event in enumerate(events, 1):
                values = (run, seq, 0, type(event).__name__, encode(event))
                db.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?)", values)
        for entry, value in {"shown": SHOWN, "answered": ANSWERED}.items():
            db.execute("INSERT INTO entries VALUES ('run-1', ?, ?)", (entry, msgspec.json.encode(value)))
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write(tmp_path / "tandem.db", {"run-1": STORY, "run-2": STORY[:1], "other": STORY[:1]})


def test_the_story_is_told_in_order_with_who_decided_what(log: Path) -> None:
    told = [f"{each.about}: {each.what.strip()}" for each in read(FileLog(log), "run-1").moments]

    assert [each.seq for each in read(FileLog(log), "run-1").moments[:3]] == [1, 3, 4]
    assert told[:3] == ["Run: proposed to Megan Bowen", "Run: started by Megan Bowen", "Read SAP: began: w, version 1"]
    assert "Read SAP: waits for Megan Bowen to sign in" in told
    assert "Run: Megan Bowen signed in" in told
    failed = next(each for each in told if "try 1 failed (unavailable): SAP does not answer." in each)
    assert "Again at " in failed
    assert "Read SAP: began: w, version 1, try 2 of 5" in told
    assert "Read SAP: done: 411 invoices · entry 3f9a4c0d5e6b" in told
    asked = told.index("Decide about it: Alex Wilber was asked: 2 differences")
    assert told[asked + 1 : asked + 4] == [
        "Decide about it: Alex Wilber decided “ok”",
        "Decide about it: Different amounts: SAP is right",
        "Decide about it: INV-2: Investigate",
    ]
    assert "Save the workbook: a look at the target: it was done" in told
    assert told[-1] == "Run: finished"


def told(*events: e.Event, plan: Plan = PLAN) -> list[str]:
    """What is said of events after a run's beginning."""
    first = e.RunProposed(at=at(0), run_id="run-1", plan=plan, goal="Reconcile", initiator=MEGAN)
    teller = Teller(first, lambda _: (None, None))
    moments = [moment for event in (first, *events) for moment in teller.tell(event)]
    return [f"{each.about}: {each.what}" for each in moments][1:]


def test_a_question_to_several_people_is_told_with_its_votes_its_due_time_and_what_became_of_it() -> None:
    asked = e.ApprovalRequested(
        at=at(1), approval="decide.1", task="decide", kind="decision", title="Release?", approvers=[MEGAN, ALEX],
        choices=["approve", "reject"], entry="s", quorum=2, due_at=at(60), on_expiry="skip",
    )  # fmt: skip
    adele = Person("cccc", "Adele Vance")
    said = told(
        asked,
        e.ApprovalVoted(at=at(2), approval="decide.1", by=ALEX, choice="approve", shown="s", comment="fine"),
        e.ApprovalReminded(at=at(30), approval="decide.1"),
        e.ApprovalEscalated(at=at(60), approval="decide.1", to=adele, due_at=at(120)),
        e.ApprovalExpired(at=at(120), approval="decide.1"),
        e.TaskSkipped(at=at(120), task="decide", reason="expired", message="Megan Bowen did not answer in time"),
    )
    assert said[0].startswith(
        "Decide about it: Megan Bowen or Alex Wilber was asked (2 have to approve): Release? (due "
    )
    assert said[1] == "Decide about it: Alex Wilber approved “fine” (1 of 2 needed)"
    assert said[2] == "Decide about it: reminder to Megan Bowen"
    assert said[3].startswith("Decide about it: nobody answered in time: Adele Vance was asked as well, due ")
    assert said[4] == "Decide about it: nobody answered in time: the run goes on without the answer"
    assert said[5] == "Decide about it: left out: nobody answered in time: Megan Bowen did not answer in time"


def test_whom_nobody_reaches_is_told_at_once() -> None:
    asked = e.ApprovalRequested(
        at=at(1),
        approval="decide.1",
        task="decide",
        kind="decision",
        title="T",
        approvers=[ALEX],
        choices=[],
        entry="s",
    )
    away = e.ApprovalEscalated(at=at(1), approval="decide.1", to=MEGAN, due_at=None)
    assert told(asked, away)[1] == "Decide about it: everybody asked is away: Megan Bowen was asked as well"


def test_what_people_do_with_a_run_is_told() -> None:
    operator = Person("operator", "root")
    said = told(
        e.RunPaused(at=at(1), by=MEGAN),
        e.RunResumed(at=at(2), by=operator),
        e.RunReopened(at=at(3), by=MEGAN),
        e.EntryRetracted(
            at=at(4), entry="3f9a4c0d5e6b7a88", by=operator, tasks=["sap", "decide"], writes=["upload"], reason="old"
        ),
        e.WriteKept(at=at(5), task="upload"),
        e.TaskFellBack(at=at(6), task="sap", capability="ledger.sap.export"),
        e.RunForked(at=at(7), of="run-0", upto=9, by=operator),
        e.TaskSkipped(at=at(8), task="upload", reason="simulated", message="Would have been written: x.xlsx"),
        e.TaskSkipped(at=at(9), task="sap", reason="failed", message="SAP is down"),
    )
    assert said == [
        "Run: paused by Megan Bowen: nothing new is begun",
        "Run: let go on by root",
        "Run: taken up again by Megan Bowen after it had failed",
        (
            "Run: root took back the result 3f9a4c0d5e6b “old”. Done again: Read SAP, Decide about it. "
            "Looked at again: Save the workbook."
        ),
        "Save the workbook: it would be the same again: what was written stays",
        "Read SAP: goes on with ledger.sap.export instead",
        "Run: root began a dry run from here, event 9 of run run-0: nothing is written",
        "Save the workbook: left out: a dry run writes nothing: Would have been written: x.xlsx",
        "Read SAP: left out: it failed, and the plan goes on without it: SAP is down",
    ]


def test_tries_are_counted_anew_when_a_run_is_taken_up_again() -> None:
    began = e.TaskStarted(
        at=at(4), task="sap", attempt=2, worker="w", version="1", inputs="d", deadline=at(60), attempts=5
    )
    failed = e.AttemptFailed(at=at(2), task="sap", attempt=1, code="unavailable", message="SAP is down.")
    assert told(failed, e.RunReopened(at=at(3), by=MEGAN), began)[-1] == "Read SAP: began: w, version 1"


def test_groups_are_told_with_their_items_and_rounds() -> None:
    each = ForEach(items="${params.x}", tasks={"read": Node(capability="x", title="Read one")}, gives="${tasks.read}")
    rounds = Repeat(tasks={"write": Node(capability="x")}, gives="${tasks.write}", at_most=3)
    plan = Plan(
        title="T",
        tasks={"all": Node(for_each=each, title="Read all"), "again": Node(repeat=rounds, title="Improve")},
        answer=Answer(text=""),
    )
    said = told(
        e.GroupOpened(at=at(1), task="all", count=40, entry="i"),
        e.TaskSucceeded(at=at(2), task="all.3.read", entry="3f9a4c0d5e6b7a88"),
        e.GroupOpened(at=at(1), task="again"),
        e.RoundEnded(at=at(2), task="again", number=1, entry="ffffffffffffffff", verdict="again"),
        e.RoundEnded(at=at(3), task="again", number=2, entry="ffffffffffffffff", verdict="stalled"),
        plan=plan,
    )
    assert said == [
        "Read all: began: 40 items",
        "Read one (all.3.read): done · entry 3f9a4c0d5e6b",
        "Improve: began: at most 3 rounds",
        "Improve: round 1 ended: another one follows",
        "Improve: round 2 ended: it gave the same as the one before, so no other one follows",
    ]


def test_deliveries_are_told_only_if_asked(log: Path) -> None:
    assert "reached" not in str(read(FileLog(log), "run-1").moments)
    assert "the run's card reached Megan Bowen" in str(read(FileLog(log), "run-1", everything=True).moments)


def test_a_decision_whose_content_was_erased_is_still_told(log: Path) -> None:
    with closing(sqlite3.connect(log, isolation_level=None)) as db:
        db.execute("DELETE FROM entries")

    assert "Alex Wilber decided “ok”" in [each.what for each in read(FileLog(log), "run-1").moments]


@pytest.mark.parametrize("event", e.Event.__args__, ids=lambda event: event.__name__)  # type: ignore[attr-defined]
def test_every_event_has_words_of_its_own(event: type) -> None:
    source = files("bot.cli").joinpath("telling.py").read_text("utf-8")

    assert f"e.{event.__name__}" in source


def test_a_run_is_found_by_how_it_begins(log: Path) -> None:
    assert [find(FileLog(log), "run-1"), find(FileLog(log), "oth"), find(FileLog(log), "last")] == [
        "run-1",
        "other",
        "other",
    ]


@pytest.mark.parametrize(
    ("run", "says"), [("nope", "There is no run 'nope'"), ("run-", "Several runs begin with 'run-'")]
)
def test_a_run_that_is_not_clear_is_asked_for(log: Path, run: str, says: str) -> None:
    with pytest.raises(Trouble, match=says):
        find(FileLog(log), run)


def test_an_event_of_a_newer_tandem_is_named(log: Path) -> None:
    with closing(sqlite3.connect(log, isolation_level=None)) as db:
        db.execute("""UPDATE events SET body = '{"type": "Teleported"}' WHERE run_id = 'run-1' AND seq = 3""")

    with pytest.raises(Trouble, match="Event 3 of run run-1 is not one that this Tandem knows"):
        read(FileLog(log), "run-1")


def test_reading_does_not_keep_the_bot_from_writing(log: Path) -> None:
    with closing(sqlite3.connect(log, timeout=0, isolation_level=None)) as owner:
        owner.execute("BEGIN IMMEDIATE")
        assert read(FileLog(log), "run-1").moments
        owner.execute("UPDATE runs SET status = 'failed'")
        owner.execute("COMMIT")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "+0.0 s"), (59.9, "+59.9 s"), (65, "+1 min 05 s"), (7260, "+2 h 01 min"), (200_000, "+2 d 7 h")],
)
def test_spans_are_told_as_people_do(seconds: float, text: str) -> None:
    assert since(timedelta(seconds=seconds)) == text


def test_it_says_by_which_way_a_question_went_and_where_it_was_decided() -> None:
    asked = e.ApprovalRequested(
        at=at(1), approval="decide.1", task="decide", kind="decision", title="Pay?", approvers=[ALEX],
        choices=["approve"], entry="d",
    )  # fmt: skip
    mail, system = '{"route":"mail","reference":"m1"}', '{"route":"workflow","reference":"Ledger"}'
    said = told(
        asked,
        e.NoticeDelivered(at=at(2), notice="approval:decide.1", to="bbbb", receipt=mail),
        e.NoticeDelivered(at=at(3), notice="approval:decide.1", to="bbbb", receipt=system),
        e.NoticeDelivered(at=at(4), notice="withdrawn:decide.1", to="bbbb", receipt="Ledger"),
        e.ApprovalDecided(at=at(5), approval="decide.1", by=ALEX, choice="approve", shown="d", via="Ledger"),
    )
    assert said[1].endswith("reached Alex Wilber by mail, without Tandem in Teams")
    assert said[2].endswith("reached Alex Wilber in Ledger")
    assert said[3].endswith("Ledger knows that Alex Wilber is not asked any more")
    assert said[4].startswith("Decide about it: Alex Wilber")
    assert said[4].endswith("in Ledger")


def test_a_changed_plan_is_told_with_what_became_of_each_task() -> None:
    [path] = [path for path in HISTORIES if path.stem == "plan_changed"]
    events = [decode(bytes(line.event)) for line in lines(path)]
    first = events[0]
    assert isinstance(first, e.RunProposed)
    teller = Teller(first, lambda _: (None, None))
    said = [moment.what for event in events for moment in teller.tell(event) if "plan" in moment.what]
    assert said == [
        "Megan Bowen changed the plan (revision 1): added: write, waits, items; left out: late",
        "Megan Bowen wants the plan changed; what is being written is settled first",
        "the change of the plan was not made (internal): It could not be made.",
        "Megan Bowen wants the plan changed; what is being written is settled first",
        "Megan Bowen changed the plan (revision 2): added: more; changed or done again: items",
        (
            "Megan Bowen changed the plan (revision 3): added: bad; left out: more; "
            "changed or done again: first, waits, items; looked at again: write"
        ),
        "Megan Bowen changed the plan (revision 4): added: more; left out: waits, items, bad; looked at again: write",
    ]
