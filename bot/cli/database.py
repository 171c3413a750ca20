"""The PostgreSQL database of the settings: whether the log can be kept there."""

from __future__ import annotations

from pathlib import Path

from bot.cli.finding import Finding
from bot.cli.log import DatabaseLog, log_of
from bot.cli.trouble import Trouble
from orchestration.errors import TandemError

_PART = "Database"


def examine(state: Path) -> list[Finding]:
    """What is found there; nothing if the log is a file."""
    log = log_of(state)
    return _examine(log) if isinstance(log, DatabaseLog) else []


def _examine(log: DatabaseLog) -> list[Finding]:
    from orchestration.stores.migrations import migrations

    try:
        server = log.rows("SELECT current_setting('server_version'), current_setting('fsync')")[0]
    except TandemError as error:
        way_out = "Are TANDEM_DATABASE_URL and TANDEM_DATABASE_LOGIN right, and may this machine reach it?"
        return [Finding(_PART, "bad", error.message, way_out)]
    found = [Finding(_PART, "good", f"PostgreSQL {server[0]} answers: {log.name}")]
    if server[1] != "on":
        text = "The server does not sync what it commits (fsync is off): a power cut may cost the log."
        found.append(Finding(_PART, "bad", text, "Set fsync = on in its configuration."))
    try:
        known, (schema,) = len(migrations("postgres")), log.rows("SELECT max(number) FROM schema_versions")[0]
        runs, open_runs = log.rows("SELECT count(*), count(*) FILTER (WHERE open) FROM runs")[0]
        owner = log.owner()
    except Trouble as error:
        return [*found, Finding(_PART, "note", error.message)]
    if schema > known:
        text = f"The log there has schema {schema}; this Tandem knows {known}."
        found.append(Finding(_PART, "bad", text, "Update Tandem, or use another database."))
    else:
        found.append(Finding(_PART, "good", f"The log there: schema {schema}, {runs} runs, {open_runs} open"))
    text = f"It is owned by {owner}; a second bot would wait as its standby." if owner else "Nobody owns the log."
    return [*found, Finding(_PART, "good", text)]
