"""One card for several questions of a run that reach somebody together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from microsoft_teams.cards.core import Action, ActionSet, CardElement, ChoiceSetInput, Container
from microsoft_teams.cards.core import Choice as InputChoice

from bot.cards.approval import choices_of
from bot.cards.background import label_word, tainted
from bot.cards.buttons import APPROVAL_AGAIN, APPROVAL_DIGEST, button
from bot.cards.layout import (
    LIMIT_BYTES,
    Mark,
    about,
    facts,
    finished,
    fitted,
    header,
    line,
    marked,
    moment,
    note,
    size_bytes,
    words,
    woven,
)
from bot.cards.moments import local
from bot.cards.standing import votes
from bot.cards.terms import until, unwritten, waits
from bot.cards.verdict import verdict
from bot.cards.wording import listed, plain, sentence
from bot.language import say, say_count
from orchestration.core.question import CANCEL, REJECT, Shown
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView

MOST = 12
_MOST_FACTS = 8
_LONGEST_FACT = 200


class Asked(msgspec.Struct, frozen=True):
    """One of the questions on a digest.

    Attributes:
        shown: Its content; None if it is no longer stored.
        trouble: What became of an answer that was not taken, for the person who gave it.
    """

    approval: ApprovalView
    shown: Shown | None
    trouble: str = ""


def digest(run: RunView, asked: Sequence[Asked], viewer: Person) -> dict[str, Any]:
    """Several questions, each with a decision of its own that is bound to what is shown of it.

    What does not fit whole is not decided here: its button brings its own card. Decided ones say who and what.

    Args:
        run: The run that waits.
        asked: The questions; those of a list's items come in the order of the items.
        viewer: Who is asked on this card.
    """
    asked = in_order(asked)
    open_ones = [each for each in asked if _waits(each, viewer)]
    many = len(asked)
    if len(open_ones) == many:
        title = say_count("{count} question waits for you", "{count} questions wait for you", many)
    elif open_ones:
        title = say_count(
            "{open} of {count} question waits for you",
            "{open} of {count} questions wait for you",
            many,
            open=len(open_ones),
        )
    else:
        title = say_count(
            "{count} question: nothing waits for you any more",
            "{count} questions: nothing waits for you any more",
            many,
        )

    def build(most: int) -> dict[str, Any]:
        return _drawn(run, asked, viewer, title, most)

    # How many of the open ones are shown whole, with a choice.
    return fitted(build, range(min(len(open_ones), MOST), -1, -1))


def in_order(asked: Sequence[Asked]) -> list[Asked]:
    """The questions by task, the items of a list in its order: whose question came first is a matter of chance."""
    return sorted(
        asked,
        key=lambda each: [
            (part.isdigit(), int(part) if part.isdigit() else 0, part) for part in each.approval.id.split(".")
        ],
    )


def fits(run: RunView, asked: Sequence[Asked], viewer: Person) -> bool:
    """Whether every one of the questions can be decided on one card."""
    whole = len([each for each in asked if _waits(each, viewer)])
    drawn = _drawn(run, asked, viewer, "x" * 60, whole)
    return size_bytes(drawn) <= LIMIT_BYTES and all(_short(each) for each in asked)


def _short(asked: Asked) -> bool:
    """Whether all of a question's content fits between others."""
    shown = asked.shown
    return (
        shown is not None
        and not shown.items
        and len(shown.facts) <= _MOST_FACTS
        and all(len(value) <= _LONGEST_FACT and "\n" not in value.strip() for _, value in shown.facts)
        and len(shown.text) <= 400
        and len(_going_to(shown)) <= _LONGEST_FACT
    )


def _going_to(shown: Shown) -> str:
    return listed([plain(each, _LONGEST_FACT) for each in shown.recipients])


def _waits(asked: Asked, viewer: Person) -> bool:
    approval = asked.approval
    mine = any(person.id == viewer.id for person in approval.approvers)
    return approval.open and mine and all(vote.by.id != viewer.id for vote in approval.votes)


