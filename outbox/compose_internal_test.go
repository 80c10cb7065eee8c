package outbox

import "testing"

// TestEightBit: an octet over 127 is seen wherever it stands, and no other is taken for one.
func TestEightBit(t *testing.T) {
	for size := range 40 {
		b := make([]byte, size)
		for i := range b {
			b[i] = 0x7f
		}
		if eightBit(b) {
			t.Errorf("%d octets of 7 bits are taken for more", size)
		}
		for i := range b {
			for _, c := range []byte{0x80, 0xff} {
				b[i] = c
				if !eightBit(b) {
					t.Errorf("of %d octets the one at %d is not seen", size, i)
				}
			}
			b[i] = 0x7f
		}
	}
}

// BenchmarkEightBit is what it costs to look at 64 KiB, as they come from an attachment.
func BenchmarkEightBit(b *testing.B) {
	piece := make([]byte, 64<<10)
	b.SetBytes(int64(len(piece)))
	for b.Loop() {
		if eightBit(piece) {
			b.Fatal("no octet is over 127")
		}
	}
}
