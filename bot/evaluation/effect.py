"""What a tenant holds that it did not hold before, put together from everything that it accepted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

# What a person would say of a change => the writes that the tenant accepts for it.
KINDS: dict[str, tuple[str, ...]] = {
    "draft": ("mail.draft",),
    "mail": ("mail.draft", "mail.send"),
    "event": ("event.create",),
    "post": ("chat.create", "chat.post"),
    "share": ("file.share",),
    "file": ("file.upload",),
}
# The capability that leads to it.
CAPABILITIES = {
    "mail.draft": "draft",
    "mail.send": "mail",
    "calendar.create": "event",
    "chat.post": "post",
    "files.share": "share",
    "files.upload": "file",
}


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """One write that the tenant accepted.

    Attributes:
        kind: As the tenant names it, such as `mail.send`; empty for a change of what is the person's alone.
        person: Who did it, by key.
        changes: (shelf, id, entry) of everything that it changed; no entry: it was removed.
    """

    at: datetime
    kind: str
    person: str
    about: dict[str, Any]
    changes: list[tuple[str, str, Any]] = []


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is in the tenant now.

    Attributes:
        kind: One of `KINDS`, or what the tenant calls a write that is none of them.
        to: Addresses of everybody whom it reaches.
        title: Subject, or name of the file.
        place: Team and channel, or site and folder.
        text: What it says.
    """

    kind: str
    person: str
    to: list[str] = []
    title: str = ""
    place: str = ""
    text: str = ""

    def told(self) -> str:
        """It in a line, for people."""
        parts = [f"{self.kind} of {self.person}"]
        parts += [f"to {', '.join(self.to)}"] if self.to else []
        parts += [f"in {self.place}"] if self.place else []
        parts += [f"“{self.title}”"] if self.title else []
        return " ".join(parts)


class Directory(msgspec.Struct, frozen=True):
    """Names for what writes only have ids of.

    Attributes:
        addresses: Person's key => address.
        places: Chat or channel => its name for people, and who is in it.
    """

    addresses: dict[str, str]
    places: dict[str, tuple[str, list[str]]]


def effects(accepted: Iterable[Accepted], known: Directory) -> list[Effect]:
    """What came of all accepted writes: a draft that was sent is a mail, and a file that was replaced is one file."""
    found: dict[str, Effect] = {}
    for number, each in enumerate(accepted):
        about = each.about
        match each.kind:
            case "mail.draft" | "":
                for _, key, entry in each.changes:
                    if entry and entry.get("folder") == "drafts":
                        found[key] = _mail("draft", each.person, entry)
                    elif key in found or not each.kind:
                        found[key] = Effect(kind="mailbox", person=each.person, title=str((entry or {}).get("subject")))
            case "mail.send":
                entries = {key: entry for _, key, entry in each.changes if entry}
                sent = entries.get(about["id"]) or next(iter(entries.values()))
                found[about["id"]] = msgspec.structs.replace(_mail("mail", each.person, sent), to=about["to"])
            case "event.create":
                entry = next(entry for _, key, entry in each.changes if key == about["id"])
                text = f"{entry['start']} {entry['end']} {entry.get('location', '')} {entry.get('body', '')}"
                made = Effect(
                    kind="event", person=each.person, to=about["attendees"], title=about["subject"], text=text
                )
                found[about["id"]] = made
            case "chat.create":
                to = [known.addresses[key] for key in about["members"] if key != each.person]
                found[about["id"]] = Effect(kind="chat", person=each.person, to=to)
            case "chat.post":
                found.pop(about["talk"], None)
                place, members = known.places[about["talk"]]
                alone = "" if place else each.person
                to = [known.addresses[key] for key in members if key != each.person] if alone else []
                entry = each.changes[0][2]
                made = Effect(kind="post", person=each.person, to=to, place=place, text=entry["body"])
                found[f"{about['talk']}/{about['id']}"] = made
            case "file.share":
                folder, _, name = str(about["path"]).rpartition("/")
                to = [known.addresses[key] for key in about["people"]]
                place = f"{about['site']}/{folder}".rstrip("/")
                made = Effect(kind="share", person=each.person, to=to, title=name, place=place, text=about["role"])
                found[f"{about['item_id']}/{number}"] = made
            case "file.upload":
                folder, _, name = str(about["path"]).rpartition("/")
                place = f"{about['site']}/{folder}".rstrip("/")
                found[about["item_id"]] = Effect(kind="file", person=each.person, title=name, place=place)
            case other:
                title = str(about.get("subject") or about.get("path") or "")
                found[f"{other}/{number}"] = Effect(kind=other, person=each.person, title=title)
    return list(found.values())


def _mail(kind: str, person: str, entry: dict[str, Any]) -> Effect:
    to = [each["address"] for field in ("to", "cc", "bcc") for each in entry.get(field, [])]
    return Effect(kind=kind, person=person, to=to, title=entry["subject"], text=entry.get("body", ""))
