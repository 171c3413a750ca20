-- The log is `events`; everything else follows from it or belongs to it.
CREATE TABLE events (
    run_id TEXT NOT NULL,
    seq    INTEGER NOT NULL,              -- 1, 2, 3 ... in each run
    at     INTEGER NOT NULL,              -- microseconds since 1970, UTC
    type   TEXT NOT NULL,
    body   BLOB NOT NULL,                 -- JSON
    PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;

CREATE TABLE entries (                    -- what tasks produced and people were shown
    run_id TEXT NOT NULL,
    entry  TEXT NOT NULL,                 -- digest keyed with the run's salt
    body   BLOB NOT NULL,                 -- JSON
    PRIMARY KEY (run_id, entry)
);

CREATE TABLE salts (run_id TEXT PRIMARY KEY, salt BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE commands (                   -- what was applied once
    command_id TEXT PRIMARY KEY,
    run_id     TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE runs (                       -- projection
    run_id      TEXT PRIMARY KEY,
    status      TEXT NOT NULL,
    title       TEXT NOT NULL,
    initiator   TEXT NOT NULL,
    open        INTEGER NOT NULL,
    due         INTEGER NOT NULL,
    wake_at     INTEGER,
    proposed_at INTEGER NOT NULL,
    seq         INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX runs_open ON runs (proposed_at) WHERE open;
CREATE INDEX runs_initiator ON runs (initiator, proposed_at);

CREATE TABLE approvals (                  -- projection: a row for each person who may answer
    run_id   TEXT NOT NULL,
    approval TEXT NOT NULL,
    person   TEXT NOT NULL,
    open     INTEGER NOT NULL,
    PRIMARY KEY (run_id, approval, person)
) WITHOUT ROWID;
CREATE INDEX approvals_open ON approvals (person) WHERE open;

CREATE TABLE documents (                  -- small durable things that are no fact of a run
    kind TEXT NOT NULL,
    key  TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;
