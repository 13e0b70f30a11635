-- Visits in a row that found nothing new are counted where the visit is written anyway; they become one row of poll
-- when something else happens.
ALTER TABLE source ADD COLUMN calm BIGINT NOT NULL DEFAULT 0;
-- How long the last of them took (ms).
ALTER TABLE source ADD COLUMN calm_ms BIGINT NOT NULL DEFAULT 0;
