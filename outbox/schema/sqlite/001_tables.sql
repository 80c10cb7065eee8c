-- +goose Up

-- One row a message. It does not change until its last recipient is done with; then the content goes.
CREATE TABLE parley_messages (
  id           INTEGER PRIMARY KEY, -- holds the time at which it was put
  origin       TEXT    NOT NULL,    -- who handed it over
  key          TEXT,                -- of idempotency, among those of its origin
  print        BLOB,                -- of what was put with the key
  class        INTEGER NOT NULL,    -- its rank: 0 alert, 1 normal, 2 bulk
  topic        TEXT    NOT NULL,
  not_before   INTEGER NOT NULL,    -- Unix milliseconds, as all times here
  expires      INTEGER NOT NULL,
  unknown      INTEGER NOT NULL,    -- what to do about an unknown outcome
  reverse_path TEXT    NOT NULL,    -- without <>
  options      TEXT    NOT NULL,    -- what else the envelope asks for, as JSON
  sender       TEXT    NOT NULL,    -- From, Subject and Message-ID of the header, to be shown
  subject      TEXT    NOT NULL,
  message_id   TEXT    NOT NULL,
  trace        TEXT    NOT NULL,    -- W3C traceparent
  form         INTEGER NOT NULL,    -- 1: has octets over 127; 2: its header is in UTF-8
  size         INTEGER NOT NULL,    -- octets of the content
  pieces       INTEGER NOT NULL,    -- 0: the content is here; else it is in parley_pieces
  content      BLOB,
  content_sum  INTEGER NOT NULL,    -- CRC-32C of the content, or of its pieces' sums
  sum          INTEGER NOT NULL,    -- CRC-32C of what may not change: see stored.go
  done         INTEGER NOT NULL DEFAULT 0 -- when the last recipient was done with
);
CREATE UNIQUE INDEX parley_messages_key ON parley_messages (origin, key) WHERE key IS NOT NULL;
CREATE INDEX parley_messages_topic ON parley_messages (topic, id) WHERE topic <> '';
CREATE INDEX parley_messages_done ON parley_messages (done) WHERE done > 0;
CREATE INDEX parley_messages_expires ON parley_messages (expires) WHERE done = 0;

-- A large content, a piece a row.
CREATE TABLE parley_pieces (
  id      INTEGER PRIMARY KEY,
  message INTEGER NOT NULL,
  n       INTEGER NOT NULL,
  data    BLOB    NOT NULL,
  sum     INTEGER NOT NULL
);
CREATE UNIQUE INDEX parley_pieces_of ON parley_pieces (message, n);

-- What is worked on: one row a recipient. There is no index by address: an index that is written in no order costs each Put more than
-- all else here together.
CREATE TABLE parley_recipients (
  message  INTEGER NOT NULL,
  n        INTEGER NOT NULL, -- its place in the envelope, from 0
  path     TEXT    NOT NULL,
  notify   INTEGER NOT NULL,
  original TEXT    NOT NULL, -- ORCPT
  sum      INTEGER NOT NULL, -- CRC-32C of what stands above
  state    INTEGER NOT NULL,
  class    INTEGER NOT NULL, -- the message's
  lane     INTEGER NOT NULL, -- 0: nobody has asked for it yet
  next_at  INTEGER NOT NULL, -- when it may be tried
  changed  INTEGER NOT NULL, -- when its state became what it is
  attempts INTEGER NOT NULL,
  unknowns INTEGER NOT NULL, -- how many of them may have been taken
  worker   INTEGER NOT NULL, -- who is sending it; 0: nobody
  wanted   INTEGER NOT NULL DEFAULT 0, -- the state that a person wants once it is no longer being sent; 0: nobody has asked
  reply    TEXT    NOT NULL, -- the last word on it, to be shown
  PRIMARY KEY (message, n)
) WITHOUT ROWID;
CREATE INDEX parley_recipients_ready ON parley_recipients (lane, class, next_at, message, n, state) WHERE state <= 1; -- state too, so that counting needs no more
CREATE INDEX parley_recipients_sending ON parley_recipients (lane, worker) WHERE state = 2;
-- Neither queued nor sent. (SQLite finds by OR that a query means this index; IN would have each INSERT make a table of its list first.)
CREATE INDEX parley_recipients_odd ON parley_recipients (state, message) WHERE state = 1 OR state = 3 OR state = 4 OR state = 6 OR state = 7 OR state = 8;

