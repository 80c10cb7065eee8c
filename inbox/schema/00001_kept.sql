-- +goose Up

-- Times are nanoseconds since 1970. IDs only go up, and none is given twice: last has those that were.
CREATE TABLE last (
	name TEXT PRIMARY KEY,
	id   INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE sessions (
	id         INTEGER PRIMARY KEY,
	begun      INTEGER NOT NULL,
	ended      INTEGER, -- NULL: it goes on
	remote     TEXT NOT NULL,
	local      TEXT NOT NULL,
	hello      TEXT NOT NULL,
	user       TEXT NOT NULL,
	mechanism  TEXT NOT NULL,
	protocol   TEXT NOT NULL,
	tls        TEXT NOT NULL,
	cipher     TEXT NOT NULL,
	sni        TEXT NOT NULL,
	mailbox    TEXT NOT NULL,
	messages   INTEGER NOT NULL,
	refused    INTEGER NOT NULL,
	why        TEXT NOT NULL,
	failed     INTEGER NOT NULL,
	last_bad   TEXT NOT NULL,
	last_stage TEXT NOT NULL
);
CREATE INDEX sessions_failed ON sessions (id) WHERE failed;
CREATE INDEX sessions_open ON sessions (id) WHERE ended IS NULL;

-- What was said, as tape.go writes it: the beginning, the end, and how many events are left out between.
CREATE TABLE transcripts (
	session INTEGER PRIMARY KEY,
	head    BLOB NOT NULL,
	tail    BLOB NOT NULL,
	dropped INTEGER NOT NULL
);

-- What is known of a mail as it is taken. A mail that is in several mailboxes is so many messages with ids that follow each
-- other, and has one content.
CREATE TABLE messages (
	id           INTEGER PRIMARY KEY,
	session      INTEGER NOT NULL,
	mailbox      TEXT NOT NULL,
	at           INTEGER NOT NULL,
	reverse_path TEXT NOT NULL,
	recipients   TEXT NOT NULL, -- parted by LF
	parameters   TEXT,          -- of MAIL and RCPT, as JSON; NULL: none
	size         INTEGER NOT NULL,
	content      INTEGER NOT NULL,
	copy         INTEGER NOT NULL, -- which of the copies it is, from 0
	copies       INTEGER NOT NULL,
	seen         INTEGER NOT NULL,
	marks        INTEGER NOT NULL -- 1: BODY=8BITMIME, 2: SMTPUTF8
);
CREATE INDEX messages_session ON messages (session);
CREATE INDEX messages_mailbox ON messages (mailbox, id) WHERE mailbox <> '';

-- What stands in the content, read a little later.
CREATE TABLE heads (
	message     INTEGER PRIMARY KEY,
	author      TEXT NOT NULL,
	addressee   TEXT NOT NULL,
	cc          TEXT NOT NULL,
	subject     TEXT NOT NULL,
	message_id  TEXT NOT NULL,
	date        TEXT NOT NULL,
	snippet     TEXT NOT NULL,
	attachments INTEGER NOT NULL
);

-- The words, and not the text a second time. Chinese, Japanese and Korean stand in it by two characters: see words.go.
CREATE VIRTUAL TABLE words USING fts5 (
	author, addressee, subject, sender, rcpt, file, body,
	ident, -- the Message-ID
	mark,  -- what has: asks for, and "all" for each message
	content = '', contentless_delete = 1, tokenize = "unicode61 remove_diacritics 2"
);

-- Contents, in pieces: the id is that of the content, times 65536, and the number of the piece.
CREATE TABLE pieces (
	id   INTEGER PRIMARY KEY,
	data BLOB NOT NULL
);

-- Contents of which a piece is here, and no message yet.
CREATE TABLE arriving (content INTEGER PRIMARY KEY);

-- What was passed on, to whom, and what became of it.
CREATE TABLE releases (
	id         INTEGER PRIMARY KEY,
	message    INTEGER NOT NULL,
	at         INTEGER NOT NULL,
	recipients TEXT NOT NULL,
	rule       TEXT NOT NULL,
	reply      TEXT NOT NULL,
	error      TEXT NOT NULL
);
CREATE INDEX releases_message ON releases (message);
