package inbox

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed schema/*.sql
var schema embed.FS

// migrate brings the tables up to what this program knows. A file of a newer
// program is an error, and stays as it is.
func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		return fmt.Errorf("inbox: reading the schema: %w", err)
	}
	has, knows, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("inbox: reading the schema's version: %w", err)
	}
	if has > knows {
		return fmt.Errorf("inbox: the store was made by a newer Parley (schema %d, and this one knows %d)", has, knows)
	}
	if _, err = p.Up(ctx); err != nil {
		return fmt.Errorf("inbox: making the tables: %w", err)
	}
	return nil
}
