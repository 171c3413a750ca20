"""Erases a person from the log: their runs' content, their name and words elsewhere; the chains hold (ADR 0014)."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec

from orchestration.audit.chain import commitment, remains
from orchestration.audit.personal import parts
from orchestration.audit.redaction import ERASED, Person, Redaction
from orchestration.core.run import OPERATOR
from orchestration.errors import Conflict, Invalid, NotFound
from orchestration.ports import Anchor, Anchors, Archive, Clock, EntryRow, EventRow, Rewrite, RunRow, Store

_ALL = 1_000_000_000
_DONE, BEGUN = "erased", "erasing"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Concerned(msgspec.Struct, frozen=True):
    """One run that the person is in.

    Attributes:
        own: They initiated it: all of its content goes.
        named: They are in it; otherwise it only shares the salt of one that they are in, as a copy does.
    """

    run_id: str
    title: str
    own: bool
    open: bool
    named: bool = True


class Found(msgspec.Struct, frozen=True):
    """What erasing somebody would do.

    Attributes:
        runs: The runs that they are in.
        documents: How many documents are theirs or name them, such as where they can be reached.
    """

    person: Person
    runs: list[Concerned]
    documents: int


class Erased(msgspec.Struct, frozen=True):
    """What an erasure did.

    Attributes:
        found: What there was.
        kept: Runs that went on meanwhile, so that it has to be asked for again.
        compacted: No file of the database holds it any more; otherwise ask again.
    """

    found: Found
    kept: list[str]
    compacted: bool


class Erasure:
    """Finds and erases people; whatever stops it, it goes on where it was when it is asked again.

    Args:
        store: Open.
        anchors: Are told what is left of each run before it is changed, so that nobody can change more.
        clock: Tells the time.
        rewrite: Instead of `store.rewrite`, where others use the store at the same time.
    """

    def __init__(
        self,
        store: Store,
        anchors: Anchors,
        clock: Clock,
        rewrite: Callable[[Rewrite], Awaitable[bool]] | None = None,
    ) -> None:
        self._store, self._anchors, self._clock = store, anchors, clock
        self._rewrite = rewrite or store.rewrite

    async def find(self, who: str) -> Found:
        """What there is of somebody, named by user principal name or id.

        Raises:
            NotFound: Nothing is.
            Invalid: Several people have had that name.
        """
        return await self._found(await self._who(who))

    async def erase(self, who: str) -> Erased:
        """Erase somebody; see `find`.

        Raises:
            NotFound: There is nothing of them.
            Conflict: A run that they are in is open; nothing was changed.
            Unavailable: The anchors cannot be written.
        """
        person = await self._who(who)
        found = await self._found(person)
        if open_runs := [run for run in found.runs if run.open]:
            listed = "".join(f"\n  {run.run_id}  {run.title}" for run in open_runs)
            raise Conflict(
                "These runs are still open, and erasing would pull the ground from under them. Cancel them first "
                f"(tandem cancel RUN) or let them end; nothing was erased.{listed}"
            )
        await self._store.put(BEGUN, str(person.number), _encode(person))
        kept = await self._runs(Redaction(person), found.runs)
        await self._documents(Redaction(person))
        if kept:
            return Erased(found, kept, compacted=False)
        await self._store.put(_DONE, str(person.number), _encode({"at": self._clock.now()}))
        await self._store.drop(BEGUN, str(person.number))
        return Erased(found, kept, await self._store.compact())

    # --- finding

    async def _who(self, who: str) -> Person:
        wanted = who.strip().casefold()
        if wanted == OPERATOR:
            raise Invalid("the operator is whoever has the deployment's console and no person of the tenant: name one")
        for body in (await self._store.documents(BEGUN)).values():
            begun = msgspec.json.decode(body, type=Person)
            if wanted in (begun.id.casefold(), *(upn.casefold() for upn in begun.upns)):
                return begun
        spellings: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
        async for value in self._values(wanted):
            for each in _people(value):
                if wanted in (each["id"].casefold(), str(each.get("upn", "")).casefold()):
                    upns, names = spellings.setdefault(each["id"], ({}, {}))
                    upns |= {each["upn"]: None} if each.get("upn") else {}
                    names |= {each["name"]: None} if each.get("name") else {}
        if not wanted or not spellings:
            raise NotFound(f"the log holds nobody with the id or user principal name {who!r}")
        if len(spellings) > 1:
            raise Invalid(f"several people have had the name {who}: give an id, one of {', '.join(sorted(spellings))}")
        ((id_, _),) = spellings.items()
        async for value in self._values(id_.casefold()):  # also how others spell them
            for each in _people(value):
                if each["id"] == id_:
                    spellings[id_][0].update({each["upn"]: None} if each.get("upn") else {})
                    spellings[id_][1].update({each["name"]: None} if each.get("name") else {})
        upns, names = spellings[id_]
        used = [int(number) for kind in (_DONE, BEGUN) for number in await self._store.documents(kind)]
        return Person(id_, tuple(upns), tuple(names), max(used, default=0) + 1)

    async def _values(self, needle: str) -> AsyncIterator[Any]:
        """Everything that is kept as JSON and holds a text."""
        for row in await self._store.runs(limit=_ALL):
            archive = await self._store.archive(row)
            for body in (*(each.body for each in archive.events), *(each.body for each in archive.entries)):
                if needle in body.decode("utf-8", "replace").casefold() and (value := _json(body)) is not None:
                    yield value
        for kind in await self._store.kinds():
            for body in (await self._store.documents(kind)).values():
                if needle in body.decode("utf-8", "replace").casefold() and (value := _json(body)) is not None:
                    yield value

    async def _found(self, person: Person) -> Found:
        redaction = Redaction(person)
        runs, others, salts = [], [], set()
        for row in await self._store.runs(limit=_ALL):
            salt = await self._store.salt(row.run_id)
            if _concerns(redaction, await self._store.archive(row)):
                runs.append(Concerned(row.run_id, row.title, row.initiator == person.id, row.open))
                salts.add(salt)
            else:
                others.append((row, salt))
        runs += [Concerned(row.run_id, row.title, False, row.open, False) for row, salt in others if salt in salts]
        documents = 0
        for kind in await self._store.kinds():
            if kind not in (_DONE, BEGUN):
                held = await self._store.documents(kind)
                documents += sum(redaction.concerns(key) or redaction.concerns(body) for key, body in held.items())
        return Found(person, runs, documents)

    # --- erasing

    async def _runs(self, redaction: Redaction, concerned: list[Concerned]) -> list[str]:
        """Change these runs; those that went on meanwhile.

        What only shares a salt comes first: once the runs that the person is in are done, nobody would find it again.
        """
        rows = {row.run_id: row for row in await self._store.runs(limit=_ALL)}
        kept = []
        for each in sorted(concerned, key=lambda each: each.named):
            row, salt = rows.get(each.run_id), await self._store.salt(each.run_id)
            if row is not None and (row.open or not await self._run(redaction, row, salt or b"")):
                kept.append(each.run_id)
        return kept

    async def _run(self, redaction: Redaction, row: RunRow, salt: bytes) -> bool:
        archive = await self._store.archive(row)
        fresh = secrets.token_bytes(max(len(salt), 16))
        change = changed(redaction, archive, salt, fresh)
        events = {each.seq: each for each in change.events}
        left = remains(
            fresh,
            [events.get(each.seq, each) for each in archive.events],
            [
                EntryRow(row.run_id, each.entry, body)
                for each in archive.entries
                if (body := change.entries.get(each.entry, each.body)) is not None
            ],
        )
        if left:
            seq = len(archive.events)
            await self._anchors.write([Anchor(row.run_id, seq, left, self._clock.now(), "erased")])
        return await self._rewrite(change)

    async def _documents(self, redaction: Redaction) -> None:
        for kind in await self._store.kinds():
            if kind in (_DONE, BEGUN):
                continue
            for key, body in (await self._store.documents(kind)).items():
                if redaction.concerns(key) or (redaction.concerns(body) and _json(body) is None):
                    await self._store.drop(kind, key)
                elif redaction.concerns(body):
                    await self._store.put(kind, key, _encode(redaction.value(_json(body))))


def changed(redaction: Redaction, archive: Archive, salt: bytes, fresh: bytes) -> Rewrite:
    """What erasing the person changes in a run. Its shape, its chain and what others did stay.

    Args:
        redaction: Of whom.
        archive: The run.
        salt: The one that its digests are keyed with so far.
        fresh: The one that takes its place, so that nobody can test guesses about what is gone.
    """
    person, own = redaction.person, archive.run.initiator == redaction.person.id
    values = [_decode(row.body) for row in archive.events]
    words = [said for value in values for said in redaction.words(value)]
    events = []
    for row, value in zip(archive.events, values, strict=True):
        personal = parts(row.type, row.body)[1]
        if not personal:
            continue
        left = redaction.own_event(row.type, value) if own else redaction.event(row.type, value)
        body = row.body if left == value else _encode(left)
        seal = row.seal or (commitment(salt, row.seq, personal) if row.link else b"")
        events.append(EventRow(row.run_id, row.seq, row.at, row.type, body, row.link, seal))
    return Rewrite(
        run=archive.run,
        title=ERASED if own else redaction.text(archive.run.title, words),
        salt=fresh,
        events=events,
        entries={} if not archive.entries else _entries(redaction, archive, words, own=own),
        people={person.id: person.pseudonym_id},
        commands={
            each.command_id: redaction.text(each.command_id)
            for each in archive.commands
            if redaction.concerns(each.command_id)
        },
    )


def _entries(redaction: Redaction, archive: Archive, words: list[str], *, own: bool) -> dict[str, bytes | None]:
    if own:
        return {each.entry: None for each in archive.entries}
    values = {each.entry: _json(each.body) for each in archive.entries}
    said = {word for value in values.values() if isinstance(value, dict) for word in redaction.words(value)}
    all_words = sorted({*words, *said}, key=len, reverse=True)
    found: dict[str, bytes | None] = {}
    for each in archive.entries:
        value = values[each.entry]
        left = redaction.value(value, all_words)
        if value is None and redaction.concerns(each.body):
            found[each.entry] = None
        elif left != value:
            found[each.entry] = _encode(left)
    return found


def _concerns(redaction: Redaction, archive: Archive) -> bool:
    row = archive.run
    return (
        redaction.concerns(row.initiator)
        or redaction.concerns(row.title)
        or any(redaction.concerns(each.body) for each in archive.events)
        or any(redaction.concerns(each.body) for each in archive.entries)
        or any(redaction.concerns(each.command_id) for each in archive.commands)
    )


def _people(value: Any) -> list[dict[str, Any]]:
    """Everybody in a JSON value."""
    if isinstance(value, dict):
        here = [value] if isinstance(value.get("id"), str) and isinstance(value.get("name"), str) else []
        return here + [each for inner in value.values() for each in _people(inner)]
    if isinstance(value, list):
        return [each for inner in value for each in _people(inner)]
    return []


def _json(body: bytes) -> Any:
    try:
        return _decode(body)
    except msgspec.DecodeError:
        return None
