"""`tandem export`: events as CloudEvents, a line of JSON each; reads beside the running bot."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.cli.durations import seconds_of
from bot.cli.log import Log
from bot.cli.trouble import Trouble
from orchestration.audit.cloudevents import line
from orchestration.stores.rows import EVENTS, event_rows, stamp


def since(text: str, now: datetime | None = None) -> datetime:
    """An instant: ISO 8601, or how long ago.

    Raises:
        Trouble: It is neither.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        try:
            return (now or datetime.now(UTC)) - timedelta(seconds=seconds_of(text))
        except OverflowError:
            raise Trouble(f"{text!r} is longer ago than any date: write 90d, for instance") from None
    return instant if instant.tzinfo else instant.astimezone()


def lines(log: Log, run_id: str, after: datetime | None) -> Iterator[bytes]:
    """The events of a run, or of every run, from an instant on.

    Raises:
        Trouble: The log cannot be read.
    """
    first = stamp(after) if after else -(2**62)
    every = [] if run_id else log.rows("SELECT run_id FROM runs ORDER BY proposed_at, run_id")
    for each in [run_id] if run_id else [each for (each,) in every]:
        for row in event_rows(each, log.rows(f"{EVENTS} WHERE run_id = ? AND at >= ? ORDER BY seq", each, first)):
            yield line(row)


def write(found: Iterator[bytes], out: Path | None) -> int:
    """To a new file that only its owner may read, or to standard output; how many.

    Raises:
        Trouble: The file exists or cannot be written.
    """
    count = 0
    try:
        if out is None:
            for each in found:
                sys.stdout.buffer.write(each)
                count += 1
            sys.stdout.buffer.flush()
            return count
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for each in found:
                file.write(each)
                count += 1
    except FileExistsError:
        raise Trouble(f"{out} exists already: give the name of a new file, so that nothing is overwritten.") from None
    except OSError as error:
        raise Trouble(f"{out or 'the output'} cannot be written: {error.strerror}") from error
    return count
