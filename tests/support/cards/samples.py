"""Contoso's October reconciliation at every stage, as the cards' functions get it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from bot import cards
from bot.cards.verdict import too_late
from orchestration.core.label import Source
from orchestration.core.plan import Answer, Choice
from orchestration.core.question import CHOICES, Answered, Change, Field, Item, Shown
from orchestration.core.retraction import Retraction
from orchestration.core.run import ApprovalKind, Person, Remark, RunStatus, TaskStatus, Vote
from orchestration.core.view import ApprovalView, RunView, TaskView
from orchestration.planning.port import Missing, Suggestion
from orchestration.sign_in import Need
from tests.support.cards import planning

START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
MEGAN = Person("00000000-0000-4000-8000-000000000001", "Megan Bowen", "megan.bowen@contoso.example", "t")
ALEX = Person("00000000-0000-4000-8000-000000000002", "Alex Wilber", "alex.wilber@contoso.example", "t")
GOAL = "Reconcile the supplier invoices for October"
CONSENT = (
    "Tandem has no consent to act for you at Dynamics 365. An administrator of your organisation gives it on the "
    "consent page: open it if you are one, or send them its address. Press “Try again” after that, and the run goes on."
)

SUGGESTIONS = [
    Suggestion(
        "Reconcile supplier invoices",
        "Reconcile the supplier invoices for last month",
        "Compares one month in SAP, Dynamics and the invoice register; the accountant decides about every difference; "
        "the result is a workbook in SharePoint.",
    ),
]
KINDS = {
    "missing": "Missing in a system",
    "amount": "Different amounts",
    "currency": "Different currencies",
    "date": "Different dates",
    "duplicate": "Booked twice",
}
CHOICES_OF_ITEMS = [
    Choice("sap", "SAP is right"),
    Choice("dynamics", "Dynamics is right"),
    Choice("register", "Register is right"),
    Choice("investigate", "Investigate"),
]
READS = [
    "Read supplier invoices from SAP",
    "Read vendor invoices from Dynamics",
    "Read the invoice register in SharePoint",
]
WRITES = ["Put the workbook into SharePoint"]
ASKS = ["Alex Wilber, accounts payable: decide about the differences"]

_SUPPLIERS = ["Northwind GmbH", "Fabrikam Logistics", "Adatum Packaging", "Wingtip Metals", "Tailspin Tools"]
_TASKS = [
    ("sap", "Read supplier invoices from SAP", "read", "412 invoices"),
    ("dynamics", "Read vendor invoices from Dynamics", "read", "409 invoices"),
    ("register", "Read the invoice register in SharePoint", "read", "415 invoices"),
    ("accountant", "Look up the accountant", "read", "Alex Wilber"),
    ("match", "Compare the invoices", "read", "19 discrepancies in 437 invoices"),
    ("decide", "Decide about the differences", "ask", ""),
    ("workbook", "Make the workbook", "read", "2 sheets, 14 KB"),
    ("upload", "Put the workbook into SharePoint", "write", "Supplier invoices 2026-10.xlsx, 14 KB"),
]


def at(seconds: float) -> datetime:
    """An instant after the start of the run."""
    return START + timedelta(seconds=seconds)


def task(
    place: int,
    status: TaskStatus,
    *,
    code: str = "",
    message: str = "",
    retry_at: datetime | None = None,
    attempt: int = 1,
) -> TaskView:
    """One of the eight tasks in a given state."""
    name, title, effect, summary = _TASKS[place]
    begun = status not in ("pending", "ready", "asking")
    return TaskView(
        name=name,
        title=title,
        effect=effect,
        status=status,
        attempt=attempt if begun else 0,
        attempts=5,
        summary=summary if status == "succeeded" else "",
        code=code,
        message=message,
        started_at=at(place * 0.6) if begun else None,
        finished_at=at(place * 0.6 + 2.4) if status == "succeeded" else None,
        retry_at=retry_at,
    )


def run(
    status: RunStatus = "running",
    *states: TaskStatus | TaskView,
    approvals: list[ApprovalView] | None = None,
    ended: bool = False,
    **changes: Any,
) -> RunView:
    """The run with its first tasks in the given states and the others pending."""
    tasks = [state if isinstance(state, TaskView) else task(place, state) for place, state in enumerate(states)]
    tasks += [task(place, "pending") for place in range(len(tasks), len(_TASKS))]
    view = RunView(
        run_id="01JD8Z6W3K5V7T9QX2M4N6P8R0",
        title="Supplier invoices, October 2026",
        goal=GOAL,
        status=status,
        initiator=MEGAN,
        origin="",
        params={"month": "2026-10"},
        tasks=tasks,
        approvals=approvals or [],
        asks=ASKS,
        awaiting_sign_in=any(each.status == "awaiting_sign_in" for each in tasks),
        proposed_at=at(-20),
        started_at=None if status == "proposed" else START,
        ended_at=at(312) if ended else None,
        code="",
        message="",
        answer="",
        seq=1,
        receipts={},
    )
    return msgspec.structs.replace(view, **changes)


def approval(
    task_name: str,
    kind: ApprovalKind,
    title: str,
    *approvers: Person,
    choice: str = "",
    by: Person | None = None,
    comment: str = "",
    is_open: bool | None = None,
    **more: Any,
) -> ApprovalView:
    """A question, open unless somebody has decided it."""
    return ApprovalView(
        id=f"{task_name}.1",
        task=task_name,
        kind=kind,
        title=title,
        approvers=list(approvers),
        entry="3f9a4c0d5e6b7a8890aabbccddeeff00112233445566778899aabbccddeeff00",
        open=by is None if is_open is None else is_open,
        choice=choice,
        comment=comment,
        answer="",
        decided_by=by,
        requested_at=at(5),
        decided_at=at(290) if by else None,
        **more,
    )


def differences(number: int = 19, *, title: str = "{supplier} INV-2026-{number:04}: {kind}") -> list[Item]:
    """Made-up differences of every kind, such as `ledger.reconcile` finds."""
    items = []
    for place in range(number):
        kind = list(KINDS)[(place * place + place // 3) % 5]
        amount = 250 + (place * 7919) % 18_000
        day, late = place % 28 + 1, (place + 9) % 28 + 1
        sap = f"{amount:,}.00 EUR · 2026-10-{day:02}"
        dynamics = {
            "amount": f"{amount + 270:,}.00 EUR · 2026-10-{day:02}",
            "currency": f"{amount:,}.00 USD · 2026-10-{day:02}",
            "date": f"{amount:,}.00 EUR · 2026-10-{late:02}",
            "duplicate": f"{sap} (twice)",
        }.get(kind, sap)
        register = "missing" if kind == "missing" else sap
        label = title.format(supplier=_SUPPLIERS[place % 5], number=40 + place, kind=KINDS[kind].lower())
        facts = [("SAP", sap), ("Dynamics", dynamics), ("Register", register)]
        items.append(Item(f"{100_100 + place % 5}|INV2026{40 + place:04}", kind, label, facts, float(amount)))
    return items


def shown_items(items: list[Item]) -> Shown:
    """The accountant's question."""
    return Shown(
        kind="decision",
        title=f"October 2026: {len(items)} discrepancies in 437 invoices",
        text="Which system is right? Your answer goes into the reconciliation workbook; no system is changed.",
        on_behalf_of=MEGAN,
        items=items,
        kinds=KINDS,
        choices=CHOICES_OF_ITEMS,
        default="investigate",
    )


