"""The read-only cards that take the place of a question once it is settled."""

from __future__ import annotations

from collections import Counter
from typing import Any

from microsoft_teams.cards.core import CardElement

from bot.cards.approval import kind_title, top
from bot.cards.exchange import exchange
from bot.cards.layout import GAP, Mark, banner, facts, finished, fitted, line, moment, note, section, words
from bot.cards.moments import local
from bot.cards.standing import unanswered, votes
from bot.cards.wording import counted, listed, plain
from orchestration.core.question import (
    APPROVE,
    CANCEL,
    DONE,
    LEAVE,
    NOT_DONE,
    REJECT,
    RETRY,
    SKIP,
    Answered,
    Shown,
)
from orchestration.core.run import Person, Vote
from orchestration.core.view import ApprovalView, RunView

LATE = "Your answer came after that, so it changed nothing."
REPEATED = "You had answered before. Your first answer stands; this one changed nothing."
_MOST_EXCEPTIONS = 12
_MOST_RULES = 12
_VERDICTS = {
    ("decision", APPROVE): "Approved",
    ("decision", REJECT): "Rejected",
    ("write", APPROVE): "Allowed",
    ("write", REJECT): "Not allowed",
    ("failure", RETRY): "Tried again",
    ("failure", SKIP): "Left out",
    ("failure", CANCEL): "Run cancelled",
    ("in_doubt", DONE): "Found done",
    ("in_doubt", NOT_DONE): "Found not done",
    ("in_doubt", CANCEL): "Run cancelled",
    ("stale", APPROVE): "Written again",
    ("stale", LEAVE): "Left as it is",
}


def decided(
    run: RunView,
    approval: ApprovalView,
    shown: Shown | None,
    answered: Answered | None = None,
    *,
    said: str = "",
) -> dict[str, Any]:
    """Who decided what and when, for everybody who was asked.

    Args:
        run: The run.
        approval: The question, decided.
        shown: What was asked; None if it is no longer stored.
        answered: The whole answer, so that rules and exceptions can be listed.
        said: What became of the answer that the viewer has just given, such as `LATE`; empty if it is not about that.
    """
    who = plain(approval.decided_by.name, 80) if approval.decided_by else "somebody"
    if approval.via:
        who = f"{who} in {plain(approval.via, 60)}"
    title = verdict(approval, shown)
    negative = approval.choice in (REJECT, CANCEL)
    mark = Mark("–") if negative else Mark("✓", "Good")
    when = [moment(" · "), moment(local(approval.decided_at))] if approval.decided_at else []

    def build(most: int) -> dict[str, Any]:
        body = [
            *top(run, approval),
            banner(mark, [words(title, 120, bold=True), GAP, words(f"by {who}"), *when]),
            *([line(words(said), spacing="Medium")] if said else []),
        ]
        if approval.quorum > 1:
            body += [section("Answers"), *(_answer(plain(vote.by.name, 80), _voted(vote)) for vote in approval.votes)]
        if approval.comment:
            body.append(line(words("Comment: ", bold=True), GAP, words(f"“{approval.comment}”", 600), spacing="Medium"))
        body += exchange(run, approval)
        if shown:
            body += facts(shown.facts, spacing="Medium")
            body += _items(shown, answered, most)
        return finished(body, speak=f"{approval.title}: {title}, by {who}.")

    return fitted(build, (_MOST_EXCEPTIONS, 6, 0))


def voted(run: RunView, approval: ApprovalView, viewer: Person, *, said: str = "") -> dict[str, Any]:
    """The viewer has answered, and others are still asked."""
    own = next((vote for vote in approval.votes if vote.by.id == viewer.id), None)
    mark = Mark("✓", "Good")
    answered = f"You have answered: {_voted(own).lower()}" if own else "Answered"
    left = listed([plain(person.name, 60) for person in unanswered(approval)[:5]])
    body = [
        *top(run, approval),
        banner(mark, [words(answered, 120, bold=True)]),
        *([line(words(said), spacing="Medium")] if said else []),
        line(words(f"{votes(approval)}. {left or 'Others'} can still answer."), spacing="Medium"),
    ]
    if own and own.comment:
        body.append(line(words("Comment: ", bold=True), GAP, words(f"“{own.comment}”", 600), spacing="Medium"))
    return fitted(lambda _: finished(body, speak=f"{approval.title}: {answered}."), [None])


