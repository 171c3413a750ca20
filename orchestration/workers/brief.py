"""`brief.compose`: what a person should have seen before a meeting, compiled from mail, files and the invitation."""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec

from orchestration.capabilities import TaskContext, worker
from orchestration.workers.appointment import Invited, Meeting, time_of
from orchestration.workers.gathered import Kind, gather
from orchestration.workers.period import short
from orchestration.workers.sources import Document, File, Mail, counted, gist, listed, newest, noted, of_file, spoken

MOST_MAILS = 8
MOST_POINTS = 6
_POINT = re.compile(
    r"\b(?:open|action|todo|to do|decision|decide[ds]?|due|until|by (?:mon|tue|wed|thu|fri)\w*|offen|bis)\b",
    re.IGNORECASE,
)
# A line of a PDF that goes on in small letters or figures is no end of a sentence.
_SENTENCE = re.compile(r"\s*\n\s*(?=[^\W\d_a-zäöüß]|[-•–])|(?<=[.!?])\s+")
_SAID = {"accepted": "accepted", "declined": "declined", "tentativelyAccepted": "perhaps", "organizer": "organises"}


class Material(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `brief.compose`.

    Attributes:
        meeting: As `meeting.choose` gives it.
        sources: What the watched tasks look for, by their names: `mails` as `mail.search` gives them, `files` as
            `files.recent` does, a `document` as `files.read` does, or a `search` that only leads to others.
        reader: Who is briefed, by name.
    """

    meeting: Meeting
    sources: dict[str, Kind] = {}
    reader: str = ""


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """The whole brief as `text`, and its lines for a card; `missing` names the sources that are not in it."""

    title: str
    text: str
    headline: str
    people: str
    about: str
    mails: str
    files: str
    points: str
    missing: str = ""


@worker(
    "brief.compose",
    title="Compile the brief",
    timeout=timedelta(minutes=10),
    attempts=2,
    summarize=lambda brief: brief.headline,
)
async def compose(material: Material, task: TaskContext) -> Brief:
    """A brief of what the watched tasks find, each piece with its date and link; whatever is not in it is said.

    It does not wait for a source that does not answer, and says so.
    """
    meeting = material.meeting
    gathered = await gather(material.sources, task)
    mails = newest(gathered.mails or [])
    files, documents = gathered.files or [], gathered.documents
    points = _points(documents)
    others = [each.name for each in meeting.people if each.name != material.reader]
    if meeting.organizer and meeting.organizer not in [material.reader, *others]:
        others.insert(0, meeting.organizer)
    people = _people(meeting.people, meeting.organizer)
    found = " and ".join(
        ([] if gathered.mails is None else [counted(len(mails), "mail")])
        + ([] if gathered.files is None else [counted(len(files), "file")])
    )
    where = meeting.place or ("online" if meeting.online else "")
    parts = [
        f"{meeting.subject}\n{time_of(meeting)}{f', {where}' if where else ''}"
        + (f"\nOrganised by {meeting.organizer}" if meeting.organizer else ""),
        "People\n" + (people or "Nobody else is invited."),
        "What the invitation says\n" + (spoken(meeting.text) or "Nothing."),
    ]
    if points:
        parts.append("Lines in the documents that name something open, due or decided\n" + "\n".join(points))
    parts.append("Mail of the last 30 days, newest first\n" + _mails(gathered.mails, mails))
    parts.append("Files\n" + _files(gathered.files, files, documents))
    if gathered.missing:
        parts.insert(1, "Not in this brief\n" + "\n".join(f"- {each}" for each in gathered.missing))
    notes = [noted(each, note) for each in documents for note in each.notes]
    if notes:
        parts.append("Please note\n" + "\n".join(f"- {note}" for note in notes[:10]))
    parts.append(_origin(found))
    return Brief(
        title=f"Brief: {gist(meeting.subject, 120)}, {time_of(meeting)}",
        text="\n\n".join(parts),
        headline=f"{found or 'nothing was searched'} about it",
        missing=gist(" ".join(gathered.missing), 400),
        people=gist(listed(others, most=8), 190),
        about=gist(spoken(meeting.text), 190),
        mails=gist(
            "; ".join(f"{each.sender}, {short(each.received.date())}: {gist(each.topic, 60)}" for each in mails[:3]),
            190,
        ),
        files=gist("; ".join(each.name for each in files[:4]), 190),
        points=gist("; ".join(point.removeprefix("- ").partition(" [")[0].rstrip(".") for point in points[:3]), 190),
    )


def _people(people: list[Invited], organizer: str) -> str:
    return "\n".join(
        f"- {each.name}" + (f" ({said})" if (said := _SAID.get(each.response, "")) and each.name != organizer else "")
        for each in people
    )


def _points(documents: list[Document]) -> list[str]:
    """Sentences as they stand, not read into: those with a word such as "open" or "due"."""
    found = [
        f"- {gist(said, 200)} [{each.name}{f', {passage.where}' if passage.where else ''}]"
        for each in documents
        for passage in each.passages
        if passage.kind != "heading"
        for said in _SENTENCE.split(passage.text)
        if len(said) > 15 and _POINT.search(said)
    ]
    return list(dict.fromkeys(found))[:MOST_POINTS]


def _mails(given: list[Mail] | None, mails: list[Mail]) -> str:
    if given is None:
        return "Your mailbox was left out."
    if not mails:
        return "None was found."
    lines = [
        f"- {short(each.received.date())}, {each.sender}: {each.topic}"
        f"\n  {gist(spoken(each.text, each.sender)) or '(no text)'}" + (f"\n  {each.link}" if each.link else "")
        for each in mails[:MOST_MAILS]
    ]
    return "\n".join([*lines, *([f"and {len(mails) - MOST_MAILS} older ones"] if len(mails) > MOST_MAILS else [])])


def _files(given: list[File] | None, files: list[File], documents: list[Document]) -> str:
    if given is None:
        return "Files were left out."
    lines = []
    for each in files:
        changed = f", changed {short(each.changed.date())}" if each.changed else ""
        by = f" by {each.changed_by}" if changed and each.changed_by else ""
        said = of_file(each, documents)
        lines.append(
            f"- {each.name}{changed}{by}" + (f"\n  {said}" if said else "") + (f"\n  {each.link}" if each.link else "")
        )
    return "\n".join(lines) or "None was found."


def _origin(found: str) -> str:
    sources = f"the invitation, {found}" if found else "the invitation"
    return f"Compiled by Tandem from {sources}. Everything is quoted as it stands there."
