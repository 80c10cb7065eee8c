package schema_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"testing/fstest"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/parleymail/parley/internal/schema"
	"github.com/parleymail/parley/internal/testpg"
)

// TestMigrate: tables are made, and changed, by a program that is newer; of one that is older they stay as they are, and it is told.
func TestMigrate(t *testing.T) {
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			driver, url := "sqlite", filepath.Join(t.TempDir(), "a.db")
			if name == "postgres" {
				driver, url = "pgx", testpg.Start(t).Database(t)
			}
			db, err := sql.Open(driver, url)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			first := fstest.MapFS{"001_a.sql": {Data: []byte("-- +goose Up\nCREATE TABLE a (n BIGINT);\n")}}
			second := fstest.MapFS{"001_a.sql": first["001_a.sql"], "002_b.sql": {Data: []byte("-- +goose Up\nALTER TABLE a ADD COLUMN m BIGINT;\n")}}
			is := func(files fstest.MapFS) error {
				return schema.Schema{Files: files, Versions: "a_versions", Postgres: name == "postgres"}.Migrate(t.Context(), db)
			}
			for _, files := range []fstest.MapFS{first, first, second, second} {
				if err := is(files); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := db.ExecContext(t.Context(), "INSERT INTO a (n, m) VALUES (1, 2)"); err != nil {
				t.Error(err)
			}
			e, ok := errors.AsType[*schema.NewerError](is(first))
			if !ok || e.Has != 2 || e.Knows != 1 {
				t.Errorf("an older program: %+v", e)
			}
		})
	}
}
