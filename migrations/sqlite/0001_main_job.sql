-- Everything that the main job writes: sources and their visits, entries, documents, hits with
-- findings and stories, the way to the mail, who looked at sealed text, and the counts that stay.
-- Times are Unix milliseconds UTC; lists and spans are JSON text; text from outside is masked.

CREATE TABLE organisation (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL
) STRICT;

CREATE TABLE source (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  url TEXT NOT NULL,
  host TEXT NOT NULL,
  organisations TEXT NOT NULL,
  document_kind TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  retired_at INTEGER,
  next_due_at INTEGER NOT NULL,
  lease_until INTEGER NOT NULL DEFAULT 0,
  lease_by TEXT NOT NULL DEFAULT '',
  fence INTEGER NOT NULL DEFAULT 0,
  etag TEXT,
  last_modified TEXT,
  body_hash TEXT,
  -- Names what the entries were matched against; when it changes, everything is read again.
  generation TEXT NOT NULL DEFAULT '',
  first_polled_at INTEGER,
  last_polled_at INTEGER,
  last_good_at INTEGER,
  -- When a body was last read, rather than found unchanged.
  read_at INTEGER,
  last_outcome TEXT NOT NULL DEFAULT '',
  last_detail TEXT NOT NULL DEFAULT '',
  -- Weighted failures in a row, in quarters: hard 4, soft 2, temporary 1.
  failures INTEGER NOT NULL DEFAULT 0,
  repaired INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX source_due ON source (next_due_at) WHERE retired_at IS NULL;

CREATE TABLE host (
  name TEXT PRIMARY KEY,
  next_at INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE poll (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  source TEXT NOT NULL REFERENCES source (id),
  at INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  detail TEXT NOT NULL,
  status INTEGER,
  entries INTEGER NOT NULL,
  hits INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  took_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX poll_source ON poll (source, id);

CREATE TABLE gap (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  source TEXT NOT NULL REFERENCES source (id),
  reason TEXT NOT NULL,
  from_at INTEGER NOT NULL,
  until_at INTEGER
) STRICT;
CREATE INDEX gap_source ON gap (source, from_at);
CREATE INDEX gap_open ON gap (source) WHERE until_at IS NULL;

CREATE TABLE entry (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  source TEXT NOT NULL REFERENCES source (id),
  -- Keyed fingerprints: of what tells the entry from others, and of what it said.
  key TEXT NOT NULL,
  content TEXT NOT NULL,
  state TEXT NOT NULL,
  first_seen_at INTEGER NOT NULL,
  -- When the source last listed it, to the day: fingerprints outlive their entry, not the other way.
  listed_at INTEGER NOT NULL,
  backlog INTEGER NOT NULL DEFAULT 0,
  -- Only while its page waits to be fetched:
  sealed BLOB,
  key_id TEXT,
  host TEXT,
  due_at INTEGER,
  attempts INTEGER NOT NULL DEFAULT 0,
  lease_until INTEGER NOT NULL DEFAULT 0,
  lease_by TEXT NOT NULL DEFAULT '',
  fence INTEGER NOT NULL DEFAULT 0,
  detail TEXT NOT NULL DEFAULT '',
  UNIQUE (source, key)
) STRICT;
CREATE INDEX entry_due ON entry (due_at) WHERE state = 'waiting';

CREATE TABLE document (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  entry INTEGER NOT NULL UNIQUE REFERENCES entry (id),
  kind TEXT NOT NULL,
  url TEXT NOT NULL,
  linkable INTEGER NOT NULL,
  title TEXT NOT NULL,
  published_at INTEGER,
  doubt TEXT,
  first_seen_at INTEGER NOT NULL,
  language TEXT,
  -- Keyed fingerprints of address, title and text, and the SimHash with its four bands.
  address_key TEXT NOT NULL,
  title_key TEXT NOT NULL,
  text_key TEXT NOT NULL,
  simhash INTEGER NOT NULL,
  band0 INTEGER NOT NULL,
  band1 INTEGER NOT NULL,
  band2 INTEGER NOT NULL,
  band3 INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  key_id TEXT NOT NULL
) STRICT;
CREATE INDEX document_address ON document (address_key);
CREATE INDEX document_title ON document (title_key);
CREATE INDEX document_text ON document (text_key);
CREATE INDEX document_band0 ON document (band0);
CREATE INDEX document_band1 ON document (band1);
CREATE INDEX document_band2 ON document (band2);
CREATE INDEX document_band3 ON document (band3);

CREATE TABLE story (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  organisation TEXT NOT NULL REFERENCES organisation (id),
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE hit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  document INTEGER NOT NULL REFERENCES document (id),
  organisation TEXT NOT NULL REFERENCES organisation (id),
  source TEXT NOT NULL REFERENCES source (id),
  story INTEGER NOT NULL REFERENCES story (id),
  at INTEGER NOT NULL,
  day TEXT NOT NULL,
  severity TEXT NOT NULL,
  -- The severity without restricted findings, which is all that most readers may know.
  open_severity TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'new',
  version INTEGER NOT NULL DEFAULT 1,
  backlog INTEGER NOT NULL,
  restricted INTEGER NOT NULL,
  -- The first hit of its story: the one that the story counts on.
  leads INTEGER NOT NULL,
  mentions TEXT NOT NULL,
  -- Keyed fingerprints of what was found, so that an edit that adds something is told.
  said TEXT NOT NULL,
  -- 1 where all that was found is employees' conduct, which the profile does not let us keep.
  withheld INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  UNIQUE (document, organisation)
) STRICT;
CREATE INDEX hit_day ON hit (day);
CREATE INDEX hit_story ON hit (story);

CREATE TABLE finding (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  hit INTEGER NOT NULL REFERENCES hit (id) ON DELETE CASCADE,
  category TEXT NOT NULL,
  rule TEXT NOT NULL,
  rule_version INTEGER NOT NULL,
  severity TEXT NOT NULL,
  score REAL NOT NULL,
  clauses TEXT NOT NULL,
  binds TEXT NOT NULL,
  origin TEXT,
  writer TEXT,
  at_risk INTEGER,
  restricted INTEGER NOT NULL,
  spans TEXT NOT NULL,
  reason TEXT NOT NULL,
  -- When an edit took it away: what was once exposed stays known.
  gone_at INTEGER
) STRICT;
CREATE INDEX finding_hit ON finding (hit);

CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  hit INTEGER NOT NULL UNIQUE REFERENCES hit (id) ON DELETE CASCADE,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE alert (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  organisation TEXT NOT NULL,
  message_id TEXT NOT NULL UNIQUE,
  at INTEGER NOT NULL,
  subject TEXT NOT NULL,
  text TEXT NOT NULL,
  html TEXT NOT NULL
) STRICT;

CREATE TABLE decision (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  hit INTEGER NOT NULL REFERENCES hit (id) ON DELETE CASCADE,
  version INTEGER NOT NULL,
  recipients TEXT NOT NULL,
  reason TEXT NOT NULL,
  -- How grave what the group was told of.
  severity TEXT NOT NULL,
  at INTEGER NOT NULL,
  -- When it is due, where it waits for a digest; then which alert told of it.
  due_at INTEGER,
  alert INTEGER REFERENCES alert (id)
) STRICT;
CREATE INDEX decision_hit ON decision (hit);
CREATE INDEX decision_due ON decision (due_at) WHERE alert IS NULL;

CREATE TABLE delivery (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  alert INTEGER NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
  recipient TEXT NOT NULL,
  channel TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'queued',
  attempts INTEGER NOT NULL DEFAULT 0,
  next_at INTEGER NOT NULL,
  lease_until INTEGER NOT NULL DEFAULT 0,
  fence INTEGER NOT NULL DEFAULT 0,
  detail TEXT NOT NULL DEFAULT '',
  sent_at INTEGER,
  UNIQUE (alert, recipient, channel)
) STRICT;
CREATE INDEX delivery_due ON delivery (next_at) WHERE state = 'queued';

CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  purpose TEXT NOT NULL,
  subject TEXT NOT NULL
) STRICT;

-- Counts of what retention removed, and of what is never stored (scope 'withheld'). Scope 'hit' counts
-- hits, 'category' hits with a finding of the category, 'rule' hits on which a rule fired.
CREATE TABLE tally (
  day TEXT NOT NULL,
  organisation TEXT NOT NULL,
  scope TEXT NOT NULL,
  category TEXT NOT NULL,
  severity TEXT NOT NULL,
  origin TEXT NOT NULL,
  source TEXT NOT NULL,
  status TEXT NOT NULL,
  rule TEXT NOT NULL,
  hits INTEGER NOT NULL,
  stories INTEGER NOT NULL,
  PRIMARY KEY (day, organisation, scope, category, severity, origin, source, status, rule)
) STRICT;

CREATE TABLE key (
  id TEXT PRIMARY KEY,
  created_at INTEGER NOT NULL
) STRICT;
