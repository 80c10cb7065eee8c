package hostile

import "bytes"

// Alphabet is what the end of a content is made of, and what is mistaken for it.
const Alphabet = "\r\n.x\x00 "

// Strings gives every string over Alphabet of a length from min to max. Of length
// 1 to 7 there are 335,922. It is valid until the next.
func Strings(min, max int) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		buf := make([]byte, max)
		index := make([]int, max)
		for n := min; n <= max; n++ {
			s := buf[:n]
			for i := range s {
				s[i], index[i] = Alphabet[0], 0
			}
			for {
				if !yield(s) {
					return
				}
				i := n - 1
				for i >= 0 && index[i] == len(Alphabet)-1 {
					index[i], s[i] = 0, Alphabet[0]
					i--
				}
				if i < 0 {
					break
				}
				index[i]++
				s[i] = Alphabet[index[i]]
			}
		}
	}
}

// Normal is a content with each CR and each LF alone made CRLF, and its last line
// ended. It is written to be seen to be right.
func Normal(content []byte) []byte {
	var out []byte
	for i := 0; i < len(content); i++ {
		switch {
		case content[i] == '\r' && i+1 < len(content) && content[i+1] == '\n':
			out = append(out, "\r\n"...)
			i++
		case content[i] == '\r' || content[i] == '\n':
			out = append(out, "\r\n"...)
		default:
			out = append(out, content[i])
		}
	}
	if !bytes.HasSuffix(out, []byte("\r\n")) {
		out = append(out, "\r\n"...)
	}
	return out
}

// Stuffed is a content, all its lines ended by CRLF, with its dots doubled:
// RFC 5321 §4.5.2.
func Stuffed(content []byte) []byte {
	var out []byte
	for i, b := range content {
		if b == '.' && (i == 0 || content[i-1] == '\n') {
			out = append(out, '.')
		}
		out = append(out, b)
	}
	return out
}
