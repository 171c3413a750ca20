"""What people write into mailboxes, calendars and chats: kept on disk before it counts, and read again at start."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

Entry = TypeVar("Entry", bound=msgspec.Struct)
Change = tuple[str, str, Any]


class Shelf(Generic[Entry]):
    """All entries of one kind, by id: what the data folder gave, and over it what was written since."""

    def __init__(self, name: str, kind: type[Entry]) -> None:
        self.name = name
        self.kind = kind
        self._entries: dict[str, Entry] = {}

    def seed(self, entry_id: str, entry: Entry) -> None:
        """Adds an entry of the data folder, which is not journaled."""
        self._entries[entry_id] = entry

    def get(self, entry_id: str) -> Entry | None:
        """The entry with this id."""
        return self._entries.get(entry_id)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, entry_id: str, entry: Entry | None) -> Change:
        """A change to commit: the entry as it is to be, or None to remove it."""
        return (self.name, entry_id, entry)

    def apply(self, entry_id: str, entry: Entry | None) -> None:
        """Makes a committed change visible."""
        if entry is None:
            self._entries.pop(entry_id, None)
        else:
            self._entries[entry_id] = entry


class Journal:
    """An append-only file of changes; one line is one atomic commit."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._shelves: dict[str, Shelf[Any]] = {}
        self.accepted: list[dict[str, Any]] = []
        file.parent.mkdir(parents=True, exist_ok=True)

    def shelf(self, name: str, kind: type[Entry]) -> Shelf[Entry]:
        """Makes the shelf of one kind of entries."""
        made = self._shelves[name] = Shelf(name, kind)
        return made

    def replay(self) -> None:
        """Applies what was committed before; called once, after the shelves have the data folder's entries."""
        raw = self._file.read_bytes() if self._file.exists() else b""
        if raw and not raw.endswith(b"\n"):  # a kill cut the last line short: the next one must not be glued to it
            with self._file.open("ab") as out:
                out.write(b"\n")
        lines = raw.splitlines()
        for line in lines:
            try:
                record = msgspec.json.decode(line)
                self._apply(
                    [
                        (name, key, None if raw is None else msgspec.convert(raw, self._shelves[name].kind))
                        for name, key, raw in record["changes"]
                    ]
                )
            except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
                continue  # the line that a kill cut short: its write was never confirmed
            if record.get("accepted"):
                self.accepted.append(record["accepted"])

    def commit(self, changes: list[Change], kind: str = "", person: str = "", **about: Any) -> None:
        """Writes all changes at once; they are on disk before this returns.

        Args:
            changes: What `Shelf.put` gave.
            kind: What was accepted, such as `mail.send`; empty for a change that nobody outside sees.
            person: Who did it.
            about: What tells the write apart.
        """
        accepted = None
        if kind:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            accepted = {"time": now, "kind": kind, "person": person, **about}
        record = {"changes": changes, "accepted": accepted}
        with self._file.open("ab") as out:
            out.write(msgspec.json.encode(record) + b"\n")
            out.flush()
            os.fsync(out.fileno())
        self._apply(changes)
        if accepted:
            self.accepted.append(accepted)

    def _apply(self, changes: list[Change]) -> None:
        for name, key, entry in changes:
            self._shelves[name].apply(key, entry)
