"""What an approver and the initiator say to each other about a question before it is answered."""

from __future__ import annotations

from typing import Any

from microsoft_teams.cards.core import CardElement, Container, TextInput

from bot.cards.buttons import APPROVAL_EXPLAIN, APPROVAL_SHOW, button
from bot.cards.layout import Mark, about, banner, finished, fitted, header, line, moment, note, section, words
from bot.cards.moments import local
from bot.cards.wording import counted, plain
from orchestration.core.run import Person, Remark
from orchestration.core.view import ApprovalView, RunView

LONGEST_REMARK = 1000
_MOST = 6


def exchange(run: RunView, approval: ApprovalView, *, most: int = _MOST, waits: bool = True) -> list[CardElement]:
    """What was asked back and replied, the latest last; empty for nothing. `waits`: say so while a reply is missing."""
    if not approval.remarks:
        return []
    left = len(approval.remarks) - most
    more = [note(f"{counted(left, 'earlier remark')} not shown here", spacing="None")] if left > 0 else []
    said: list[CardElement] = [_remark(run, each) for each in approval.remarks[-most:]]
    missing = waits and approval.open and asks(run, approval)
    waiting = [note(f"Waiting for a reply from {plain(run.initiator.name, 80)}.")] if missing else []
    return [section("Questions and replies"), *more, Container(style="emphasis", spacing="Small", items=said), *waiting]


def asks(run: RunView, approval: ApprovalView) -> bool:
    """Whether the last word is an approver's, so that the initiator is asked."""
    return bool(approval.remarks) and approval.remarks[-1].by.id != run.initiator.id


def _remark(run: RunView, remark: Remark) -> CardElement:
    did = "replied" if remark.by.id == run.initiator.id else "asked"
    when = [moment(" · "), moment(local(remark.at))]
    who = line(words(f"{plain(remark.by.name, 80)} {did}", bold=True), *when)
    return Container(spacing="Small", items=[who, line(words(f"“{remark.text}”", 600), spacing="None")])


def asked_back(run: RunView, approval: ApprovalView) -> dict[str, Any]:
    """What an approver wants to know of the initiator, with room for a reply while one is waited for.

    Args:
        run: The run of the person who reads this.
        approval: The question that the approver was asked.
    """
    last = next((each for each in reversed(approval.remarks) if each.by.id != run.initiator.id), None)
    who = plain(last.by.name, 80) if last else "Somebody"
    body = [*header(approval.title, f"{run.title} · {about(run)}")]
    if approval.open and asks(run, approval):
        body.append(banner(Mark("?", "Accent"), [words(f"{who} asks you before answering", bold=True)]))
        reply = TextInput(
            id="reply",
            label="Your reply",
            is_multiline=True,
            max_length=LONGEST_REMARK,
            is_required=True,
            error_message="Please write a reply.",
            spacing="Medium",
        )
        data = {"run_id": run.run_id, "approval": approval.id, "remarks": len(approval.remarks)}
        send = button("Send the reply", APPROVAL_EXPLAIN, data, style="positive", inputs=True)
        body += [*exchange(run, approval, waits=False), reply, note("If you do nothing, the question waits.")]
        return fitted(lambda _: finished(body, [send], speak=f"{who} asks you about: {approval.title}"), [None])
    said = f"You replied to {who}" if approval.open else f"The question of {who} needs no reply any more"
    mark = Mark("✓", "Good") if approval.open else Mark("–")
    body += [banner(mark, [words(said, bold=True)]), *exchange(run, approval)]
    return fitted(lambda _: finished(body, speak=f"{said}: {approval.title}"), [None])


def replied(run: RunView, approval: ApprovalView, viewer: Person) -> dict[str, Any]:
    """Tells an approver that the initiator replied; its button brings the question itself into its place.

    Args:
        run: The run that waits.
        approval: The question.
        viewer: Who asked back.
    """
    who = plain(run.initiator.name, 80)
    body = [
        *header(approval.title, f"{run.title} · {about(run)}"),
        banner(Mark("✓", "Good"), [words(f"{who} has replied to you", bold=True)]),
        *exchange(run, approval),
    ]
    show = button("Show the question", APPROVAL_SHOW, {"run_id": run.run_id, "approval": approval.id}, style="positive")
    return fitted(lambda _: finished(body, [show], speak=f"{who} has replied: {approval.title}"), [None])
