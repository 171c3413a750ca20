"""`status.compose`: what happened in a week, compiled from mail and files."""

from __future__ import annotations

import msgspec

from orchestration.capabilities import TaskContext, worker
from orchestration.workers.period import short
from orchestration.workers.sources import Document, File, Mail, counted, gist, listed, newest, noted, of_file, spoken

MOST_TOPICS = 20
MOST_FILES = 15


class Material(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `status.compose`.

    Attributes:
        period: Its days, for people.
        author: In whose name it is.
        mails: Of these days; null if the mailbox was left out.
        files: Changed on these days; null if they were left out.
        documents: What those that were read say; null for one that could not be.
        more: Whether there were more mails than could be taken.
    """

    period: str
    author: str
    mails: list[Mail] | None = None
    files: list[File] | None = None
    documents: list[Document | None] = []
    more: bool = False


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The whole status as `text`, and its lines for a card; `empty` if nothing was found to say."""

    title: str
    text: str
    headline: str
    empty: bool
    topics: str
    files: str
    people: str


@worker("status.compose", title="Compile the status", attempts=1, summarize=lambda status: status.headline)
async def compose(material: Material, task: TaskContext) -> Status:
    """A status by topic, each piece with who said it, when, and a link; whatever was left out is said."""
    del task
    mails = newest(material.mails or [])
    files = material.files or []
    documents = [each for each in material.documents if each]
    topics: dict[str, list[Mail]] = {}
    for mail in mails:
        topics.setdefault(mail.topic.casefold(), []).append(mail)
    found = ([] if material.mails is None else [counted(len(mails), "mail")]) + (
        [] if material.files is None else [counted(len(files), "file")]
    )
    headline = f"{' and '.join(found) or 'nothing was searched'}, {counted(len(topics), 'topic')}"
    parts = [f"Status {material.period}"]
    parts += ["Topics, from mail\n\n" + _topics(material.mails, topics, more=material.more)]
    parts += ["Files changed\n\n" + _files(material.files, files, documents)]
    notes = [f"- {noted(each, note)}" for each in documents for note in each.notes]
    if notes:
        parts.append("Please note\n" + "\n".join(notes[:10]))
    parts.append(
        f"Compiled from {' and '.join(found) or 'nothing'}; the wording is that of the sources.\n{material.author}"
    )
    people = list(
        dict.fromkeys([*(each.sender for each in mails), *(each.changed_by for each in files if each.changed_by)])
    )
    return Status(
        title=f"Weekly status, {material.period}",
        text="\n\n".join(parts),
        headline=headline,
        empty=not mails and not files,
        topics=gist("; ".join(gist(group[0].topic, 60) for group in topics.values()), 190),
        files=gist("; ".join(each.name for each in files), 190),
        people=gist(listed(people, most=6), 190),
    )


def _topics(given: list[Mail] | None, topics: dict[str, list[Mail]], *, more: bool) -> str:
    if given is None:
        return "The mailbox was left out."
    if not topics:
        return "No mail was found."
    blocks = []
    for group in list(topics.values())[:MOST_TOPICS]:
        lines = [group[0].topic]
        for mail in group[:5]:
            said = gist(spoken(mail.text, mail.sender), 400) or "(no text)"
            lines.append(f"- {mail.sender}, {short(mail.received.date())}: {said}")
            if mail.link:
                lines.append(f"  {mail.link}")
        if len(group) > 5:
            lines.append(f"- and {len(group) - 5} earlier mails")
        blocks.append("\n".join(lines))
    if len(topics) > MOST_TOPICS:
        blocks.append(f"and {len(topics) - MOST_TOPICS} more topics")
    if more:
        blocks.append("There were more mails than could be taken; these are the newest.")
    return "\n\n".join(blocks)


def _files(given: list[File] | None, files: list[File], documents: list[Document]) -> str:
    if given is None:
        return "Files were left out."
    lines = []
    for each in files[:MOST_FILES]:
        when = f", {short(each.changed.date())}" if each.changed else ""
        lines.append(f"- {each.name} ({each.changed_by or 'somebody'}{when})")
        if said := of_file(each, documents, 400):
            lines.append(f"  {said}")
        if each.link:
            lines.append(f"  {each.link}")
    if len(files) > MOST_FILES:
        lines.append(f"- and {len(files) - MOST_FILES} more")
    return "\n".join(lines) or "None was found."
