CREATE TABLE snapshots (                  -- the newest of each run: its state after `seq` events, a short cut and no truth
    run_id  TEXT PRIMARY KEY,
    seq     INTEGER NOT NULL,
    version TEXT NOT NULL,                -- of the code that gives the state its meaning
    body    BLOB NOT NULL                 -- MessagePack
);

CREATE INDEX commands_run ON commands (run_id);  -- for removing a run