SHOWN_WRITE = Shown(
    kind="write",
    title="Put “Supplier invoices 2026-10.xlsx” into SharePoint",
    on_behalf_of=MEGAN,
    facts=[
        ("File", "Supplier invoices 2026-10.xlsx"),
        ("Place", "Finance › Accounts Payable/Reconciliations"),
        ("Size", "14 KB"),
        ("If it exists", "it is not replaced"),
    ],
    choices=CHOICES["write"],
)
SHOWN_FAILURE = Shown(
    kind="failure",
    title="Read supplier invoices from SAP: this did not work",
    on_behalf_of=MEGAN,
    text="SAP does not answer (503). Nothing was changed there.",
    facts=[("Tried", "5 times"), ("Without it", "everything else goes on")],
    choices=CHOICES["failure"],
)
SHOWN_DOUBT = Shown(
    kind="in_doubt",
    title="Put the workbook into SharePoint: was it done?",
    on_behalf_of=MEGAN,
    text="SharePoint did not answer after the file was sent. Please look there yourself, then say which it is. "
    "Tandem does not try again on its own.",
    choices=CHOICES["in_doubt"],
)
SHOWN_WHOLE = Shown(
    kind="decision",
    title="Release the October figures?",
    on_behalf_of=MEGAN,
    text="Three suppliers are still in clarification.",
    facts=[("Open amount", "12,420.00 EUR"), ("Suppliers", "Northwind GmbH, Fabrikam Logistics, Wingtip Metals")],
    choices=CHOICES["decision"],
)
ITEMS = differences()
SHOWN = shown_items(ITEMS)
ANSWERED = Answered(
    choice="answer",
    by=ALEX,
    at=at(290),
    comment="Northwind sent a corrected invoice on 4 November.",
    rules={"missing": "register", "amount": "sap", "currency": "investigate", "date": "dynamics", "duplicate": "sap"},
    exceptions={ITEMS[1].id: "dynamics", ITEMS[7].id: "investigate"},
)
ANSWER = Answer(
    text="October 2026: 19 discrepancies in 437 invoices. Alex Wilber has decided about them.",
    facts=[
        ("Compared", "SAP, Dynamics and Register"),
        ("Invoices", "SAP 412, Dynamics 409, Register 415"),
        ("Differences", "7 missing, 5 amount, 3 date, 2 currency, 2 duplicate"),
        ("Workbook", "Supplier invoices 2026-10.xlsx"),
    ],
    link="https://contoso.sharepoint.example/sites/Finance/Shared%20Documents/Supplier%20invoices%202026-10.xlsx",
    link_title="Open the workbook",
)

