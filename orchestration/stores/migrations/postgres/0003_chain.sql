ALTER TABLE events ADD COLUMN link bytea;  -- digest of the link before and of this event; NULL before there was a chain
ALTER TABLE events ADD COLUMN seal bytea;  -- what stands for the personal part in the link, once its salt was erased
