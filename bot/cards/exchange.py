"""What an approver and the initiator say to each other about a question before it is answered."""

from __future__ import annotations

from typing import Any

from microsoft_teams.cards.core import CardElement, Container, TextInput

from bot.cards.buttons import APPROVAL_EXPLAIN, APPROVAL_SHOW, button
from bot.cards.layout import Mark, about, banner, finished, fitted, header, line, moment, note, section, words
from bot.cards.moments import local
from bot.cards.wording import plain
from bot.language import say, say_count
from orchestration.core.run import Person, Remark
from orchestration.core.view import ApprovalView, RunView

LONGEST_REMARK = 1000
_MOST = 6


def exchange(run: RunView, approval: ApprovalView, *, most: int = _MOST, waits: bool = True) -> list[CardElement]:
    """What was asked back and replied, the latest last; empty for nothing. `waits`: say so while a reply is missing."""
    if not approval.remarks:
        return []
    left = len(approval.remarks) - most
    more: list[CardElement] = []
    if left > 0:
        hidden = say_count("{count} earlier remark not shown here", "{count} earlier remarks not shown here", left)
        more.append(note(hidden, spacing="None"))
    said: list[CardElement] = [_remark(run, each) for each in approval.remarks[-most:]]
    missing = waits and approval.open and asks(run, approval)
    waiting = [note(say("Waiting for a reply from {person}.", person=plain(run.initiator.name, 80)))] if missing else []
    return [
        section(say("Questions and replies")),
        *more,
        Container(style="emphasis", spacing="Small", items=said),
        *waiting,
    ]


def asks(run: RunView, approval: ApprovalView) -> bool:
    """Whether the last word is an approver's, so that the initiator is asked."""
    return bool(approval.remarks) and approval.remarks[-1].by.id != run.initiator.id


def _remark(run: RunView, remark: Remark) -> CardElement:
    did = say("{person} asked", person=plain(remark.by.name, 80))
    if remark.by.id == run.initiator.id:
        did = say("{person} replied", person=plain(remark.by.name, 80))
    when = [moment(" · "), moment(local(remark.at))]
    said = line(words(say("“{words}”", words=remark.text), 600), spacing="None")
    return Container(spacing="Small", items=[line(words(did, bold=True), *when), said])


def asked_back(run: RunView, approval: ApprovalView) -> dict[str, Any]:
    """What an approver wants to know of the initiator, with room for a reply while one is waited for.

    Args:
        run: The run of the person who reads this.
        approval: The question that the approver was asked.
    """
    last = next((each for each in reversed(approval.remarks) if each.by.id != run.initiator.id), None)
    who = plain(last.by.name, 80) if last else say("Somebody")
    body = [*header(approval.title, f"{run.title} · {about(run)}")]
    if approval.open and asks(run, approval):
        asking = say("{person} asks you before answering", person=who)
        body.append(banner(Mark("?", "Accent"), [words(asking, bold=True)]))
        reply = TextInput(
            id="reply",
            label=say("Your reply"),
            is_multiline=True,
            max_length=LONGEST_REMARK,
            is_required=True,
            error_message=say("Please write a reply."),
            spacing="Medium",
        )
        data = {"run_id": run.run_id, "approval": approval.id, "remarks": len(approval.remarks)}
        send = button(say("Send the reply"), APPROVAL_EXPLAIN, data, style="positive", inputs=True)
        body += [*exchange(run, approval, waits=False), reply, note(say("If you do nothing, the question waits."))]
        speak = say("{person} asks you about: {question}", person=who, question=approval.title)
        return fitted(lambda _: finished(body, [send], speak=speak), [None])
    said = say("The question of {person} needs no reply any more", person=who)
    if approval.open:
        said = say("You replied to {person}", person=who)
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
        banner(Mark("✓", "Good"), [words(say("{person} has replied to you", person=who), bold=True)]),
        *exchange(run, approval),
    ]
    speak = say("{person} has replied: {question}", person=who, question=approval.title)
    show = button(
        say("Show the question"), APPROVAL_SHOW, {"run_id": run.run_id, "approval": approval.id}, style="positive"
    )
    return fitted(lambda _: finished(body, [show], speak=speak), [None])