OPEN = approval("decide", "decision", SHOWN.title, ALEX)
SENT = approval("decide", "decision", SHOWN.title, ALEX, choice="answer", by=ALEX, comment=ANSWERED.comment)
ASKED_WRITE = approval("upload", "write", SHOWN_WRITE.title, MEGAN)
ALLOWED = approval("upload", "write", SHOWN_WRITE.title, MEGAN, choice="approve", by=MEGAN)
REFUSED = approval("upload", "write", SHOWN_WRITE.title, MEGAN, choice="reject", by=MEGAN)
ASKED_FAILURE = approval("sap", "failure", SHOWN_FAILURE.title, MEGAN)
ASKED_DOUBT = approval("upload", "in_doubt", SHOWN_DOUBT.title, MEGAN)
ASKED_WHOLE = approval("decide", "decision", SHOWN_WHOLE.title, ALEX)

RETRYING = task(0, "backing_off", code="unavailable", message="SAP does not answer (503).", retry_at=at(24), attempt=2)
FIVE_DONE: list[TaskStatus] = ["succeeded"] * 5
FAILED = run(
    "failed",
    "succeeded",
    "succeeded",
    task(
        2,
        "failed",
        code="invalid_content",
        message="“Supplier invoice register 2026.xlsx” has no sheet “2026-10”; it has 2026-08 and 2026-09.",
    ),
    "succeeded",
    "cancelled",
    "cancelled",
    "cancelled",
    "cancelled",
    ended=True,
    code="invalid_content",
    message="Read the invoice register in SharePoint: “Supplier invoice register 2026.xlsx” has no sheet “2026-10”; "
    "it has 2026-08 and 2026-09. Add the sheet, or choose another month",
)
FAILED = msgspec.structs.replace(FAILED, failed=[FAILED.tasks[2]])
BUSY = run("running", "succeeded", "succeeded", "running", "succeeded")
WAITING = run("running", *FIVE_DONE, "asking", approvals=[OPEN])
GATED = run("running", *FIVE_DONE, "succeeded", "succeeded", "asking", approvals=[SENT, ASKED_WRITE])
DONE = run("succeeded", *FIVE_DONE, "succeeded", "succeeded", "succeeded", approvals=[SENT, ALLOWED], ended=True)
CANCELLED = run("cancelled", *FIVE_DONE, "cancelled", "cancelled", "cancelled", ended=True)

