"""The read-only cards that take the place of a question once it is settled."""

from __future__ import annotations

from collections import Counter
from typing import Any

from microsoft_teams.cards.core import CardElement

from bot.cards.approval import choices_of, kind_title, top
from bot.cards.exchange import exchange
from bot.cards.layout import GAP, Mark, banner, facts, finished, fitted, line, moment, note, section, words, woven
from bot.cards.moments import local
from bot.cards.standing import unanswered, votes
from bot.cards.wording import listed, plain
from bot.language import number, say, say_count
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

_MOST_EXCEPTIONS = 12
_MOST_RULES = 12


def too_late() -> str:
    """To somebody whose answer came after the decision."""
    return say("Your answer came after that, so it changed nothing.")


def answered_before() -> str:
    """To somebody who answers a second time in another way."""
    return say("You had answered before. Your first answer stands; this one changed nothing.")


def _verdict(kind: str, choice: str) -> str:
    return {
        ("decision", APPROVE): say("Approved"),
        ("decision", REJECT): say("Rejected"),
        ("write", APPROVE): say("Allowed"),
        ("write", REJECT): say("Not allowed"),
        ("failure", RETRY): say("Tried again"),
        ("failure", SKIP): say("Left out"),
        ("failure", CANCEL): say("Run cancelled"),
        ("in_doubt", DONE): say("Found done"),
        ("in_doubt", NOT_DONE): say("Found not done"),
        ("in_doubt", CANCEL): say("Run cancelled"),
        ("stale", APPROVE): say("Written again"),
        ("stale", LEAVE): say("Left as it is"),
    }.get((kind, choice), "")


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
        said: What became of the answer that the viewer has just given, such as `too_late()`; empty for none.
    """
    who = plain(approval.decided_by.name, 80) if approval.decided_by else say("somebody")
    if approval.via:
        who = say("{person} in {system}", person=who, system=plain(approval.via, 60))
    title = verdict(approval, shown)
    bold, negative = words(title, 120, bold=True), approval.choice in (REJECT, CANCEL)
    speak = say("{question}: {verdict}, by {person}.", question=approval.title, verdict=title, person=who)
    mark = Mark("–") if negative else Mark("✓", "Good")
    when = [moment(" · "), moment(local(approval.decided_at))] if approval.decided_at else []

    def build(most: int) -> dict[str, Any]:
        body = [
            *top(run, approval),
            banner(mark, [*woven(say("{verdict} by {person}"), verdict=bold, person=who), *when]),
            *([line(words(said), spacing="Medium")] if said else []),
        ]
        if approval.quorum > 1:
            body += [
                section(say("Answers")),
                *(_answer(plain(vote.by.name, 80), _voted(vote)) for vote in approval.votes),
            ]
        if approval.comment:
            body.append(_comment(approval.comment))
        body += exchange(run, approval)
        if shown:
            body += facts(shown.facts, spacing="Medium")
            body += _items(shown, answered, most)
        return finished(body, speak=speak)

    return fitted(build, (_MOST_EXCEPTIONS, 6, 0))


def voted(run: RunView, approval: ApprovalView, viewer: Person, *, said: str = "") -> dict[str, Any]:
    """The viewer has answered, and others are still asked."""
    own = next((vote for vote in approval.votes if vote.by.id == viewer.id), None)
    mark = Mark("✓", "Good")
    answered = _answered(own)
    left = listed([plain(person.name, 60) for person in unanswered(approval)[:5]])
    still = say("{people} can still answer.", people=left) if left else say("Others can still answer.")
    body = [
        *top(run, approval),
        banner(mark, [words(answered, 120, bold=True)]),
        *([line(words(said), spacing="Medium")] if said else []),
        line(words(f"{votes(approval)}. {still}"), spacing="Medium"),
    ]
    if own and own.comment:
        body.append(_comment(own.comment))
    return fitted(lambda _: finished(body, speak=f"{approval.title}: {answered}."), [None])


def _voted(vote: Vote) -> str:
    return {APPROVE: say("Approved"), REJECT: say("Rejected")}.get(vote.choice, vote.choice)


def _answered(own: Vote | None) -> str:
    if own is None:
        return say("Answered")
    answers = {APPROVE: say("You have answered: approved"), REJECT: say("You have answered: rejected")}
    return answers.get(own.choice) or say("You have answered: {answer}", answer=own.choice)


def _comment(text: str) -> CardElement:
    return line(words(say("Comment:"), bold=True), GAP, words(say("“{words}”", words=text), 600), spacing="Medium")


def _expired(run: RunView, approval: ApprovalView, said: str) -> dict[str, Any]:
    """Nobody answered in time, and the plan did not wait any longer."""
    went_on = {
        "skip": say("The run went on without an answer, as its plan says."),
        "fail": say("The step failed of that, as the plan says."),
    }.get(approval.on_expiry, "")
    body = [
        *top(run, approval),
        banner(Mark("–"), [words(say("Nobody answered in time"), bold=True)]),
        line(words(f"{went_on} {said or _nothing_to_do()}"), spacing="Medium"),
    ]
    speak = say("{question}: nobody answered in time.", question=approval.title)
    return fitted(lambda _: finished(body, speak=speak), [None])


def _nothing_to_do() -> str:
    return say("There is nothing for you to do.")


def withdrawn(run: RunView, approval: ApprovalView, *, said: str = "") -> dict[str, Any]:
    """The question needs no answer any more; `said` as for `decided`."""
    if approval.expired and approval.on_expiry != "wait":
        return _expired(run, approval, said)
    if approval.replaced:
        return _replaced(run, approval)
    why = {
        "cancelled": say("The run was cancelled before anybody answered."),
        "failed": say("The run ended with a failure before anybody answered."),
        "closing": say("The run is being stopped."),
        "succeeded": say("The run has ended without it."),
    }.get(run.status, say("The question changed or is no longer needed."))
    body = [
        *top(run, approval),
        banner(Mark("–"), [words(say("No answer needed any more"), bold=True)]),
        line(words(f"{why} {_nothing_to_do()}"), spacing="Medium"),
    ]
    speak = say("{question}: no answer is needed any more.", question=approval.title)
    return fitted(lambda _: finished(body, speak=speak), [None])


def _replaced(run: RunView, approval: ApprovalView) -> dict[str, Any]:
    """Somebody who was asked has changed what is asked about."""
    body = [
        *top(run, approval),
        banner(Mark("–"), [words(say("A newer question takes the place of this one"), bold=True)]),
        line(words(say("What is to be decided was changed on the wish of somebody who was asked.")), spacing="Medium"),
        line(words(say("The newest card asks about it as it is now, as soon as it is ready.")), spacing="None"),
        *exchange(run, approval),
    ]
    speak = say("{question}: a newer question takes its place.", question=approval.title)
    return fitted(lambda _: finished(body, speak=speak), [None])


def verdict(approval: ApprovalView, shown: Shown | None) -> str:
    """What was decided, so that `by Alex Wilber` may follow."""
    if known := _verdict(approval.kind, approval.choice):
        return known
    offered = choices_of(shown) if shown else []
    title = next((choice.title for choice in offered if choice.id == approval.choice), "")
    return say("Answered “{answer}”", answer=plain(title, 80)) if title else say("Decided")


def _items(shown: Shown, answered: Answered | None, most: int) -> list[CardElement]:
    if not shown.items:
        return []
    counts = Counter(item.kind for item in shown.items)
    if answered is None:
        return [
            section(say("What was decided")),
            *facts(
                [
                    (kind_title(shown, kind), say_count("{count} item", "{count} items", many))
                    for kind, many in counts.most_common()
                ],
                spacing="None",
            ),
        ]
    titles = {choice.id: choice.title for choice in choices_of(shown)}
    body: list[CardElement] = [section(say("Rules"))]
    for kind, many in counts.most_common(_MOST_RULES):
        rule = titles.get(answered.rules.get(kind) or shown.default, "")
        body.append(_answer(f"{kind_title(shown, kind)} ({number(many)})", rule))
    apart = [(item.title, answered.exceptions[item.id]) for item in shown.items if answered.exceptions.get(item.id)]
    if apart:
        body.append(section(say("Answered differently")))
        body += [_answer(title, titles.get(choice, "")) for title, choice in apart[:most]]
        if len(apart) > most:
            body.append(note(say("and {count} more", count=len(apart) - most), spacing="None"))
    return body


def _answer(subject: str, choice: str) -> CardElement:
    return line(words(subject, 120), moment(" – "), words(choice, 80, bold=True), spacing="None")
