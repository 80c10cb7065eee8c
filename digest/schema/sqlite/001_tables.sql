-- The tables of a digest. Times are Unix milliseconds; 0 is none. Numbers of rows are given by the program, in the order in which
-- their transactions are committed.

-- +goose Up
CREATE TABLE parley_digest_state (
  name   TEXT    NOT NULL PRIMARY KEY,
  number INTEGER NOT NULL,
  value  TEXT    NOT NULL
);

CREATE TABLE parley_digest_feeds (
  id       INTEGER PRIMARY KEY,
  url      TEXT    NOT NULL UNIQUE, -- as it was given
  moved    TEXT    NOT NULL,        -- where it has moved to for good; empty: nowhere
  name     TEXT    NOT NULL,        -- that readers see; empty: the title
  title    TEXT    NOT NULL,        -- that it has of itself
  link     TEXT    NOT NULL,
  state    INTEGER NOT NULL,        -- 0 looked at, 1 gone: 410, 2 taken off
  every    INTEGER NOT NULL,        -- milliseconds; 0: as the digest has it
  images   INTEGER NOT NULL,        -- 0 as the digest has it, 1 by reference, 2 embedded, 3 none
  added    INTEGER NOT NULL,
  etag     TEXT    NOT NULL,
  modified TEXT    NOT NULL,
  body     TEXT    NOT NULL,        -- a hash of what was read last
  next_at  INTEGER NOT NULL,        -- when it is looked at next
  asked_at INTEGER NOT NULL,        -- when it was last
  good_at  INTEGER NOT NULL,        -- when that went well last; 0: never yet
  failures INTEGER NOT NULL,        -- in a row
  error    TEXT    NOT NULL,
  held     INTEGER NOT NULL,        -- items that were kept back, since a look brought too many
  note     TEXT    NOT NULL         -- what was odd of late
);

CREATE TABLE parley_digest_items (
  id        INTEGER PRIMARY KEY,
  feed      INTEGER NOT NULL,
  found     INTEGER NOT NULL,
  published INTEGER NOT NULL,
  state     INTEGER NOT NULL, -- 0 goes out, 1 was there before, 2 kept back
  title     TEXT    NOT NULL,
  link      TEXT    NOT NULL,
  author    TEXT    NOT NULL,
  html      TEXT    NOT NULL, -- cleaned; empty once nobody needs it
  plain     TEXT    NOT NULL,
  cut       INTEGER NOT NULL  -- 1: there is more
);
CREATE INDEX parley_digest_items_out ON parley_digest_items (id) WHERE state = 0;
CREATE INDEX parley_digest_items_of ON parley_digest_items (feed, id);

-- What an item is known again by.
CREATE TABLE parley_digest_signs (
  feed INTEGER NOT NULL,
  sign BLOB    NOT NULL, -- its kind, and a hash
  item INTEGER NOT NULL,
  seen INTEGER NOT NULL,
  PRIMARY KEY (feed, sign)
) WITHOUT ROWID;

CREATE TABLE parley_digest_images (
  item INTEGER NOT NULL,
  n    INTEGER NOT NULL,
  address TEXT NOT NULL, -- where it is
  type TEXT    NOT NULL,
  data BLOB    NOT NULL,
  PRIMARY KEY (item, n)
);

CREATE TABLE parley_digest_subscribers (
  id        INTEGER PRIMARY KEY,
  address   TEXT    NOT NULL UNIQUE, -- in lower case
  shown     TEXT    NOT NULL,        -- as it was given
  lang      INTEGER NOT NULL,
  state     INTEGER NOT NULL,        -- 0 asked, 1 subscribed, 2 unsubscribed, 3 bounced, 4 complained
  frequency INTEGER NOT NULL,
  every     INTEGER NOT NULL,        -- 1: of all feeds; 0: of those in choices
  position  INTEGER NOT NULL,        -- the last item that was looked at for them
  next_at   INTEGER NOT NULL,        -- when they may get something
  round     INTEGER NOT NULL,        -- how often they have come: confirmations are of one round
  added     INTEGER NOT NULL,
  confirmed INTEGER NOT NULL,
  changed   INTEGER NOT NULL,
  asks      INTEGER NOT NULL,        -- mails about subscribing that went to them in the last day
  asked_at  INTEGER NOT NULL,        -- when that day began
  why       TEXT    NOT NULL,
  stale     INTEGER NOT NULL         -- 1: what waits for them is to be cancelled
);
CREATE INDEX parley_digest_subscribers_due ON parley_digest_subscribers (next_at, id) WHERE state = 1;
CREATE INDEX parley_digest_subscribers_stale ON parley_digest_subscribers (id) WHERE stale = 1;

CREATE TABLE parley_digest_choices (
  subscriber INTEGER NOT NULL,
  feed       INTEGER NOT NULL,
  PRIMARY KEY (subscriber, feed)
) WITHOUT ROWID;

-- Mails with articles that were put into the outbox.
CREATE TABLE parley_digest_mails (
  message    INTEGER NOT NULL PRIMARY KEY,
  subscriber INTEGER NOT NULL,
  at         INTEGER NOT NULL
);
CREATE INDEX parley_digest_mails_of ON parley_digest_mails (subscriber);

-- What was asked for on the page, before anybody has looked who that is.
CREATE TABLE parley_digest_requests (
  id        INTEGER PRIMARY KEY,
  address   TEXT    NOT NULL,
  lang      INTEGER NOT NULL,
  frequency INTEGER NOT NULL,
  feeds     TEXT    NOT NULL, -- numbers; empty: all
  at        INTEGER NOT NULL
);

-- +goose Down
DROP TABLE parley_digest_requests;
DROP TABLE parley_digest_mails;
DROP TABLE parley_digest_choices;
DROP TABLE parley_digest_subscribers;
DROP TABLE parley_digest_images;
DROP TABLE parley_digest_signs;
DROP TABLE parley_digest_items;
DROP TABLE parley_digest_feeds;
DROP TABLE parley_digest_state;
