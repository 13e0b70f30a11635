-- Every sort of source: what a site's robots.txt said outlives a restart.

CREATE TABLE robots (
  -- Scheme, host and port.
  authority TEXT PRIMARY KEY,
  -- Until when it is believed.
  until_at BIGINT NOT NULL,
  -- The file; empty where there is none. NULL where it could not be read, which counts as a no.
  body BYTEA,
  -- Why it could not be read.
  why TEXT NOT NULL
);
