"""The statements of the PostgreSQL store that write many rows at once."""

from __future__ import annotations

from functools import cache

from orchestration.ports import Batch
from orchestration.stores.arrays import Blobs, Bools, Column, Longs, Texts
from orchestration.stores.rows import run_values, stamp

VERSIONS = """
CREATE TABLE IF NOT EXISTS schema_versions (
    number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
)
"""

# Who holds the lock of this schema: "tandem HOST PROCESS", as `application_name` says.
OWNER = """
SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.database = a.datid AND a.datname = current_database()
AND l.objsubid = 2 AND l.classid::bigint = %s
AND l.objid::bigint = hashtext(current_schema())::bigint & 4294967295
"""

REMOVE = """
WITH gone AS (
    DELETE FROM runs r USING unnest(%s::text[], %s::bigint[]) AS asked (run_id, seq)
    WHERE r.run_id = asked.run_id AND r.seq = asked.seq AND NOT r.open RETURNING r.run_id
),
of_events AS (DELETE FROM events WHERE run_id IN (SELECT run_id FROM gone)),
of_entries AS (DELETE FROM entries WHERE run_id IN (SELECT run_id FROM gone)),
of_salts AS (DELETE FROM salts WHERE run_id IN (SELECT run_id FROM gone)),
of_commands AS (DELETE FROM commands WHERE run_id IN (SELECT run_id FROM gone)),
of_approvals AS (DELETE FROM approvals WHERE run_id IN (SELECT run_id FROM gone)),
of_snapshots AS (DELETE FROM snapshots WHERE run_id IN (SELECT run_id FROM gone))
SELECT run_id FROM gone
"""

_INSERT = {
    "salts": "INSERT INTO salts SELECT * FROM unnest(%s::text[], %s::bytea[])",
    "events": (
        "INSERT INTO events (run_id, seq, at, type, body, link) "
        "SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::text[], %s::bytea[], %s::bytea[])"
    ),
    "entries": "INSERT INTO entries SELECT * FROM unnest(%s::text[], %s::text[], %s::bytea[]) ON CONFLICT DO NOTHING",
    "commands": "INSERT INTO commands SELECT * FROM unnest(%s::text[], %s::text[])",
    "runs": (
        "INSERT INTO runs SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::boolean[], "
        "%s::boolean[], %s::bigint[], %s::bigint[], %s::bigint[]) ON CONFLICT (run_id) DO UPDATE SET "
        "status = excluded.status, open = excluded.open, due = excluded.due, wake_at = excluded.wake_at, "
        "seq = excluded.seq"
    ),
    "approvals": (
        "INSERT INTO approvals SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::boolean[]) "
        "ON CONFLICT (run_id, approval, person) DO UPDATE SET open = excluded.open"
    ),
    "snapshots": (
        "INSERT INTO snapshots SELECT * FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::bytea[]) "
        "ON CONFLICT (run_id) DO UPDATE SET seq = excluded.seq, version = excluded.version, body = excluded.body"
    ),
}  # fmt: skip


@cache
def _statement(tables: tuple[str, ...]) -> bytes:
    """One statement that writes to all of these tables; parts of a WITH run whether or not somebody reads them."""
    *before, last = tables
    parts = ", ".join(f"{table}_written AS ({_INSERT[table]})" for table in before)
    return (f"WITH {parts} " if parts else "").encode() + _INSERT[last].encode()


def appending(batch: Batch) -> tuple[bytes, list[Column]]:
    """The one statement that writes a batch, and its parameters; no parameters if there is nothing to write."""
    columns: dict[str, list[Column]] = {}
    if batch.salts:
        columns["salts"] = [Texts(run_id for run_id, _ in batch.salts), Blobs(salt for _, salt in batch.salts)]
    if batch.events:
        columns["events"] = [
            Texts(row.run_id for row in batch.events),
            Longs(row.seq for row in batch.events),
            Longs(stamp(row.at) for row in batch.events),
            Texts(row.type for row in batch.events),
            Blobs(row.body for row in batch.events),
            Blobs(row.link for row in batch.events),
        ]
    if batch.entries:
        columns["entries"] = [
            Texts(row.run_id for row in batch.entries),
            Texts(row.entry for row in batch.entries),
            Blobs(row.body for row in batch.entries),
        ]
    if batch.commands:
        columns["commands"] = [
            Texts(row.command_id for row in batch.commands),
            Texts(row.run_id for row in batch.commands),
        ]
    if batch.runs:  # the newest row of each: one statement cannot change a row twice
        newest = {row.run_id: row for row in batch.runs}
        types = (Texts, Texts, Texts, Texts, Bools, Bools, Longs, Longs, Longs)
        columns["runs"] = [
            type_(values)
            for type_, values in zip(types, zip(*map(run_values, newest.values()), strict=True), strict=True)
        ]
    if batch.approvals:
        asked = {(row.run_id, row.approval, row.person): row for row in batch.approvals}.values()
        columns["approvals"] = [
            Texts(row.run_id for row in asked),
            Texts(row.approval for row in asked),
            Texts(row.person for row in asked),
            Bools(row.open for row in asked),
        ]
    if batch.snapshots:
        taken = {row.run_id: row for row in batch.snapshots}.values()
        columns["snapshots"] = [
            Texts(row.run_id for row in taken),
            Longs(row.seq for row in taken),
            Texts(row.version for row in taken),
            Blobs(row.body for row in taken),
        ]
    values = [column for of_table in columns.values() for column in of_table]
    return (_statement(tuple(columns)) if values else b""), values