-- What is known of each lane, by all workers.
CREATE TABLE parley_lanes (
  id         INTEGER PRIMARY KEY,
  name       TEXT    NOT NULL UNIQUE,
  next_at    INTEGER NOT NULL, -- when it is worth looking at, and of two the one to look at first: not after the first recipient that may be tried
  alert_at   INTEGER NOT NULL, -- the same for those of class alert
  open_at    INTEGER NOT NULL, -- suspended until then
  why        TEXT    NOT NULL, -- the reply or the failure that it is suspended or slow for
  failures   INTEGER NOT NULL, -- times in a row that it was suspended because no session could be had
  bears      REAL    NOT NULL, -- how many sessions the server bears, as far as we have learnt; 0: nothing was learnt
  good       REAL    NOT NULL, -- on the way to one more
  bad        REAL    NOT NULL, -- on the way to one less
  lost       REAL    NOT NULL, -- on the way to being suspended
  slow_until INTEGER NOT NULL, -- until then no more than slow_rate recipients a minute
  slow_rate  INTEGER NOT NULL,
  minute_at  INTEGER NOT NULL, minute_n INTEGER NOT NULL, minute TEXT NOT NULL, -- recipients that were tried of late: when the last slice of
  hour_at    INTEGER NOT NULL, hour_n   INTEGER NOT NULL, hour   TEXT NOT NULL, -- time began, how many in all slices, and in each of them,
  day_at     INTEGER NOT NULL, day_n    INTEGER NOT NULL, day    TEXT NOT NULL  -- the last one first
);
CREATE INDEX parley_lanes_ready ON parley_lanes (next_at);
CREATE INDEX parley_lanes_alert ON parley_lanes (alert_at);

-- Who is at work.
CREATE TABLE parley_workers (
  id    INTEGER PRIMARY KEY,
  name  TEXT    NOT NULL, -- host and process
  process TEXT  NOT NULL, -- the process, as others on its machine can tell whether it is alive; empty: nobody can
  begun INTEGER NOT NULL,
  until INTEGER NOT NULL  -- whoever has not been heard of until then has lost what it had taken
);

-- Sessions of a lane that a worker has, so that all together keep its limit.
CREATE TABLE parley_shares (
  lane     INTEGER NOT NULL,
  worker   INTEGER NOT NULL,
  sessions INTEGER NOT NULL,
  PRIMARY KEY (lane, worker)
) WITHOUT ROWID;

-- All that happened, in its order; also the stream of events.
CREATE TABLE parley_history (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  message INTEGER NOT NULL,
  n       INTEGER NOT NULL, -- -1: the whole message
  at      INTEGER NOT NULL,
  what    INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  worker  INTEGER NOT NULL,
  took    INTEGER NOT NULL, -- milliseconds
  stage   INTEGER NOT NULL,
  lane    TEXT    NOT NULL,
  remote  TEXT    NOT NULL,
  tls     TEXT    NOT NULL,
  kind    TEXT    NOT NULL, -- what a failure was diagnosed as
  reply   TEXT    NOT NULL,
  said    TEXT    NOT NULL  -- the conversation, as a transcript
);
CREATE INDEX parley_history_of ON parley_history (message, n);

-- Addresses that nothing is sent to.
CREATE TABLE parley_suppressed (
  address TEXT    NOT NULL PRIMARY KEY,
  reason  TEXT    NOT NULL,
  detail  TEXT    NOT NULL,
  message INTEGER NOT NULL, -- that it came of; 0: none
  at      INTEGER NOT NULL,
  until   INTEGER NOT NULL  -- 0: for good
) WITHOUT ROWID;

-- How far each reader of the events has come.
CREATE TABLE parley_readers (
  name     TEXT    NOT NULL PRIMARY KEY,
  position INTEGER NOT NULL,
  at       INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  error    TEXT    NOT NULL
) WITHOUT ROWID;

-- +goose Down
DROP TABLE parley_readers;
DROP TABLE parley_suppressed;
DROP TABLE parley_history;
DROP TABLE parley_shares;
DROP TABLE parley_workers;
DROP TABLE parley_lanes;
DROP TABLE parley_recipients;
DROP TABLE parley_pieces;
DROP TABLE parley_messages;
