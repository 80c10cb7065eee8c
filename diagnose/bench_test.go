package diagnose

import "testing"

func BenchmarkText(b *testing.B) {
	f := Default()
	var lines []string
	for _, r := range f.rules {
		if r.example != "" {
			lines = append(lines, r.example)
		}
	}
	for i := range lines {
		f.Text(lines[i], Hint{}) // compiles what is wanted
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		f.Text(lines[i%len(lines)], Hint{})
	}
}

func BenchmarkRead(b *testing.B) {
	for b.Loop() {
		if _, err := readDir(embedded); err != nil {
			b.Fatal(err)
		}
	}
}
