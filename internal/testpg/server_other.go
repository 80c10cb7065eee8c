//go:build !unix

package testpg

import "testing"

// A server is one that is ours. There are none here.
type server struct{ url, dir string }

func newServer(t testing.TB) *server {
	t.Helper()
	t.Skip("PostgreSQL is started for tests on Unix alone: set " + Server)
	return nil
}

func (s *server) launch(testing.TB, ...string) {}
func (s *server) stop()                        {}
func (s *server) kill()                        {}
