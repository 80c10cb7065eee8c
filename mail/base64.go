package mail

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
)

// Base64 in lines of 76 (RFC 2045 §6.8): 57 octets make one.
const (
	lineIn  = 57
	lineOut = 78 // with CRLF
)

// pairs gives two characters of base64 for each twelve bits, the first of them in
// the low octet. The standard library goes by six bits and cannot put in the line
// ends; for a large attachment this is three times as fast.
var pairs = func() (t [4096]uint16) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range t {
		t[i] = uint16(alphabet[i>>6]) | uint16(alphabet[i&63])<<8
	}
	return t
}()

// base64Size is what appendBase64 makes of n octets.
func base64Size(n int64) int64 {
	size := n / lineIn * lineOut
	if rest := n % lineIn; rest > 0 {
		size += (rest+2)/3*4 + 2
	}
	return size
}

// appendBase64 adds src in lines, each ended by CRLF.
func appendBase64(dst, src []byte) []byte {
	n, size := len(dst), int(base64Size(int64(len(src))))
	dst = slices.Grow(dst, size)[:n+size]
	encodeLines(dst[n:], src)
	return dst
}

// encodeLines writes src in lines to dst, which has base64Size of it.
func encodeLines(dst, src []byte) {
	for len(src) >= lineIn {
		encodeLine((*[lineOut]byte)(dst), (*[lineIn]byte)(src))
		src, dst = src[lineIn:], dst[lineOut:]
	}
	if len(src) > 0 {
		base64.StdEncoding.Encode(dst, src)
		n := base64.StdEncoding.EncodedLen(len(src))
		dst[n], dst[n+1] = '\r', '\n'
	}
}

// encodeLine makes one line. It is written out, for the loop costs a fifth.
func encodeLine(d *[lineOut]byte, s *[lineIn]byte) {
	encodeSix(d[0:8], s[0:8])
	encodeSix(d[8:16], s[6:14])
	encodeSix(d[16:24], s[12:20])
	encodeSix(d[24:32], s[18:26])
	encodeSix(d[32:40], s[24:32])
	encodeSix(d[40:48], s[30:38])
	encodeSix(d[48:56], s[36:44])
	encodeSix(d[56:64], s[42:50])
	encodeSix(d[64:72], s[48:56])
	v := uint32(s[54])<<16 | uint32(s[55])<<8 | uint32(s[56])
	binary.LittleEndian.PutUint32(d[72:76], uint32(pairs[v>>12])|uint32(pairs[v&0xfff])<<16)
	d[76], d[77] = '\r', '\n'
}

// encodeSix makes eight characters of the first six of eight octets.
func encodeSix(d, s []byte) {
	v := binary.BigEndian.Uint64(s)
	binary.LittleEndian.PutUint64(d, uint64(pairs[v>>52])|uint64(pairs[v>>40&0xfff])<<16|
		uint64(pairs[v>>28&0xfff])<<32|uint64(pairs[v>>16&0xfff])<<48)
}
