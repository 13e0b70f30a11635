-- Acquisition: what a source shows of itself from visit to visit, what it listed last, what was edited or removed,
-- and whether anybody was told that it is blind.

-- What it took to read it: strict, repair or lenient.
ALTER TABLE source ADD COLUMN reader TEXT NOT NULL DEFAULT '';
-- Its rhythm, as JSON: what it asks for, how often something new stood there, when last.
ALTER TABLE source ADD COLUMN pace TEXT NOT NULL DEFAULT '';
-- Permanent redirects seen in a row, as JSON; the address that was adopted after enough of them.
ALTER TABLE source ADD COLUMN moving TEXT NOT NULL DEFAULT '';
ALTER TABLE source ADD COLUMN moved_to TEXT;
-- When it was found gone for good: it is not asked any more by itself.
ALTER TABLE source ADD COLUMN stopped_at INTEGER;
-- Polls in a row that needed a repair or the lenient reader.
ALTER TABLE source ADD COLUMN mended INTEGER NOT NULL DEFAULT 0;

-- What a source listed last, in its order: keyed fingerprints of entries, or of a page's blocks.
CREATE TABLE listing (
  source TEXT PRIMARY KEY REFERENCES source (id),
  keys BLOB NOT NULL
) STRICT;

-- When its words changed after it was first seen, and when its publisher took it away.
ALTER TABLE entry ADD COLUMN edited_at INTEGER;
ALTER TABLE entry ADD COLUMN gone_at INTEGER;

-- When people were told of it.
ALTER TABLE gap ADD COLUMN warned_at INTEGER;
-- When a visit failed for the first time: a source that is seldom polled was last read long before.
ALTER TABLE gap ADD COLUMN opened_at INTEGER;

-- The MinHash of its text: how much of their words two documents share.
ALTER TABLE document ADD COLUMN minhash BLOB;
-- Whose words are compared when a story is looked for.
CREATE INDEX hit_reach ON hit (organisation, at);
