-- Everything that the main job writes: sources and their visits, entries, documents, hits with
-- findings and stories, the way to the mail, who looked at sealed text, and the counts that stay.
-- Times are Unix milliseconds UTC; lists and spans are JSON text; text from outside is masked.

CREATE TABLE organisation (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL
);

CREATE TABLE source (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  url TEXT NOT NULL,
  host TEXT NOT NULL,
  organisations TEXT NOT NULL,
  document_kind TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  retired_at BIGINT,
  next_due_at BIGINT NOT NULL,
  lease_until BIGINT NOT NULL DEFAULT 0,
  lease_by TEXT NOT NULL DEFAULT '',
  fence BIGINT NOT NULL DEFAULT 0,
  etag TEXT,
  last_modified TEXT,
  body_hash TEXT,
  -- Names what the entries were matched against; when it changes, everything is read again.
  generation TEXT NOT NULL DEFAULT '',
  first_polled_at BIGINT,
  last_polled_at BIGINT,
  last_good_at BIGINT,
  -- When a body was last read, rather than found unchanged.
  read_at BIGINT,
  last_outcome TEXT NOT NULL DEFAULT '',
  last_detail TEXT NOT NULL DEFAULT '',
  -- Weighted failures in a row, in quarters: hard 4, soft 2, temporary 1.
  failures BIGINT NOT NULL DEFAULT 0,
  repaired BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX source_due ON source (next_due_at) WHERE retired_at IS NULL;

CREATE TABLE host (
  name TEXT PRIMARY KEY,
  next_at BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE poll (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source TEXT NOT NULL REFERENCES source (id),
  at BIGINT NOT NULL,
  outcome TEXT NOT NULL,
  detail TEXT NOT NULL,
  status BIGINT,
  entries BIGINT NOT NULL,
  hits BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  took_ms BIGINT NOT NULL
);
CREATE INDEX poll_source ON poll (source, id);

CREATE TABLE gap (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source TEXT NOT NULL REFERENCES source (id),
  reason TEXT NOT NULL,
  from_at BIGINT NOT NULL,
  until_at BIGINT
);
CREATE INDEX gap_source ON gap (source, from_at);
CREATE INDEX gap_open ON gap (source) WHERE until_at IS NULL;

CREATE TABLE entry (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source TEXT NOT NULL REFERENCES source (id),
  -- Keyed fingerprints: of what tells the entry from others, and of what it said.
  key TEXT NOT NULL,
  content TEXT NOT NULL,
  state TEXT NOT NULL,
  first_seen_at BIGINT NOT NULL,
  -- When the source last listed it, to the day: fingerprints outlive their entry, not the other way.
  listed_at BIGINT NOT NULL,
  backlog BIGINT NOT NULL DEFAULT 0,
  -- Only while its page waits to be fetched:
  sealed BYTEA,
  key_id TEXT,
  host TEXT,
  due_at BIGINT,
  attempts BIGINT NOT NULL DEFAULT 0,
  lease_until BIGINT NOT NULL DEFAULT 0,
  lease_by TEXT NOT NULL DEFAULT '',
  fence BIGINT NOT NULL DEFAULT 0,
  detail TEXT NOT NULL DEFAULT '',
  UNIQUE (source, key)
);
CREATE INDEX entry_due ON entry (due_at) WHERE state = 'waiting';

CREATE TABLE document (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  entry BIGINT NOT NULL UNIQUE REFERENCES entry (id),
  kind TEXT NOT NULL,
  url TEXT NOT NULL,
  linkable BIGINT NOT NULL,
  title TEXT NOT NULL,
  published_at BIGINT,
  doubt TEXT,
  first_seen_at BIGINT NOT NULL,
  language TEXT,
  -- Keyed fingerprints of address, title and text, and the SimHash with its four bands.
  address_key TEXT NOT NULL,
  title_key TEXT NOT NULL,
  text_key TEXT NOT NULL,
  simhash BIGINT NOT NULL,
  band0 BIGINT NOT NULL,
  band1 BIGINT NOT NULL,
  band2 BIGINT NOT NULL,
  band3 BIGINT NOT NULL,
  sealed BYTEA NOT NULL,
  key_id TEXT NOT NULL
);
CREATE INDEX document_address ON document (address_key);
CREATE INDEX document_title ON document (title_key);
CREATE INDEX document_text ON document (text_key);
CREATE INDEX document_band0 ON document (band0);
CREATE INDEX document_band1 ON document (band1);
CREATE INDEX document_band2 ON document (band2);
CREATE INDEX document_band3 ON document (band3);

CREATE TABLE story (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organisation TEXT NOT NULL REFERENCES organisation (id),
  created_at BIGINT NOT NULL
);

CREATE TABLE hit (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  document BIGINT NOT NULL REFERENCES document (id),
  organisation TEXT NOT NULL REFERENCES organisation (id),
  source TEXT NOT NULL REFERENCES source (id),
  story BIGINT NOT NULL REFERENCES story (id),
  at BIGINT NOT NULL,
  day TEXT NOT NULL,
  severity TEXT NOT NULL,
  -- The severity without restricted findings, which is all that most readers may know.
  open_severity TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'new',
  version BIGINT NOT NULL DEFAULT 1,
  backlog BIGINT NOT NULL,
  restricted BIGINT NOT NULL,
  -- The first hit of its story: the one that the story counts on.
  leads BIGINT NOT NULL,
  mentions TEXT NOT NULL,
  -- Keyed fingerprints of what was found, so that an edit that adds something is told.
  said TEXT NOT NULL,
  -- 1 where all that was found is employees' conduct, which the profile does not let us keep.
  withheld BIGINT NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  UNIQUE (document, organisation)
);
CREATE INDEX hit_day ON hit (day);
CREATE INDEX hit_story ON hit (story);

CREATE TABLE finding (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  hit BIGINT NOT NULL REFERENCES hit (id) ON DELETE CASCADE,
  category TEXT NOT NULL,
  rule TEXT NOT NULL,
  rule_version BIGINT NOT NULL,
  severity TEXT NOT NULL,
  score DOUBLE PRECISION NOT NULL,
  clauses TEXT NOT NULL,
  binds TEXT NOT NULL,
  origin TEXT,
  writer TEXT,
  at_risk BIGINT,
  restricted BIGINT NOT NULL,
  spans TEXT NOT NULL,
  reason TEXT NOT NULL,
  -- When an edit took it away: what was once exposed stays known.
  gone_at BIGINT
);
CREATE INDEX finding_hit ON finding (hit);

CREATE TABLE outbox (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  hit BIGINT NOT NULL UNIQUE REFERENCES hit (id) ON DELETE CASCADE,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE alert (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind TEXT NOT NULL,
  organisation TEXT NOT NULL,
  message_id TEXT NOT NULL UNIQUE,
  at BIGINT NOT NULL,
  subject TEXT NOT NULL,
  text TEXT NOT NULL,
  html TEXT NOT NULL
);

CREATE TABLE decision (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  hit BIGINT NOT NULL REFERENCES hit (id) ON DELETE CASCADE,
  version BIGINT NOT NULL,
  recipients TEXT NOT NULL,
  reason TEXT NOT NULL,
  -- How grave what the group was told of.
  severity TEXT NOT NULL,
  at BIGINT NOT NULL,
  -- When it is due, where it waits for a digest; then which alert told of it.
  due_at BIGINT,
  alert BIGINT REFERENCES alert (id)
);
CREATE INDEX decision_hit ON decision (hit);
CREATE INDEX decision_due ON decision (due_at) WHERE alert IS NULL;

CREATE TABLE delivery (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  alert BIGINT NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
  recipient TEXT NOT NULL,
  channel TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'queued',
  attempts BIGINT NOT NULL DEFAULT 0,
  next_at BIGINT NOT NULL,
  lease_until BIGINT NOT NULL DEFAULT 0,
  fence BIGINT NOT NULL DEFAULT 0,
  detail TEXT NOT NULL DEFAULT '',
  sent_at BIGINT,
  UNIQUE (alert, recipient, channel)
);
CREATE INDEX delivery_due ON delivery (next_at) WHERE state = 'queued';

CREATE TABLE audit (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at BIGINT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  purpose TEXT NOT NULL,
  subject TEXT NOT NULL
);

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
  hits BIGINT NOT NULL,
  stories BIGINT NOT NULL,
  PRIMARY KEY (day, organisation, scope, category, severity, origin, source, status, rule)
);

CREATE TABLE key (
  id TEXT PRIMARY KEY,
  created_at BIGINT NOT NULL
);
