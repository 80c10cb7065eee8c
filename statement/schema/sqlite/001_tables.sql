-- The tables of one mailing. Times are Unix milliseconds; 0 is none.

-- +goose Up
CREATE TABLE parley_statement_state (
  name   TEXT    NOT NULL PRIMARY KEY,
  number INTEGER NOT NULL,
  value  TEXT    NOT NULL
);

CREATE TABLE parley_statement_rows (
  id       TEXT    NOT NULL PRIMARY KEY, -- the key
  line     INTEGER NOT NULL,
  address  TEXT    NOT NULL, -- as doubles are found by
  shown    TEXT    NOT NULL, -- as the table has it
  digest   BLOB    NOT NULL, -- of all that its mail is made of, as it was looked at last
  data     TEXT    NOT NULL, -- the row, as JSON
  state    INTEGER NOT NULL,
  chosen   INTEGER NOT NULL, -- 1: to be sent
  run      INTEGER NOT NULL, -- in which it was seen last
  edition  INTEGER NOT NULL, -- how often it was asked for again
  message  INTEGER NOT NULL, -- in the outbox; 0: none
  sent     BLOB    NOT NULL, -- the digest of what was put; empty: nothing
  at       INTEGER NOT NULL, -- when its state became what it is
  kind     TEXT    NOT NULL, -- what a failure was diagnosed as
  reply    TEXT    NOT NULL
) WITHOUT ROWID;
CREATE INDEX parley_statement_rows_ready ON parley_statement_rows (line) WHERE state = 0 AND chosen = 1;
CREATE INDEX parley_statement_rows_message ON parley_statement_rows (message) WHERE message > 0;

-- What is wrong with rows, as of the last look.
CREATE TABLE parley_statement_problems (
  n      INTEGER PRIMARY KEY,
  line   INTEGER NOT NULL,
  id     TEXT    NOT NULL,
  address TEXT   NOT NULL,
  code   TEXT    NOT NULL,
  detail TEXT    NOT NULL -- JSON: what its words are filled with
);

-- Whose a key, an address and a file are, in the last look: the row that had it first.
CREATE TABLE parley_statement_owners (
  thing TEXT    NOT NULL PRIMARY KEY,
  line  INTEGER NOT NULL,
  id    TEXT    NOT NULL,
  size  INTEGER NOT NULL -- of its mail
) WITHOUT ROWID;

-- +goose Down
DROP TABLE parley_statement_owners;
DROP TABLE parley_statement_problems;
DROP TABLE parley_statement_rows;
DROP TABLE parley_statement_state;
