"""`answers.collect`: what several people answered to one question, on cards and by mail."""

from __future__ import annotations

from datetime import datetime

import msgspec

from orchestration.capabilities import TaskContext, worker
from orchestration.core.run import Person
from orchestration.workers.period import short
from orchestration.workers.sources import Mail, gist, listed, spoken

LONGEST = 2_000
PLACES = 5
_SILENT = {"other": "says that an answer came by mail; none was found", "answer": "sent the card without a text"}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who was asked, as the directory knows them."""

    id: str
    name: str
    upn: str
    mail: str = ""


class OnCard(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody answered on a card."""

    choice: str
    by: Person
    at: datetime
    comment: str = ""


class Material(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `answers.collect`.

    Attributes:
        question: As it was asked.
        people: Who was asked.
        cards: What came on cards; null where nobody was asked.
        mails: Mails about the question; null if the mailbox was left out.
    """

    question: str
    people: list[Asked]
    cards: list[OnCard | None] = []
    mails: list[Mail] | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What one person said; `said` is empty if nothing was found."""

    name: str
    said: str
    how: str = ""
    link: str = ""


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """All answers in the order of the people; `lines` has always five places for a card, the last ones may be empty."""

    answers: list[Answer]
    lines: list[Answer]
    headline: str
    text: str
    without: str


@worker("answers.collect", title="Put the answers together", attempts=1, summarize=lambda found: found.headline)
async def collect(material: Material, task: TaskContext) -> Answers:
    """Everybody's answer in their own words; a reply by mail counts by its sender, the latest one of each."""
    del task
    on_cards = {each.by.id: each for each in material.cards if each}
    # The question itself is among them where somebody asked themselves too.
    mails = sorted((each for each in material.mails or [] if each.is_reply), key=lambda each: each.received)
    answers = [_answer(each, on_cards.get(each.id), mails) for each in material.people]
    without = [each.name for each in answers if not each.said]
    number = len(answers) - len(without)
    blocks = [
        f"{each.name}{f' ({each.how})' if each.how else ''}\n{each.said or 'No answer.'}"
        + (f"\n{each.link}" if each.link else "")
        for each in answers
    ]
    left_out = "" if material.mails is not None else "\n\nThe mailbox was left out, so answers by mail are missing."
    lines = [
        Answer(name=each.name, said=gist(each.said, 190) or "no answer", how=each.how) for each in answers[:PLACES]
    ]
    return Answers(
        answers=answers,
        lines=lines + [Answer(name="", said="")] * (PLACES - len(lines)),
        headline=f"{number} of {len(answers)} answered",
        text=f"{material.question}\n\n" + "\n\n".join(blocks) + left_out,
        without=listed(without),
    )


def _answer(asked: Asked, on_card: OnCard | None, mails: list[Mail]) -> Answer:
    addresses = {each.casefold() for each in (asked.upn, asked.mail) if each}
    mail = next((each for each in reversed(mails) if each.address.casefold() in addresses), None)
    written = spoken(mail.text, asked.name)[:LONGEST] if mail else ""
    comment = on_card.comment.strip() if on_card else ""
    if comment and on_card:
        both = f"{comment}\nBy mail: {written}" if written and written != comment else comment
        how = f"in Teams, {short(on_card.at.date())}" + (" and by mail" if both != comment else "")
        return Answer(name=asked.name, said=both, how=how, link=mail.link if mail and both != comment else "")
    if mail and written:
        return Answer(name=asked.name, said=written, how=f"by mail, {short(mail.received.date())}", link=mail.link)
    return Answer(name=asked.name, said="", how=_SILENT.get(on_card.choice, "") if on_card else "")
