package inbox

import (
	"context"
	"database/sql"
	"strings"
)

// statements are those that are said for each mail and session. They belong to the
// writer's connection.
type statements struct {
	begin, commit                  *sql.Stmt
	message, messages, piece       *sql.Stmt
	arriving, arrived              *sql.Stmt
	session, transcript            *sql.Stmt
	head, words                    *sql.Stmt
	dropPieces, dropHead, dropWord *sql.Stmt
}

const (
	insertMessage = "INSERT INTO messages (id, session, mailbox, at, reverse_path, recipients, parameters, size, content, copy, copies, seen, marks) VALUES "
	messageRow    = "(?,?,?,?,?,?,?,?,?,?,?,0,?)"
	rowWidth      = 12
	rowsTogether  = 10 // to put them down one by one costs half as much again
)

const sessionColumns = "id, begun, ended, remote, local, hello, user, mechanism, protocol, tls, cipher, sni, mailbox, messages, refused, why, failed, last_bad, last_stage"

func prepare(ctx context.Context, c *sql.Conn) (*statements, error) {
	st := &statements{}
	for _, p := range []struct {
		to   **sql.Stmt
		text string
	}{
		{&st.begin, "BEGIN IMMEDIATE"},
		{&st.commit, "COMMIT"},
		{&st.message, insertMessage + messageRow},
		{&st.messages, insertMessage + messageRow + strings.Repeat(", "+messageRow, rowsTogether-1)},
		{&st.piece, "INSERT INTO pieces (id, data) VALUES (?, ?)"},
		{&st.arriving, "INSERT OR IGNORE INTO arriving (content) VALUES (?)"},
		{&st.arrived, "DELETE FROM arriving WHERE content = ?"},
		{&st.session, "INSERT OR REPLACE INTO sessions (" + sessionColumns + ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"},
		{&st.transcript, "INSERT OR REPLACE INTO transcripts (session, head, tail, dropped) VALUES (?,?,?,?)"},
		{&st.head, "INSERT OR REPLACE INTO heads (message, author, addressee, cc, subject, message_id, date, snippet, attachments) VALUES (?,?,?,?,?,?,?,?,?)"},
		{&st.words, "INSERT INTO words (rowid, author, addressee, subject, sender, rcpt, file, body, ident, mark) VALUES (?,?,?,?,?,?,?,?,?,?)"},
		{&st.dropPieces, "DELETE FROM pieces WHERE id BETWEEN ?1 << 16 AND (?1 << 16) + 65535"},
		{&st.dropHead, "DELETE FROM heads WHERE message = ?"},
		{&st.dropWord, "DELETE FROM words WHERE rowid = ?"},
	} {
		s, err := c.PrepareContext(ctx, p.text)
		if err != nil {
			return nil, err
		}
		*p.to = s
	}
	return st, nil
}
