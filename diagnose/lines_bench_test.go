package diagnose_test

import "testing"

// BenchmarkLines is what parley explain --batch does for each line.
func BenchmarkLines(b *testing.B) {
	lines := readLines(b, "testdata/seen.tsv")
	for _, l := range lines {
		grade(l) // compiles what is wanted
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		grade(lines[i%len(lines)])
	}
}
