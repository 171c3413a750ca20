"""Who is signed in to Tandem; kept on disk, so that a restart of the sandbox signs nobody out."""

from __future__ import annotations

import uuid
from pathlib import Path

import msgspec

from connectors.sandbox.keys import write_private


class Session(msgspec.Struct):
    """A person's sign-in. Tokens carry `id`; a token of another session than the present one is refused."""

    id: str
    signed_in: list[str] = []


class Sessions:
    """Sign-ins by person (key)."""

    def __init__(self, file: Path) -> None:
        self._file = file
        stored = file.read_bytes() if file.exists() else b"{}"
        self._by_person = msgspec.json.decode(stored, type=dict[str, Session])

    def current(self, person: str) -> str:
        """The id of the person's present session."""
        if person not in self._by_person:
            self._by_person[person] = Session(uuid.uuid4().hex)
            self._save()
        return self._by_person[person].id

    def is_signed_in(self, person: str, connection: str) -> bool:
        """Whether the person has signed in to this OAuth connection and not out again."""
        session = self._by_person.get(person)
        return session is not None and connection in session.signed_in

    def anywhere(self, person: str) -> bool:
        """Whether the person is signed in to any connection."""
        return person in self._by_person and bool(self._by_person[person].signed_in)

    def sign_in(self, person: str, connection: str) -> None:
        """Signs the person in to this connection."""
        self.current(person)
        if connection not in self._by_person[person].signed_in:
            self._by_person[person].signed_in.append(connection)
            self._save()

    def sign_out(self, person: str, connection: str | None = None) -> None:
        """Signs the person out of one connection or all; tokens issued so far are worth nothing any more."""
        left = [name for name in self._signed_in(person) if connection is not None and name != connection]
        self._by_person[person] = Session(uuid.uuid4().hex, left)
        self._save()

    def expire(self, person: str) -> None:
        """Ends the life of every token issued so far; the person stays signed in, so a new one can be had."""
        self._by_person[person] = Session(uuid.uuid4().hex, self._signed_in(person))
        self._save()

    def _signed_in(self, person: str) -> list[str]:
        return list(self._by_person[person].signed_in) if person in self._by_person else []

    def _save(self) -> None:
        write_private(self._file, msgspec.json.encode(self._by_person))
