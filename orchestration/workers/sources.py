"""What mail and files said, as the workers that compile it take it from those that found it; and the gist of a text.

Nothing is invented here: a gist is the beginning of what stands there, with greetings and quoted mail left out.
"""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

_GREETING = re.compile(
    r"(?:hi|hello|hey|dear|good (?:morning|afternoon)|hallo|liebe[rs]?|guten (?:morgen|tag)|moin)\b"
    r"[^,.:!?]{0,40}[,!.:]?",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(
    r"(?:--|best(?: regards| wishes)?|(?:kind )?regards|thanks|thank you|cheers|viele grüße|gruß|danke|vg|lg)[,.! ]*",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"(?:>|-{3,}|_{5,}|from:|von:|on .{5,120} wrote:|am .{5,120} schrieb)", re.IGNORECASE)
_REPLY = re.compile(r"(?:(?:re|aw|fw|fwd|wg)\s*:\s*)+", re.IGNORECASE)


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """One mail, as `mail.search` finds it."""

    subject: str
    sender: str
    address: str
    received: datetime
    text: str = ""
    link: str = ""

    @property
    def topic(self) -> str:
        """The subject without "Re:" and the like."""
        return _REPLY.sub("", self.subject.strip(), count=1).strip() or "(without a subject)"

    @property
    def is_reply(self) -> bool:
        """Whether the subject says so."""
        return _REPLY.match(self.subject.strip()) is not None


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One file, as `files.search` finds it."""

    name: str
    drive: str
    item: str
    link: str = ""
    excerpt: str = ""
    changed: datetime | None = None
    changed_by: str = ""


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a document with its place."""

    where: str = ""
    text: str = ""
    kind: str = "text"


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What `files.read` says of one file."""

    name: str
    link: str = ""
    passages: list[Passage] = []
    notes: list[str] = []


def newest(mails: list[Mail]) -> list[Mail]:
    """The mails, each once, the newest first."""
    known = {(each.address, each.received, each.subject): each for each in mails}
    return sorted(known.values(), key=lambda each: each.received, reverse=True)


def spoken(text: str, writer: str = "") -> str:
    """What the writer of a mail said: without greeting, signature and what is quoted below."""
    signed = {writer.casefold(), writer.partition(" ")[0].casefold()} - {""}
    kept: list[str] = []
    for line in text.splitlines():
        bare = line.strip()
        if _QUOTED.match(bare) or (kept and _SIGNATURE.fullmatch(bare)):
            break
        if bare and not (not kept and _GREETING.fullmatch(bare)):
            kept.append(bare)
    while len(kept) > 1 and kept[-1].casefold() in signed:
        kept.pop()
    return "\n".join(kept)


def gist(text: str, most: int = 240) -> str:
    """The beginning of a text in one line, cut after a sentence or a word."""
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    cut = line[: most - 1]
    stop = max(cut.rfind(". "), cut.rfind("! "), cut.rfind("? "))
    if stop > most // 2:
        return cut[: stop + 1] + " …"
    return cut[: cut.rfind(" ")].rstrip(",;: ") + "…" if " " in cut else cut + "…"


def of_file(file: File, documents: list[Document], most: int = 240) -> str:
    """What a file says: the beginning of it if it was read, else the place where the words were found."""
    read = next((each for each in documents if each.link == file.link and each.name == file.name), None)
    if read:
        told = [passage.text for passage in read.passages if passage.kind != "heading"]
        return gist(" ".join(told[:6]), most)
    return gist(file.excerpt, most)


def noted(document: Document, note: str) -> str:
    """A note about a document, which names it."""
    return note if document.name in note else f"{document.name}: {note}"


def listed(names: list[str], most: int = 5) -> str:
    """Names for people: "Alex, Lee and Adele", "Alex, Lee and 4 more"."""
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: "1 mail", "12 mails", "no mails"."""
    return f"{number or 'no'} {one if number == 1 else many or one + 's'}"
