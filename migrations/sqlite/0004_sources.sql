-- Every sort of source: what a site's robots.txt said outlives a restart.

CREATE TABLE robots (
  -- Scheme, host and port.
  authority TEXT PRIMARY KEY,
  -- Until when it is believed.
  until_at INTEGER NOT NULL,
  -- The file; empty where there is none. NULL where it could not be read, which counts as a no.
  body BLOB,
  -- Why it could not be read.
  why TEXT NOT NULL
) STRICT;

-- Claims go through it in the order of names where many are due at one instant.
DROP INDEX source_due;
CREATE INDEX source_due ON source (next_due_at, id) WHERE retired_at IS NULL;

-- Visits in a row that found nothing new are one row.
ALTER TABLE poll ADD COLUMN times INTEGER NOT NULL DEFAULT 1;

-- Pairs of places of a document's MinHash, numbered by where they stand: what shares one may share a story.
CREATE TABLE minband (
  band INTEGER NOT NULL,
  document INTEGER NOT NULL REFERENCES document (id) ON DELETE CASCADE,
  PRIMARY KEY (band, document)
) STRICT;
CREATE INDEX minband_document ON minband (document);

-- What a gap is about, where the source's last outcome does not say it: a source that answers and says nothing new.
ALTER TABLE gap ADD COLUMN detail TEXT NOT NULL DEFAULT '';
