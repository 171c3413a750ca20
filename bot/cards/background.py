"""What a question rests on: why it is asked, for whom, from which sources, how sensitive, what changed."""

from __future__ import annotations

from collections.abc import Sequence

from microsoft_teams.cards.core import CardElement, Container, OpenUrlAction, TextRun

from bot.cards.layout import GAP, Mark, dotted, facts, line, marked, moment, note, section, words
from bot.cards.wording import listed, plain, sentence, web_link
from bot.language import say, say_count
from orchestration.core.label import LABELS, Label, Source
from orchestration.core.question import Change, Shown

_MOST_SOURCES = 8
_MOST_CHANGES = 8
_MOST_RECIPIENTS = 12
_LONGEST_RECIPIENT, _LONGEST_LIST = 300, 30_000  # nobody who gets something is left out to save room


def label_word(label: Label) -> str:
    """A label as people say it."""
    return {
        "public": say("Public"),
        "internal": say("Internal"),
        "confidential": say("Confidential"),
        "highly_confidential": say("Highly confidential"),
    }[label]


def tainted() -> str:
    """What is said of content that somebody outside may have written."""
    return say("Part of this was written by somebody outside. Read it with care before you answer.")


def warned(shown: Shown) -> list[CardElement]:
    """That somebody outside may have written part of what is shown; empty if nobody can have."""
    return [marked(Mark("!", "Attention"), [words(tainted(), bold=True)])] if shown.tainted else []


def reasoned(shown: Shown) -> list[CardElement]:
    """Why this is asked, in the plan's own sentence."""
    if not shown.why:
        return []
    return [line(words(say("Why:"), bold=True), GAP, words(sentence(shown.why, 400)), spacing="Medium")]


def differences(shown: Shown, *, most: int = _MOST_CHANGES) -> list[CardElement]:
    """What differs from the last time the same was asked, each as it was and as it is."""
    if not shown.changed:
        return []
    body: list[CardElement] = [section(say("Changed since you were last asked"))]
    body += [_difference(change) for change in shown.changed[:most]]
    if len(shown.changed) > most:
        left = say_count("and {count} more change", "and {count} more changes", len(shown.changed) - most)
        body.append(note(left, spacing="None"))
    return body


def _difference(change: Change) -> CardElement:
    nothing = say("nothing")
    rows = [
        line(words(change.label, 80, bold=True)),
        line(words(say("Before:"), subtle=True), GAP, words(change.before or nothing, 400), spacing="None"),
        line(words(say("Now:"), subtle=True), GAP, words(change.now or nothing, 400, bold=True), spacing="None"),
    ]
    return Container(style="emphasis", spacing="Small", items=list[CardElement](rows))


def rests_on(shown: Shown, *, most: int = _MOST_SOURCES) -> list[CardElement]:
    """On whose behalf, who gets it, how sensitive it is, and what it was made from."""
    body = facts(
        [
            (say("On behalf of"), plain(shown.on_behalf_of.name, 80)),
            (say("Goes to"), _going_to(shown)),
            (say("Sensitivity"), label_word(shown.label)),
        ],
        limit=_LONGEST_LIST,
        spacing="Medium",
    )
    if shown.sources:
        body.append(section(say("Made from")))
        body += sources(shown.sources, most=most)
    return body


def _going_to(shown: Shown) -> str:
    """Everybody who gets it; many only once on a card, in the content itself if that names each of them."""
    who = [plain(each, _LONGEST_RECIPIENT) for each in shown.recipients]
    named = {each.strip() for _, value in shown.facts for each in value.splitlines()}
    if len(who) > _MOST_RECIPIENTS and named.issuperset(each.strip() for each in shown.recipients):
        return say_count("{count} person, named above", "{count} people, all of them named above", len(who))
    return listed(who)


def briefly(shown: Shown) -> list[tuple[str, str]]:
    """The same in as little room as can be, for cards that list much: for whom they are stands at their top."""
    titles = [plain(each.title or each.system, 60) for each in _ordered(shown.sources)]
    more = [say_count("{count} other", "{count} others", len(titles) - 3)] if len(titles) > 3 else []
    return [(say("Sensitivity"), label_word(shown.label)), (say("Made from"), listed([*titles[:3], *more]))]


def sources(read: Sequence[Source], *, most: int = _MOST_SOURCES) -> list[CardElement]:
    """One line for each thing that was read: its name, where it is, how sensitive it is there, and who wrote it.

    The most sensitive come first, and what somebody outside has written; the name opens it if it has an address.
    """
    body: list[CardElement] = [line(moment("•  "), *_source(each), spacing="None") for each in _ordered(read)[:most]]
    if len(read) > most:
        left = say_count("and {count} more source", "and {count} more sources", len(read) - most)
        body.append(note(left, spacing="None"))
    return body


def _ordered(read: Sequence[Source]) -> list[Source]:
    return sorted(read, key=lambda each: (not each.outside, -LABELS.index(each.label)))


def _source(source: Source) -> list[TextRun]:
    title = words(source.title or source.system, 120)
    if web_link(source.link):
        title.select_action = OpenUrlAction(title=plain(say("Open {source}", source=source.title), 60), url=source.link)
        title.color, title.underline = "Accent", True
    outside = say("written by somebody outside") if source.outside else ""
    details = (source.system, label_word(source.label), outside)
    return dotted([title, *(words(each, 60, subtle=True) for each in details)])
