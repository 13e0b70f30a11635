-- Detection: whether the person whom a finding exposes looks under 18.
ALTER TABLE finding ADD COLUMN child INTEGER NOT NULL DEFAULT 0;
