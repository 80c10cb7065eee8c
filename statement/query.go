package statement

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"
)

func isDatabase(scheme string) bool {
	switch strings.ToLower(scheme) {
	case "sqlite", "postgres", "postgresql", "mysql":
		return true
	}
	return false
}

// openQuery asks a database. What is asked runs in a transaction that can write nothing.
func openQuery(ctx context.Context, name string, o TableOptions) (*Table, error) {
	if strings.TrimSpace(o.Query) == "" {
		return nil, errors.New("statement: a database wants a query: what is asked for")
	}
	db, shown, err := openDatabase(name)
	if err != nil {
		return nil, err
	}
	t := &Table{name: shown, close: db.Close}
	t.rows = func(ctx context.Context, yield func(*Row, error) bool) {
		if err := eachOf(ctx, db, o.Query, t.columns == nil, t, yield); err != nil {
			yield(nil, asking(err))
		}
	}
	// The names are known before the first row is.
	err = eachOf(ctx, db, o.Query, true, t, func(*Row, error) bool { return false })
	if err != nil {
		db.Close() //nolint:errcheck // the first error tells
		return nil, asking(err)
	}
	return t, nil
}

// asking words what a database said; none of the drivers repeats a password.
func asking(err error) error { return fmt.Errorf("statement: asking the database: %w", err) }

func openDatabase(name string) (db *sql.DB, shown string, err error) {
	if path, ok := strings.CutPrefix(name, "sqlite:"); ok {
		// RFC 3986: what stands in a path may be percent-encoded, and ? and # must be.
		u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: "mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(10000)"}
		db, err = sql.Open("sqlite", u.String())
		return db, name, err
	}
	u, err := url.Parse(name)
	if err != nil || u.Host == "" && u.RawQuery == "" {
		return nil, "", errors.New("statement: the database's URL cannot be read") // it may repeat the password
	}
	shown = u.Redacted()
	if !strings.EqualFold(u.Scheme, "mysql") {
		db, err = sql.Open("pgx", name)
		if err != nil {
			err = errors.New("statement: the database's URL cannot be read")
		}
		return db, shown, err
	}
	c := mysql.NewConfig()
	c.Net, c.Addr, c.DBName, c.User = "tcp", u.Host, strings.TrimPrefix(u.Path, "/"), u.User.Username()
	c.Passwd, _ = u.User.Password()
	if u.Port() == "" {
		c.Addr = u.Hostname() + ":3306"
	}
	c.ParseTime, c.Timeout = true, 10*time.Second
	c.TLSConfig = u.Query().Get("tls") // "true", "preferred"; empty: none
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, "", errors.New("statement: the database's URL cannot be read")
	}
	return sql.OpenDB(connector), shown, nil
}

// eachOf asks, and gives the rows.
func eachOf(ctx context.Context, db *sql.DB, query string, names bool, t *Table, yield func(*Row, error) bool) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil && strings.Contains(err.Error(), "read-only") { // a driver that knows none: the connection itself is
		tx, err = db.BeginTx(ctx, nil)
	}
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	if columns, err = heading(columns); err != nil {
		return err
	}
	if names {
		t.columns = named(columns)
	}
	cells := make([]any, len(columns))
	into := make([]any, len(columns))
	for i := range cells {
		into[i] = &cells[i]
	}
	texts := make([]string, len(columns))
	for line := 1; rows.Next(); line++ {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, c := range cells {
			texts[i] = cellText(c)
		}
		if !yield(rowOf(line, columns, texts, true)) {
			return nil
		}
	}
	return rows.Err()
}

// cellText is what a database gives, as a file would have it.
func cellText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []byte:
		return string(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		if v.Hour() == 0 && v.Minute() == 0 && v.Second() == 0 && v.Nanosecond() == 0 {
			return v.Format(time.DateOnly)
		}
		return v.Format(time.RFC3339)
	}
	return fmt.Sprint(v)
}
