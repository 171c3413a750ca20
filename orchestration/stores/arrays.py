"""Columns of rows as PostgreSQL arrays in binary form: one parameter each, of one type, whatever the values are.

psycopg chooses an array's type by its values, so that a prepared statement would be prepared again and again, and
packs one value at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from struct import Struct
from typing import Any

from psycopg.abc import AdaptContext
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

_HEAD = Struct("!iiIii")  # dimensions, whether there are nulls, element type, length, first index
_EMPTY = Struct("!iiI")
_LENGTH = Struct("!i")
_LONG = Struct("!iq")
_BOOL = {False: b"\0\0\0\1\0", True: b"\0\0\0\1\1"}
_NULL = _LENGTH.pack(-1)


class Column(list[Any]):
    """The values of one column."""


class Texts(Column):
    """`text[]`; a zero character, which PostgreSQL's text cannot hold, becomes a replacement character."""


class Blobs(Column):
    """`bytea[]`."""


class Longs(Column):
    """`bigint[]`, with nulls."""


class Bools(Column):
    """`boolean[]`."""


def text(value: str) -> str:
    """A text as PostgreSQL can hold it."""
    return value.replace("\0", "\ufffd") if "\0" in value else value


def _blob(value: bytes) -> bytes:
    return _LENGTH.pack(len(value)) + value


def _text(value: str) -> bytes:
    return _blob(text(value).encode())


def _long(value: int | None) -> bytes:
    return _NULL if value is None else _LONG.pack(8, value)


def _dumper(array: int, element: int, pack: Callable[[Any], bytes]) -> type[Dumper]:
    class Packed(Dumper):
        format = Format.BINARY
        oid = array

        def dump(self, obj: Iterable[Any]) -> Buffer:
            packed = [pack(value) for value in obj]
            if not packed:
                return _EMPTY.pack(0, 0, element)
            return _HEAD.pack(1, _NULL in packed, element, len(packed), 1) + b"".join(packed)

    return Packed


def register(context: AdaptContext) -> None:
    """Teach a connection the columns."""
    adapters = context.adapters
    assert adapters is not None
    adapters.register_dumper(Texts, _dumper(1009, 25, _text))
    adapters.register_dumper(Blobs, _dumper(1001, 17, _blob))
    adapters.register_dumper(Longs, _dumper(1016, 20, _long))
    adapters.register_dumper(Bools, _dumper(1000, 16, _BOOL.__getitem__))
