// Package testpg starts a PostgreSQL server for tests, from Debian's package, with a user, a folder and a port of its own.
package testpg

import (
	"database/sql"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// Server names a server that is there already, "postgres://user@host:port/name", in whose stead none is started.
const Server = "PARLEY_TEST_POSTGRES"

// A Cluster is a running server. Start makes one, and a test's end stops it.
type Cluster struct {
	URL  string // of the database "postgres"
	Dir  string // its data; empty for a server that was there already, which is neither stopped nor killed
	own  *server
	made atomic.Int64
}

// Start starts a server, or skips the test where there is none to be had. What args say ("-c", "fsync=on") goes to it.
func Start(t testing.TB, args ...string) *Cluster {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: over SQLite alone")
	}
	if url := os.Getenv(Server); url != "" {
		return &Cluster{URL: url}
	}
	own := newServer(t)
	c := &Cluster{URL: own.url, Dir: own.dir, own: own}
	c.Launch(t, args...)
	t.Cleanup(c.Stop)
	return c
}

// Launch starts the server on its data, after Stop or Kill too, and waits until it takes connections.
func (c *Cluster) Launch(t testing.TB, args ...string) {
	t.Helper()
	if c.own != nil {
		c.own.launch(t, args...)
	}
}

// Stop stops the server; connections are cut.
func (c *Cluster) Stop() {
	if c.own != nil {
		c.own.stop()
	}
}

// Kill ends all of the server's processes at once, as kill -9 does.
func (c *Cluster) Kill() {
	if c.own != nil {
		c.own.kill()
	}
}

// Database makes a new, empty database, and gives its URL. In a server that was there already it is dropped at the test's end.
func (c *Cluster) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("parley_%d_%d", os.Getpid(), c.made.Add(1))
	if err := c.exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	if c.own == nil {
		t.Cleanup(func() {
			if err := c.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
				t.Log(err)
			}
		})
	}
	return c.URL[:strings.LastIndexByte(c.URL, '/')+1] + name
}

func (c *Cluster) exec(query string) error {
	db, err := sql.Open("pgx", c.URL)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec(query)
	return err
}