# What is paused, late, asked of several, taken back, tried again, or only a rehearsal.
ADELE = Person("00000000-0000-4000-8000-000000000003", "Adele Vance", "adele.vance@contoso.example", "t")
DUE = at(27 * 3600)
SHOWN_RELEASE = msgspec.structs.replace(SHOWN_WHOLE, title="Release the October figures?")
VOTE = Vote(ALEX, "approve", "Figures agree with the bank.")
ASKED_BOTH = approval(
    "decide", "decision", SHOWN_RELEASE.title, ALEX, ADELE, quorum=2, due_at=DUE, escalate_to=MEGAN, votes=[VOTE]
)
ASKED_LATE = approval(
    "decide", "decision", SHOWN_RELEASE.title, ALEX, ADELE, due_at=DUE, escalated_to=ADELE, on_expiry="skip"
)
OVERDUE = approval("decide", "decision", SHOWN_RELEASE.title, ALEX, expired=True)
UNANSWERED = approval("decide", "decision", SHOWN.title, ALEX, is_open=False, expired=True, on_expiry="skip")
SHOWN_STALE = Shown(
    kind="stale",
    title="Put the workbook into SharePoint: what it was made from has changed",
    on_behalf_of=MEGAN,
    text="This was written before: Supplier invoices 2026-10.xlsx, 14 KB. If it has to go, please take it back there "
    "yourself. Shall it be written again, like this?",
    facts=[("To be written", SHOWN_WRITE.title), *SHOWN_WRITE.facts],
    choices=CHOICES["stale"],
)
ASKED_STALE = approval("upload", "stale", SHOWN_STALE.title, MEGAN)
GROUPS = [
    msgspec.structs.replace(task(0, "open"), title="Read every subsidiary's invoices", done=7, of=40),
    msgspec.structs.replace(task(1, "open"), title="Agree on the summary", done=1, of=3, rounds=True),
]
IN_GROUP = approval("dynamics.2.review", "decision", "Is the summary right?", ALEX)
NOT_SAVED = task(7, "failed", code="conflict", message="SharePoint: a file of this name is there already.")
FAILED_WRITE = run(
    "failed",
    *FIVE_DONE,
    "succeeded",
    "succeeded",
    NOT_SAVED,
    approvals=[SENT, ALLOWED],
    ended=True,
    failed=[NOT_SAVED],
    message="Put the workbook into SharePoint: a file of this name is there already",
)
WITH_ENTRIES = [msgspec.structs.replace(task(place, "succeeded"), entry=f"{place}f9a4c") for place in range(8)]
ENDED_WELL = run("succeeded", *WITH_ENTRIES, approvals=[SENT, ALLOWED], ended=True)
NOT_WRITTEN = task(
    7, "skipped", code="simulated", message=f"Would have been written: {SHOWN_WRITE.title} (Size: 14 KB)"
)
REHEARSED = run("succeeded", *FIVE_DONE, "succeeded", "succeeded", NOT_WRITTEN, ended=True, dry=True)
WRITTEN_THEN_CANCELLED = run(
    "cancelled", *FIVE_DONE, "succeeded", "succeeded", "succeeded", ended=True, left_behind=["Send the reminder"]
)
TAKING_BACK = Retraction(
    source=["sap"], again=["sap", "match", "decide", "workbook"], asked=["decide"], writes=["upload"], left_behind=[]
)
# What approvers can do beside answering.
MAIL = (
    "Dear Ms Albers,\n\nyour invoice INV-2026-0042 names 12.40 EUR for a pallet; we had agreed on 11.90 EUR.\n"
    "Please send us a corrected invoice.\n\nKind regards\nMegan Bowen"
)
LABELLED = msgspec.structs.replace(
    SHOWN_WRITE,
    title="Send a mail to Nordwind Logistik",
    why="The supplier's price for pallets differs from the framework agreement",
    facts=[
        ("To", "einkauf@nordwind.example"),
        ("Subject", "Price of pallets in October 2026"),
        ("Text", MAIL),
    ],
    recipients=["Karla Albers (einkauf@nordwind.example)", "Alex Wilber"],
    label="confidential",
    tainted=True,
    sources=[
        Source(
            "Framework agreement Nordwind 2027.docx",
            "SharePoint",
            "https://contoso.sharepoint.example/sites/Procurement/Framework.docx",
            "confidential",
        ),
        Source("Re: pallets", "Outlook", label="internal", outside=True),
        Source("Supplier invoices", "SAP", label="confidential"),
    ],
    changed=[
        Change("Subject", "Pallets", "Price of pallets in October 2026"),
        Change("To", "", "einkauf@nordwind.example"),
    ],
    fields=[
        Field("to", "To", "einkauf@nordwind.example"),
        Field("subject", "Subject", "Price of pallets in October 2026"),
        Field("text", "Text", MAIL, multiline=True),
    ],
)
CLEAN = msgspec.structs.replace(
    LABELLED, tainted=False, changed=[], recipients=LABELLED.recipients[:1], sources=LABELLED.sources[:1]
)
ASKED_MAIL = approval(
    "upload", "write", LABELLED.title, MEGAN, editable=True, tainted=True, label="confidential", revises="workbook"
)
ASKED_CLEAN = approval("upload", "write", LABELLED.title, MEGAN, editable=True, scope="5c0be", label="confidential")
DIEGO = Person("00000000-0000-4000-8000-000000000004", "Diego Siciliani", "diego.siciliani@contoso.example", "t")
ASKED_SHARE = approval(
    "decide", "decision", "May Megan Bowen share “Framework agreement Nordwind 2027.docx”?", ALEX,
    delegates=[ADELE, DIEGO], label="confidential", due_at=DUE, remind_at=at(20 * 3600),
)  # fmt: skip
SHOWN_SHARE = Shown(
    kind="decision",
    title=ASKED_SHARE.title,
    on_behalf_of=MEGAN,
    text="Diego Siciliani would be able to read it. Nobody is let in without your agreement.",
    why="You own this file",
    recipients=["Diego Siciliani"],
    label="confidential",
    sources=LABELLED.sources[:1],
    choices=[Choice("approve", "I agree"), Choice("reject", "I do not agree")],
)
ASKING = [Remark(ALEX, "What does Diego need it for?", at(600))]
TOLD = [*ASKING, Remark(MEGAN, "He takes over the negotiation in December.", at(900))]
ASKED_BACK = msgspec.structs.replace(ASKED_SHARE, remarks=ASKING)
EXPLAINED = msgspec.structs.replace(ASKED_SHARE, remarks=TOLD)
HANDED = msgspec.structs.replace(ASKED_SHARE, approvers=[ADELE], delegated=[(ALEX, ADELE)])
REPLACED = msgspec.structs.replace(ASKED_MAIL, open=False, replaced=True)


