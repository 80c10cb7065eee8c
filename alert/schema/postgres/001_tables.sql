-- The tables of alerts. Times are Unix milliseconds; 0 is none.

-- +goose Up
CREATE TABLE parley_alert_state (
  name   TEXT    NOT NULL PRIMARY KEY,
  number BIGINT NOT NULL,
  value  TEXT    NOT NULL
);

CREATE TABLE parley_alert_groups (
  id        TEXT    NOT NULL PRIMARY KEY,
  receiver  TEXT    NOT NULL,
  name      TEXT    NOT NULL,
  due       BIGINT NOT NULL, -- when it is looked at; 0: when something comes
  told_at   BIGINT NOT NULL, -- when a mail of it was last written
  since     BIGINT NOT NULL, -- when it began to fire; 0: it does not
  escalated BIGINT NOT NULL,
  first_id  TEXT    NOT NULL, -- the Message-ID that its thread begins with; empty: the next mail begins one
  last_id   TEXT    NOT NULL,
  held      TEXT    NOT NULL, -- why what is new waits: quiet, rate, stall
  trouble   TEXT    NOT NULL  -- why its last mail did not arrive
);
CREATE INDEX parley_alert_groups_due ON parley_alert_groups (due) WHERE due > 0;

CREATE TABLE parley_alert_alerts (
  grp      TEXT    NOT NULL,
  print    TEXT    NOT NULL,
  state    BIGINT NOT NULL,
  version  BIGINT NOT NULL, -- grows with each change that is to be told
  told     BIGINT NOT NULL, -- the version that a mail told of
  count    BIGINT NOT NULL, -- how often it came since
  severity TEXT    NOT NULL,
  title    TEXT    NOT NULL,
  body     TEXT    NOT NULL,
  labels   TEXT    NOT NULL, -- JSON
  url      TEXT    NOT NULL,
  starts   BIGINT NOT NULL,
  ends     BIGINT NOT NULL,
  seen     BIGINT NOT NULL,
  PRIMARY KEY (grp, print)
);
CREATE INDEX parley_alert_alerts_print ON parley_alert_alerts (print) WHERE state = 0;
CREATE INDEX parley_alert_alerts_ends ON parley_alert_alerts (ends) WHERE state = 0 AND ends > 0;

-- Mails that were put into the outbox.
CREATE TABLE parley_alert_mails (
  message  BIGINT NOT NULL PRIMARY KEY,
  receiver TEXT    NOT NULL,
  at       BIGINT NOT NULL,
  state    BIGINT NOT NULL, -- 0 on its way, 1 being taken back, 2 over
  summary  BIGINT NOT NULL  -- 1: of several groups; 2: it took the place of what could not leave
);
CREATE INDEX parley_alert_mails_open ON parley_alert_mails (state, receiver) WHERE state < 2;
CREATE INDEX parley_alert_mails_at ON parley_alert_mails (receiver, at);

-- What a mail tells.
CREATE TABLE parley_alert_told (
  message BIGINT NOT NULL,
  grp     TEXT    NOT NULL,
  print   TEXT    NOT NULL,
  version BIGINT NOT NULL,
  before  BIGINT NOT NULL, -- what was told before it
  count   BIGINT NOT NULL,
  PRIMARY KEY (message, grp, print)
);

-- How a group stood before a mail.
CREATE TABLE parley_alert_marks (
  message  BIGINT NOT NULL,
  grp      TEXT    NOT NULL,
  first_id TEXT    NOT NULL,
  last_id  TEXT    NOT NULL,
  told_at  BIGINT NOT NULL,
  escalated BIGINT NOT NULL,
  PRIMARY KEY (message, grp)
);
CREATE INDEX parley_alert_marks_of ON parley_alert_marks (grp, message);

CREATE TABLE parley_alert_samples (
  series TEXT    NOT NULL,
  at     BIGINT NOT NULL,
  value  DOUBLE PRECISION    NOT NULL,
  bad    BIGINT NOT NULL,
  PRIMARY KEY (series, at)
);

CREATE TABLE parley_alert_watches (
  name     TEXT    NOT NULL PRIMARY KEY,
  failures BIGINT NOT NULL, -- in a row
  firing   BIGINT NOT NULL,
  looked   BIGINT NOT NULL,
  error    TEXT    NOT NULL
);

-- Signs of life.
CREATE TABLE parley_alert_beats (
  name     TEXT    NOT NULL PRIMARY KEY,
  receiver TEXT    NOT NULL,
  every    BIGINT NOT NULL, -- milliseconds, with the grace
  at       BIGINT NOT NULL,
  firing   BIGINT NOT NULL
);

-- +goose Down
DROP TABLE parley_alert_beats;
DROP TABLE parley_alert_watches;
DROP TABLE parley_alert_samples;
DROP TABLE parley_alert_marks;
DROP TABLE parley_alert_told;
DROP TABLE parley_alert_mails;
DROP TABLE parley_alert_alerts;
DROP TABLE parley_alert_groups;
DROP TABLE parley_alert_state;