def _drawn(run: RunView, asked: Sequence[Asked], viewer: Person, title: str, most: int) -> dict[str, Any]:
    body: list[CardElement] = [*header(title, f"{run.title} · {about(run)}")]
    left, bound = most, []
    for number, each in enumerate(asked[:MOST], 1):
        if not _waits(each, viewer):
            body.append(_settled(each, viewer, number))
            continue
        whole = left > 0 and _short(each)
        left -= whole
        body.append(_open(run, each, number, whole=whole))
        if whole:
            bound.append([each.approval.id, each.approval.entry])
    if len(asked) > MOST:
        body.append(
            note(
                say_count(
                    "and {count} more question: write “approvals” to see it",
                    "and {count} more questions: write “approvals” to see them all",
                    len(asked) - MOST,
                )
            )
        )
    actions: list[Action] = []
    if bound:
        written = any(each.approval.kind == "write" for each in asked)
        body.append(
            note(f"{unwritten() if written else waits()} {say('What you leave open stays open.')}", spacing="Medium")
        )
        data = {"run_id": run.run_id, "asked": bound}
        actions.append(button(say("Send decisions"), APPROVAL_DIGEST, data, style="positive", inputs=True))
    return finished(body, actions, speak=f"{run.title}: {title}.")


def _open(run: RunView, asked: Asked, number: int, *, whole: bool) -> CardElement:
    approval, shown = asked.approval, asked.shown
    body: list[CardElement] = [line(words(f"{number}. {approval.title}", 160, bold=True))]
    if asked.trouble:
        body.append(marked(Mark("!", "Attention"), [words(sentence(asked.trouble, 300), bold=True)]))
    if shown is not None and shown.tainted:
        body.append(marked(Mark("!", "Attention"), [words(tainted())]))
    if approval.votes:
        body.append(note(f"{votes(approval)}.", spacing="None"))
    if approval.due_at:
        body.append(line(until(approval.due_at, subtle=True), spacing="None"))
    if whole and shown is not None:
        if shown.text:
            body.append(line(words(sentence(shown.text, 400)), spacing="Small"))
        rest = [(say("Goes to"), _going_to(shown)), (say("Sensitivity"), label_word(shown.label))]
        body += facts([*shown.facts, *rest], most=_MOST_FACTS + len(rest), limit=max(_LONGEST_FACT, 300))
        body.append(
            ChoiceSetInput(
                id=f"choice:{approval.id}",
                label=say("Your decision about number {number}", number=number),
                placeholder=say("Decide later"),
                choices=[InputChoice(title=plain(each.title, 60), value=each.id) for each in choices_of(shown)],
                spacing="Small",
            )
        )
    else:
        body.append(note(say("There is more to this one than fits here."), spacing="None"))
    data = {"run_id": run.run_id, "approval": approval.id}
    body.append(ActionSet(spacing="Small", actions=[button(say("See all of it"), APPROVAL_AGAIN, data)]))
    return Container(separator=True, spacing="Medium", items=body)


def _settled(asked: Asked, viewer: Person, number: int) -> CardElement:
    approval = asked.approval
    trouble = [line(words(sentence(asked.trouble, 300)), spacing="None")] if asked.trouble else []
    title = words(f"{number}. {approval.title}", 160)
    return Container(
        separator=True,
        spacing="Medium",
        items=[marked(_mark(approval), [title], [line(*_outcome(asked, viewer)), *trouble])],
    )


def _mark(approval: ApprovalView) -> Mark:
    if approval.decided_by is None or approval.choice in (REJECT, CANCEL):
        return Mark("–")
    return Mark("✓", "Good")


def _outcome(asked: Asked, viewer: Person) -> list[Any]:
    approval = asked.approval
    if approval.decided_by is not None:
        when = [moment(" · "), moment(local(approval.decided_at))] if approval.decided_at else []
        by = say("you") if approval.decided_by.id == viewer.id else plain(approval.decided_by.name, 80)
        what = words(verdict(approval, asked.shown), 120, bold=True)
        return [*woven(say("{verdict} by {person}"), verdict=what, person=by), *when]
    if not approval.open:
        return [words(say("A newer card asks about it") if approval.replaced else say("No answer needed any more"))]
    if to := next((to for before, to in reversed(approval.delegated) if before.id == viewer.id), None):
        return [words(say("You have handed this to {name}", name=plain(to.name, 80)))]
    return [words(say("You have answered; it waits for others"))]
