"""Every card with content that nobody would wish for: Markdown, invisible letters, endless texts, endless lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from bot import cards
from orchestration.core.amendment import Amendment, Step
from orchestration.core.label import Label, Source
from orchestration.core.plan import Answer, Choice
from orchestration.core.question import Answered, Change, Field, Item, Shown
from orchestration.core.retraction import Retraction
from orchestration.core.run import Person, Remark, Vote
from orchestration.core.usage import Usage
from orchestration.core.view import RunView
from orchestration.planning.described import Line
from orchestration.planning.port import Missing, Suggestion
from tests.support.cards.samples import ALEX, SHOWN, approval, at, run, task

MARKDOWN = (
    "**bold** _it_ [click](https://evil.example) ![p](https://evil.example/p.png) <b>tag</b> &lt;i&gt; `code` "
    "https://evil.example www.evil.example {{DATE(2026-01-01T00:00:00Z,SHORT)}} # head\n- item\n1. one\n> quote | a | b"
)
# Right-to-left override, zero-width space, a tag letter, a variation selector, the Hangul filler.
INVISIBLE = "pay\u202e\u200b\U000e0041\ufe0f\u3164able"
ENDLESS = "𝄞 äöü “long” " * 2_000
EVERYTHING = f"{INVISIBLE} {MARKDOWN} {ENDLESS}"
EVE = Person("e", EVERYTHING, EVERYTHING)


def _run(status: str, *states: Any, **changes: Any) -> RunView:
    view = run(status, *states, **changes)  # type: ignore[arg-type]
    tasks = [
        msgspec.structs.replace(
            view.tasks[place % 8], name=f"t{place}", title=EVERYTHING, summary=EVERYTHING, message=EVERYTHING
        )
        for place in range(300)
    ]
    return msgspec.structs.replace(
        view,
        title=EVERYTHING,
        goal=EVERYTHING,
        initiator=EVE,
        message=EVERYTHING,
        params={EVERYTHING[:500] + str(place): EVERYTHING for place in range(40)},
        tasks=tasks,
    )


def _items(number: int) -> list[Item]:
    facts = [(EVERYTHING, EVERYTHING)] * 20
    return [Item(f"id-{place}", f"kind-{place % 60}", EVERYTHING, facts, float(place)) for place in range(number)]


ITEMS = _items(500)
MANY = Shown(
    kind="decision",
    title=EVERYTHING,
    text=EVERYTHING,
    on_behalf_of=EVE,
    facts=[(EVERYTHING, EVERYTHING)] * 100,
    items=ITEMS,
    kinds={f"kind-{place}": EVERYTHING for place in range(60)},
    choices=[Choice(f"c{place}", EVERYTHING) for place in range(6)],
    default="c1",
)
WHOLE = msgspec.structs.replace(MANY, items=[], default="")
FEW = msgspec.structs.replace(WHOLE, choices=WHOLE.choices[:3])
RUNNING = _run("running", task(0, "backing_off", retry_at=at(20)), "running", "in_doubt", "asking")
ASKED = approval("decide", "decision", EVERYTHING, EVE, ALEX)
SENT = approval("decide", "decision", EVERYTHING, EVE, by=EVE, choice="answer", comment=EVERYTHING)
ANSWERED = Answered(
    choice="answer",
    by=EVE,
    at=at(3),
    comment=EVERYTHING,
    rules={f"kind-{place}": "c2" for place in range(60)},
    exceptions={item.id: "c3" for item in ITEMS},
)
LATE = approval(
    "decide", "decision", EVERYTHING, EVE, ALEX, *[EVE] * 50, quorum=3, due_at=at(9), escalate_to=ALEX,
    votes=[Vote(EVE, "approve", EVERYTHING)] * 60, escalated_to=EVE,
)  # fmt: skip
LABELS: tuple[Label, ...] = ("public", "internal", "confidential", "highly_confidential")
BACKED = msgspec.structs.replace(
    FEW,
    kind="write",
    why=EVERYTHING,
    sources=[Source(EVERYTHING, EVERYTHING, "javascript:alert(1)", LABELS[n % 4], outside=True) for n in range(50)],
    changed=[Change(EVERYTHING, EVERYTHING, EVERYTHING)] * 50,
    fields=[Field(f"f{n}", EVERYTHING, INVISIBLE * 20, multiline=True) for n in range(9)],
    recipients=[EVERYTHING] * 50,
    label="highly_confidential",
    tainted=True,
)
HANDLED = approval(
    "decide", "write", EVERYTHING, ALEX,
    remarks=[Remark(EVE, EVERYTHING, at(9)), Remark(ALEX, EVERYTHING, at(10))] * 10,
    delegates=[Person(f"p{n}", EVERYTHING, EVERYTHING) for n in range(200)], delegated=[(EVE, ALEX)], revises="t1",
    editable=True, scope="s",
)  # fmt: skip
MANY_ASKED = [
    cards.Asked(msgspec.structs.replace(HANDLED, id=f"d.{n}"), BACKED if n % 2 else SHOWN, EVERYTHING)
    for n in range(40)
]
DECIDED = [
    cards.Asked(msgspec.structs.replace(each.approval, open=False, decided_by=EVE, choice="c1"), each.shown, EVERYTHING)
    for each in MANY_ASKED
]
EVERY = [f"t{place}" for place in range(300)]
succeeded = msgspec.structs.replace(task(0, "succeeded"), entry="e")
simulated = task(7, "skipped", code="simulated", message=EVERYTHING)
SUGGESTIONS = [Suggestion(EVERYTHING, EVERYTHING, EVERYTHING)] * 50
ANSWER = Answer(EVERYTHING, [(EVERYTHING, EVERYTHING)] * 100, "javascript:alert(1)", EVERYTHING)
MISSING = Missing(
    playbook="p", parameter="m", question=EVERYTHING, choices=[(f"v{n}", EVERYTHING) for n in range(500)], given={}
)

DRAWN = msgspec.structs.replace(_run("proposed"), model=EVERYTHING)
STEPS = [
    Line(
        effect=effect, what=EVERYTHING, system=EVERYTHING, title=EVERYTHING, names=[EVERYTHING] * 90, instead=EVERYTHING
    )
    for effect in ("write", "read", "ask", "compute")
    for _ in range(20)
]
_CHANGED = [
    Step(task=f"t{place}", title=EVERYTHING, effect="write", attempts=9, currency=EVERYTHING) for place in range(90)
]
CHANGE = Amendment(
    title=EVERYTHING,
    retitled=EVERYTHING,
    params=[(EVERYTHING, EVERYTHING, [EVERYTHING])] * 90,
    added=_CHANGED,
    removed=_CHANGED,
    changed=_CHANGED,
    again=_CHANGED,
    stands=_CHANGED,
    waits_for=[EVERYTHING] * 90,
)
SPENT = Usage(model=EVERYTHING, input_tokens=1, output_tokens=1, seconds=1e9, cost=1e9, currency=EVERYTHING)

HOSTILE: dict[str, Callable[[], dict[str, Any]]] = {
    "welcome": lambda: cards.welcome(SUGGESTIONS, EVERYTHING),
    "help": lambda: cards.help_card(SUGGESTIONS),
    "unmatched": lambda: cards.unmatched(EVERYTHING, SUGGESTIONS),
    "question-many": lambda: cards.question(MISSING, EVERYTHING),
    "question-few": lambda: cards.question(msgspec.structs.replace(MISSING, choices=MISSING.choices[:3]), EVERYTHING),
    "question-free": lambda: cards.question(msgspec.structs.replace(MISSING, choices=[]), EVERYTHING),
    "plan": lambda: cards.plan(_run("proposed"), [EVERYTHING] * 50, [EVERYTHING] * 50, [EVERYTHING] * 50),
    "progress": lambda: cards.progress(RUNNING, at(10)),
    "progress-failed": lambda: cards.progress(_run("failed", "failed", ended=True), at(10)),
    "decision-items": lambda: cards.decision(RUNNING, ASKED, MANY, EVE),
    "decision-items-long": lambda: cards.decision(
        run(),
        ASKED,
        msgspec.structs.replace(
            SHOWN, items=[Item(f"{n}", "amount", "Long title " * 90, [("SAP", "1")], n) for n in range(500)]
        ),
        EVE,
    ),
    "decision-no-default": lambda: cards.decision(RUNNING, ASKED, msgspec.structs.replace(MANY, default=""), EVE),
    "decision-many-choices": lambda: cards.decision(RUNNING, ASKED, WHOLE, EVE),
    "decision-buttons": lambda: cards.decision(RUNNING, ASKED, FEW, EVE),
    "decided": lambda: cards.decided(RUNNING, SENT, MANY, ANSWERED),
    "decided-nothing-stored": lambda: cards.decided(RUNNING, SENT, None),
    "withdrawn": lambda: cards.withdrawn(RUNNING, ASKED),
    "sign-in": lambda: cards.sign_in(_run("running", *["awaiting_sign_in"] * 8), "javascript:alert(1)"),
    "outcome": lambda: cards.outcome(_run("succeeded", ended=True), ANSWER),
    "outcome-failed": lambda: cards.outcome(_run("failed", "failed", "succeeded", ended=True), None),
    "message": lambda: cards.message(EVERYTHING, EVERYTHING * 3, "warning"),
    "message-empty": lambda: cards.message("Title", "", "good"),
    "decision-late": lambda: cards.decision(RUNNING, LATE, WHOLE, EVE),
    "voted": lambda: cards.voted(RUNNING, LATE, EVE),
    "reminder": lambda: cards.reminder(RUNNING, LATE, ALEX),
    "stale": lambda: cards.decision(RUNNING, ASKED, msgspec.structs.replace(FEW, kind="stale"), EVE),
    "superseded": lambda: cards.superseded(RUNNING),
    "retraction": lambda: cards.retraction(
        RUNNING,
        RUNNING.tasks[0],
        Retraction(source=["t0"], again=EVERY, asked=EVERY[:90], writes=EVERY, left_behind=EVERY),
    ),
    "outcome-wrong": lambda: cards.outcome(
        _run("succeeded", succeeded, ended=True, left_behind=[EVERYTHING] * 9), ANSWER
    ),
    "outcome-again": lambda: cards.outcome(
        _run("failed", "failed", ended=True, failed=RUNNING.tasks[:9]), None, dict.fromkeys(EVERY, "https://x.example")
    ),
    "outcome-dry": lambda: cards.outcome(_run("succeeded", simulated, ended=True, dry=True), ANSWER),
    "approval": lambda: cards.decision(RUNNING, HANDLED, BACKED, ALEX),
    "approval-items": lambda: cards.decision(
        RUNNING, HANDLED, msgspec.structs.replace(BACKED, items=ITEMS, default="c1", fields=[]), ALEX
    ),
    "handed": lambda: cards.handed(RUNNING, HANDLED, ALEX),
    "asked-back": lambda: cards.asked_back(RUNNING, HANDLED),
    "replied": lambda: cards.replied(RUNNING, HANDLED, ALEX),
    "digest": lambda: cards.digest(RUNNING, [cards.Asked(HANDLED, BACKED, EVERYTHING)] * 1, ALEX),
    "digest-many": lambda: cards.digest(RUNNING, MANY_ASKED, ALEX),
    "digest-many-decided": lambda: cards.digest(RUNNING, DECIDED, ALEX),
    "neutral": lambda: cards.neutral(RUNNING, ASKED, [f"29:{n}" for n in range(500)]),
    "waiting": lambda: cards.waiting([(RUNNING, HANDLED)] * 200, ALEX, 900),
    "status": lambda: cards.status([RUNNING] * 200, at(10)),
    "plan-model": lambda: cards.plan(DRAWN, [], [], [], steps=STEPS, changed=CHANGE, spent=SPENT, told=EVERYTHING),
    "plan-chosen": lambda: cards.plan(
        msgspec.structs.replace(DRAWN, playbook=f"{EVERYTHING}@{EVERYTHING}"), [EVERYTHING] * 50, [], [], changed=CHANGE
    ),
    "change": lambda: cards.change(DRAWN, CHANGE, {"run_id": "r", "said": EVERYTHING[:1000]}, SPENT),
    "changed": lambda: cards.changed(DRAWN, CHANGE),
    "change-outdated": lambda: cards.outdated_change(DRAWN, {"run_id": "r"}),
    "not-for-you": lambda: cards.not_for_you(EVERYTHING, EVERYTHING, [EVERYTHING] * 90),
    "unclear": lambda: cards.unclear(EVERYTHING, EVERYTHING, SUGGESTIONS),
    "without-model": lambda: cards.without_model(DRAWN, EVERYTHING, SUGGESTIONS),
    "empty": lambda: cards.welcome([], ""),
}