def several(number: int) -> list[cards.Asked]:
    """Questions about files that reach their owner together."""
    found = []
    for place in range(number):
        name = f"Contract {place + 1}, {_SUPPLIERS[place % 5]}.docx"
        shown = msgspec.structs.replace(
            SHOWN_WRITE,
            title=f"Let Diego Siciliani read “{name}”",
            facts=[("File", name), ("Permission", "Can read")],
            recipients=["Diego Siciliani"],
            label="confidential" if place % 2 else "internal",
        )
        asked = msgspec.structs.replace(ASKED_WRITE, id=f"share.{place + 1}.let.1", title=shown.title)
        found.append(cards.Asked(asked, shown))
    return found


SEVERAL = several(3)
DECIDED_ONE = [
    cards.Asked(
        msgspec.structs.replace(
            SEVERAL[0].approval, open=False, choice="approve", decided_by=MEGAN, decided_at=at(290)
        ),
        SEVERAL[0].shown,
    ),
    cards.Asked(SEVERAL[1].approval, SEVERAL[1].shown, "What is to be decided has changed; this is the newest"),
    cards.Asked(
        msgspec.structs.replace(SEVERAL[2].approval, open=False, choice="reject", decided_by=ALEX, decided_at=at(280)),
        SEVERAL[2].shown,
        "Alex Wilber has already decided this",
    ),
]
HANDLED: dict[str, Callable[[], dict[str, Any]]] = {
    "approval-write": lambda: cards.decision(GATED, ASKED_MAIL, LABELLED, MEGAN),
    "approval-grant": lambda: cards.decision(GATED, ASKED_CLEAN, CLEAN, MEGAN),
    "approval-newer": lambda: cards.decision(
        GATED, ASKED_CLEAN, CLEAN, MEGAN, said="What is to be decided has changed. This is the newest card."
    ),
    "approval-share": lambda: cards.decision(WAITING, ASKED_SHARE, SHOWN_SHARE, ALEX),
    "approval-asked": lambda: cards.decision(WAITING, ASKED_BACK, SHOWN_SHARE, ALEX),
    "approval-explained": lambda: cards.decision(WAITING, EXPLAINED, SHOWN_SHARE, ALEX),
    "approval-handed": lambda: cards.decision(WAITING, HANDED, SHOWN_SHARE, ADELE),
    "approval-replaced": lambda: cards.withdrawn(GATED, REPLACED),
    "handed": lambda: cards.handed(WAITING, HANDED, ALEX),
    "asked-back": lambda: cards.asked_back(WAITING, ASKED_BACK),
    "asked-back-replied": lambda: cards.asked_back(WAITING, EXPLAINED),
    "replied": lambda: cards.replied(WAITING, EXPLAINED, ALEX),
    "digest": lambda: cards.digest(GATED, SEVERAL, MEGAN),
    "digest-decided": lambda: cards.digest(GATED, DECIDED_ONE, MEGAN),
    "digest-many": lambda: cards.digest(GATED, several(40), MEGAN),
    "neutral": lambda: cards.neutral(WAITING, approval("decide", "decision", SHOWN.title, ALEX), ["29:alex"]),
    "neutral-protected": lambda: cards.neutral(WAITING, ASKED_SHARE, ["29:alex"]),
    "neutral-settled": lambda: cards.neutral(DONE, SENT, ["29:alex"]),
    "waiting": lambda: cards.waiting([(WAITING, ASKED_SHARE), (GATED, ASKED_WRITE), (WAITING, OVERDUE)], ALEX),
    "waiting-none": lambda: cards.waiting([], ALEX),
}
CONTROLLED: dict[str, Callable[[], dict[str, Any]]] = {
    "progress-paused": lambda: cards.progress(msgspec.structs.replace(BUSY, paused=True, deadline=at(8 * 3600)), at(9)),
    "progress-deadline": lambda: cards.progress(msgspec.structs.replace(BUSY, deadline=at(8 * 3600)), at(9)),
    "progress-groups": lambda: cards.progress(run("running", *GROUPS, approvals=[IN_GROUP]), at(95)),
    "progress-reopened": lambda: cards.progress(msgspec.structs.replace(BUSY, reopened=1), at(900)),
    "progress-quorum": lambda: cards.progress(run("running", *FIVE_DONE, "asking", approvals=[ASKED_BOTH]), at(190)),
    "progress-dry": lambda: cards.progress(msgspec.structs.replace(REHEARSED, status="running"), at(400)),
    "progress-write-failed": lambda: cards.progress(FAILED_WRITE, at(400)),
    "decision-quorum": lambda: cards.decision(WAITING, ASKED_BOTH, SHOWN_RELEASE, ADELE),
    "decision-escalated": lambda: cards.decision(WAITING, ASKED_LATE, SHOWN_RELEASE, ADELE),
    "decision-overdue": lambda: cards.decision(WAITING, OVERDUE, SHOWN_RELEASE, ALEX),
    "decision-due": lambda: cards.decision(
        WAITING, msgspec.structs.replace(OPEN, due_at=DUE, on_expiry="fail"), SHOWN, ALEX
    ),
    "voted": lambda: cards.voted(WAITING, ASKED_BOTH, ALEX),
    "decided-quorum": lambda: cards.decided(
        DONE,
        msgspec.structs.replace(
            ASKED_BOTH, open=False, choice="approve", votes=[VOTE, Vote(ADELE, "approve")], decided_by=ADELE
        ),
        SHOWN_RELEASE,
    ),
    "decided-late": lambda: cards.decided(DONE, SENT, SHOWN, ANSWERED, said=too_late()),
    "unanswered": lambda: cards.withdrawn(DONE, UNANSWERED, said=too_late()),
    "reminder": lambda: cards.reminder(WAITING, msgspec.structs.replace(OPEN, due_at=DUE, escalate_to=ADELE), ALEX),
    "stale": lambda: cards.decision(GATED, ASKED_STALE, SHOWN_STALE, MEGAN),
    "decided-stale": lambda: cards.decided(
        DONE, approval("upload", "stale", SHOWN_STALE.title, MEGAN, choice="leave", by=MEGAN), SHOWN_STALE
    ),
    "outcome-write-failed": lambda: cards.outcome(FAILED_WRITE, None),
    "outcome-written-cancelled": lambda: cards.outcome(WRITTEN_THEN_CANCELLED, None, {"upload": ANSWER.link}),
    "outcome-doubted": lambda: cards.outcome(ENDED_WELL, ANSWER),
    "outcome-dry": lambda: cards.outcome(REHEARSED, ANSWER),
    "retraction": lambda: cards.retraction(ENDED_WELL, WITH_ENTRIES[0], TAKING_BACK),
    "superseded": lambda: cards.superseded(ENDED_WELL),
    "status-steered": lambda: cards.status(
        [msgspec.structs.replace(BUSY, paused=True), msgspec.structs.replace(BUSY, dry=True)], at(200)
    ),
}