def _voted(vote: Vote) -> str:
    return {APPROVE: "Approved", REJECT: "Rejected"}.get(vote.choice, vote.choice)


def _expired(run: RunView, approval: ApprovalView, said: str) -> dict[str, Any]:
    """Nobody answered in time, and the plan did not wait any longer."""
    went_on = {
        "skip": "The run went on without an answer, as its plan says.",
        "fail": "The step failed of that, as the plan says.",
    }.get(approval.on_expiry, "")
    body = [
        *top(run, approval),
        banner(Mark("–"), [words("Nobody answered in time", bold=True)]),
        line(words(f"{went_on} {said or 'There is nothing for you to do.'}"), spacing="Medium"),
    ]
    return fitted(lambda _: finished(body, speak=f"{approval.title}: nobody answered in time."), [None])


def withdrawn(run: RunView, approval: ApprovalView, *, said: str = "") -> dict[str, Any]:
    """The question needs no answer any more; `said` as for `decided`."""
    if approval.expired and approval.on_expiry != "wait":
        return _expired(run, approval, said)
    if approval.replaced:
        return _replaced(run, approval)
    why = {
        "cancelled": "The run was cancelled before anybody answered.",
        "failed": "The run ended with a failure before anybody answered.",
        "closing": "The run is being stopped.",
        "succeeded": "The run has ended without it.",
    }.get(run.status, "The question changed or is no longer needed.")
    body = [
        *top(run, approval),
        banner(Mark("–"), [words("No answer needed any more", bold=True)]),
        line(words(f"{why} There is nothing for you to do."), spacing="Medium"),
    ]
    return fitted(lambda _: finished(body, speak=f"{approval.title}: no answer is needed any more."), [None])


def _replaced(run: RunView, approval: ApprovalView) -> dict[str, Any]:
    """Somebody who was asked has changed what is asked about."""
    body = [
        *top(run, approval),
        banner(Mark("–"), [words("A newer question takes the place of this one", bold=True)]),
        line(words("What is to be decided was changed on the wish of somebody who was asked."), spacing="Medium"),
        line(words("The newest card asks about it as it is now, as soon as it is ready."), spacing="None"),
        *exchange(run, approval),
    ]
    return fitted(lambda _: finished(body, speak=f"{approval.title}: a newer question takes its place."), [None])


def verdict(approval: ApprovalView, shown: Shown | None) -> str:
    """What was decided, so that `by Alex Wilber` may follow."""
    if known := _VERDICTS.get((approval.kind, approval.choice)):
        return known
    offered = shown.choices if shown else []
    title = next((choice.title for choice in offered if choice.id == approval.choice), "")
    return f"Answered “{plain(title, 80)}”" if title else "Decided"


def _items(shown: Shown, answered: Answered | None, most: int) -> list[CardElement]:
    if not shown.items:
        return []
    counts = Counter(item.kind for item in shown.items)
    if answered is None:
        return [
            section("What was decided"),
            *facts(
                [(kind_title(shown, kind), counted(number, "item")) for kind, number in counts.most_common()],
                spacing="None",
            ),
        ]
    titles = {choice.id: choice.title for choice in shown.choices}
    body: list[CardElement] = [section("Rules")]
    for kind, number in counts.most_common(_MOST_RULES):
        rule = titles.get(answered.rules.get(kind) or shown.default, "")
        body.append(_answer(f"{kind_title(shown, kind)} ({number:,})", rule))
    apart = [(item.title, answered.exceptions[item.id]) for item in shown.items if answered.exceptions.get(item.id)]
    if apart:
        body.append(section("Answered differently"))
        body += [_answer(title, titles.get(choice, "")) for title, choice in apart[:most]]
        if len(apart) > most:
            body.append(note(f"and {len(apart) - most:,} more", spacing="None"))
    return body


def _answer(subject: str, choice: str) -> CardElement:
    return line(words(subject, 120), moment(" – "), words(choice, 80, bold=True), spacing="None")
