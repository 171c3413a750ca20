"""The numbered steps from an empty database to today's: `{dialect}/{number}_{name}.sql`, applied once and in order."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from orchestration.errors import Invalid

_NAME = re.compile(r"(\d{4})_\w+\.sql")


class Migration(NamedTuple):
    """One step; what was released is never edited, only followed by another."""

    number: int
    name: str
    sql: str


@cache
def migrations(dialect: str) -> tuple[Migration, ...]:
    """All steps of `sqlite` or `postgres`, the first one first."""
    found = {each.name: each for each in files(__name__).joinpath(dialect).iterdir() if _NAME.fullmatch(each.name)}
    steps = tuple(
        Migration(int(name[:4]), name.removesuffix(".sql"), found[name].read_text("utf-8")) for name in sorted(found)
    )
    assert [step.number for step in steps] == [*range(1, len(steps) + 1)], f"{dialect}: numbers are not 1, 2, 3 ..."
    return steps


def pending(dialect: str, version: int, *, where: str) -> tuple[Migration, ...]:
    """The steps that a database at `version` still needs.

    Raises:
        Invalid: A newer Tandem wrote it.
    """
    steps = migrations(dialect)
    if version > len(steps):
        raise Invalid(
            f"{where} was written by a newer Tandem (schema {version}, this one knows {len(steps)}): update Tandem"
        )
    return steps[version:]
