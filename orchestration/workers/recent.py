"""`files.recent`, `files.names` and `files.choose`: which files are meant."""

from __future__ import annotations

import re
from datetime import date

import msgspec

from orchestration.capabilities import TaskContext, worker
from orchestration.errors import InvalidContent, NotFound
from orchestration.workers.sources import File, counted, gist

MOST_NAMES = 20
READABLE = frozenset({"docx", "pdf", "xlsx", "txt", "md"})
_WORD = re.compile(r"[^\W_]+")


class Found(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `files.recent`.

    Attributes:
        files: As `files.search` finds them.
        first_day: Changed on this day (UTC) or later; none: whenever.
        last_day: Changed on this day or before.
        most: Files at most.
    """

    files: list[File]
    first_day: date | None = None
    last_day: date | None = None
    most: int = 10


class Files(msgspec.Struct, frozen=True, kw_only=True):
    """Files, the latest first; `readable` are those of them whose text can be had."""

    files: list[File]
    readable: list[File]


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `files.choose`: what somebody called a file, and those that were found."""

    said: str
    files: list[File]


class Listed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `files.names`.

    Attributes:
        said: Names of files with semicolons between them: names hold commas.
    """

    said: str


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """Names of files in the order given, each once."""

    names: list[str]


@worker(
    "files.recent", title="Pick the latest files", attempts=1, summarize=lambda found: counted(len(found.files), "file")
)
async def recent(found: Found, task: TaskContext) -> Files:
    """The files that were changed in the period."""
    del task
    files = {(each.drive, each.item): each for each in found.files}.values()
    dated = [(each.changed, each) for each in files if each.changed is not None]
    kept = [
        each
        for when, each in sorted(dated, key=lambda pair: pair[0], reverse=True)
        if (found.first_day is None or when.date() >= found.first_day)
        and (found.last_day is None or when.date() <= found.last_day)
    ][: max(found.most, 1)]
    return Files(files=kept, readable=[each for each in kept if each.name.rpartition(".")[2].lower() in READABLE])


@worker(
    "files.names", title="See which are meant", attempts=1, summarize=lambda found: counted(len(found.names), "file")
)
async def names(listed: Listed, task: TaskContext) -> Names:
    """What somebody wrote, one name for each file.

    Raises:
        InvalidContent: There is none, or there are too many.
    """
    del task
    found = list(dict.fromkeys(" ".join(each.split()) for each in re.split(r"[;\n]", listed.said) if each.strip()))
    if not found:
        raise InvalidContent("Which files? Give their names, with semicolons between them.")
    if len(found) > MOST_NAMES:
        raise InvalidContent(f"{len(found)} files are too many at once: name up to {MOST_NAMES}.")
    return Names(names=found)


@worker("files.choose", title="Find the one that is meant", attempts=1, summarize=lambda file: gist(file.name, 80))
async def choose(wanted: Wanted, task: TaskContext) -> File:
    """The one file that is meant: by its whole name, else by all the words in its name, else the only one.

    Raises:
        NotFound: None was found.
        InvalidContent: Several may be meant; they are named.
    """
    del task
    said = wanted.said.strip().casefold()
    files = {(each.drive, each.item): each for each in wanted.files}.values()
    if not files:
        raise NotFound(f"You can open no file with “{gist(wanted.said, 80)}” in it. Say it as the file is called.")
    exact = [each for each in files if said in (each.name.casefold(), each.name.rpartition(".")[0].casefold())]
    words = set(_WORD.findall(said))
    named = [each for each in files if words and words <= set(_WORD.findall(each.name.casefold()))]
    for found in (exact, named, list(files)):
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(f"“{gist(each.name, 80)}”" for each in found[:5])
            more = f" and {len(found) - 5} more" if len(found) > 5 else ""
            raise InvalidContent(f"Several files may be meant: {names}{more}. Ask again with the whole name.")
    raise AssertionError("there is at least one file")