SAMPLES: dict[str, Callable[[], dict[str, Any]]] = {
    "welcome": lambda: cards.welcome(SUGGESTIONS, "Megan Bowen"),
    "help": lambda: cards.help_card(SUGGESTIONS),
    "unmatched": lambda: cards.unmatched("order pizza for the whole team", SUGGESTIONS),
    "question": lambda: cards.question(
        Missing(
            playbook="reconcile-supplier-invoices",
            parameter="month",
            question="Which month shall be reconciled?",
            choices=[("2026-11", "November 2026"), ("2026-10", "October 2026"), ("2026-09", "September 2026")],
            given={},
        ),
        "Reconcile the supplier invoices",
    ),
    "question-many": lambda: cards.question(
        Missing(
            playbook="p",
            parameter="site",
            question="Which site?",
            choices=[(f"site-{n}", f"Site {n}") for n in range(40)],
            given={},
        ),
        GOAL,
    ),
    "plan": lambda: cards.plan(run("proposed"), READS, WRITES, ASKS),
    "progress-busy": lambda: cards.progress(BUSY, at(9)),
    "progress-retry": lambda: cards.progress(run("running", RETRYING, "succeeded", "succeeded", "succeeded"), at(12)),
    "progress-waiting": lambda: cards.progress(WAITING, at(190)),
    "progress-gate": lambda: cards.progress(GATED, at(300)),
    "progress-sign-in": lambda: cards.progress(run("running", "awaiting_sign_in", "succeeded"), at(12)),
    "progress-done": lambda: cards.progress(DONE, at(400)),
    "progress-failed": lambda: cards.progress(FAILED, at(400)),
    "decision": lambda: cards.decision(WAITING, OPEN, SHOWN, ALEX),
    "decision-500": lambda: cards.decision(WAITING, OPEN, shown_items(differences(500)), ALEX),
    "decision-whole": lambda: cards.decision(run("running", *FIVE_DONE, "asking"), ASKED_WHOLE, SHOWN_WHOLE, ALEX),
    "write": lambda: cards.decision(GATED, ASKED_WRITE, SHOWN_WRITE, MEGAN),
    "failure": lambda: cards.decision(
        run("running", task(0, "asking", message=SHOWN_FAILURE.text)), ASKED_FAILURE, SHOWN_FAILURE, MEGAN
    ),
    "in-doubt": lambda: cards.decision(GATED, ASKED_DOUBT, SHOWN_DOUBT, MEGAN),
    "decided": lambda: cards.decided(DONE, SENT, SHOWN, ANSWERED),
    "decided-short": lambda: cards.decided(DONE, SENT, SHOWN),
    "decided-write": lambda: cards.decided(DONE, ALLOWED, SHOWN_WRITE),
    "decided-refused": lambda: cards.decided(DONE, REFUSED, SHOWN_WRITE),
    "withdrawn": lambda: cards.withdrawn(CANCELLED, approval("decide", "decision", SHOWN.title, ALEX, is_open=False)),
    "sign-in": lambda: cards.sign_in(run("running", "awaiting_sign_in"), "https://login.contoso.example/start?x=1"),
    "sign-in-consent": lambda: cards.sign_in(
        run("running", "awaiting_sign_in"),
        "https://login.contoso.example/start?x=1",
        [Need("consent", CONSENT, "Dynamics 365", "https://login.contoso.example/adminconsent?client_id=x")],
    ),
    "sign-in-reasons": lambda: cards.sign_in(
        run("running", "awaiting_sign_in"),
        "https://login.contoso.example/start?x=1",
        [
            Need("confirm", "Your organisation wants to confirm that it is you before SAP opens. Sign in.", "SAP"),
            Need("blocked", "Your organisation does not let Dynamics 365 be opened from this device.", "Dynamics 365"),
        ],
    ),
    "signed-in": cards.signed_in,
    "outcome": lambda: cards.outcome(DONE, ANSWER),
    "outcome-failed": lambda: cards.outcome(FAILED, None),
    "outcome-cancelled": lambda: cards.outcome(CANCELLED, None),
    "message-warning": lambda: cards.message(
        "Not in a group chat", "I only work in your personal chat for now.\nWrite to me there.", "warning"
    ),
    "message-attention": lambda: cards.message(
        "That did not reach me",
        "The message could not be read. Nothing was changed.\n\nPlease send it again.",
        "attention",
    ),
    "message": lambda: cards.message(
        "Signed out", "Your sign-in was forgotten. I ask for it again when a run needs it."
    ),
    **CONTROLLED,
    **HANDLED,
    **planning.samples(run, at, SUGGESTIONS),
    "outcome-failed-another-way": lambda: cards.outcome(FAILED, None, rethinks=True),
    "failure-another-way": lambda: cards.decision(
        run("running", task(0, "asking", message=SHOWN_FAILURE.text)),
        ASKED_FAILURE,
        SHOWN_FAILURE,
        MEGAN,
        rethinks=True,
    ),
    "status": lambda: cards.status([DONE, WAITING, run("proposed")], at(200)),
    "status-none": lambda: cards.status([], at(200)),
}
