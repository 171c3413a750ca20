CREATE TABLE snapshots (                  -- the newest of each run: its state after `seq` events, a short cut and no truth
    run_id  text COLLATE "C" PRIMARY KEY,
    seq     bigint NOT NULL,
    version text NOT NULL,                -- of the code that gives the state its meaning
    body    bytea NOT NULL                -- MessagePack
);
ALTER TABLE snapshots ALTER COLUMN body SET STORAGE EXTERNAL;  -- read whole and at once: not worth compressing

CREATE INDEX commands_run ON commands (run_id);  -- for removing a run
