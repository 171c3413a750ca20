-- The log is `events`; everything else follows from it or belongs to it. As SQLite's, in PostgreSQL's words.
CREATE TABLE events (
    run_id text COLLATE "C" NOT NULL,
    seq    bigint NOT NULL,               -- 1, 2, 3 ... in each run
    at     bigint NOT NULL,               -- microseconds since 1970, UTC: to_timestamp(at / 1e6)
    type   text COLLATE "C" NOT NULL,
    body   bytea NOT NULL,                -- JSON: convert_from(body, 'UTF8')::jsonb
    PRIMARY KEY (run_id, seq)
);

CREATE TABLE entries (                    -- what tasks produced and people were shown
    run_id text COLLATE "C" NOT NULL,
    entry  text COLLATE "C" NOT NULL,     -- digest keyed with the run's salt
    body   bytea NOT NULL,                -- JSON
    PRIMARY KEY (run_id, entry)
);

CREATE TABLE salts (run_id text COLLATE "C" PRIMARY KEY, salt bytea NOT NULL);

CREATE TABLE commands (                   -- what was applied once
    command_id text COLLATE "C" PRIMARY KEY,
    run_id     text COLLATE "C" NOT NULL
);

CREATE TABLE runs (                       -- projection
    run_id      text COLLATE "C" PRIMARY KEY,
    status      text NOT NULL,
    title       text NOT NULL,
    initiator   text COLLATE "C" NOT NULL,
    open        boolean NOT NULL,
    due         boolean NOT NULL,
    wake_at     bigint,
    proposed_at bigint NOT NULL,
    seq         bigint NOT NULL
) WITH (fillfactor = 70);                 -- rows change with every round: new versions stay on their page
CREATE INDEX runs_open ON runs (proposed_at) WHERE open;
CREATE INDEX runs_initiator ON runs (initiator, proposed_at);

CREATE TABLE approvals (                  -- projection: a row for each person who may answer
    run_id   text COLLATE "C" NOT NULL,
    approval text COLLATE "C" NOT NULL,
    person   text COLLATE "C" NOT NULL,
    open     boolean NOT NULL,
    PRIMARY KEY (run_id, approval, person)
);
CREATE INDEX approvals_open ON approvals (person) WHERE open;

CREATE TABLE documents (                  -- small durable things that are no fact of a run
    kind text COLLATE "C" NOT NULL,
    key  text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (kind, key)
);
