package mail

import (
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// A Part is a file that goes with a message. [File], [Bytes], [FS] and [Reader]
// make one; its fields may then be changed.
//
// What a part is made of is opened when the message's content is opened, before
// anything is said to a server, read once while it is sent, a piece at a time, and
// closed. If a file is missing, or is no regular file, nothing is sent; if it
// changes its length while it is sent, the mail is broken off, and not delivered.
type Part struct {
	// Name is the file's name as the reader sees it, in any language: at most 255
	// octets. Names with a slash, a backslash or a character that turns the line
	// around are refused, and so are "." and "..".
	Name string

	// Type is the content type, with parameters if need be: "image/png". If empty,
	// it is found by the name's extension, for which there is a table that is the
	// same on every machine, else by the first octets, else it is
	// application/octet-stream.
	//
	// A message/rfc822 is sent as it is, for it may not be base64 (RFC 2046
	// §5.2.1): its line ends are made CRLF. Everything else arrives octet for octet.
	Type string

	// ContentID is what HTML calls an inline part by, cid:ContentID. If empty, it
	// is Name for Inline, and none for Attach.
	ContentID string

	// Size is how many octets the part has, if positive; it is an error if others
	// come. Zero: it is found out where that is possible, as for files. Only where
	// every part's size is known is a message's size known before it is sent.
	Size int64

	data []byte // of Bytes
	open func() (io.ReadCloser, error)
}

// File is a file on disk, under its own name.
func File(name string) Part {
	return Part{Name: filepath.Base(name), open: func() (io.ReadCloser, error) { return os.Open(name) }}
}

// Bytes is a file of the given name that holds b. b must not be changed before the
// message is sent.
func Bytes(name string, b []byte) Part {
	if b == nil {
		b = []byte{}
	}
	return Part{Name: name, data: b}
}

// FS is a file of a file system, such as an embed.FS or what [os.Root.FS] gives,
// under its own name.
func FS(fsys fs.FS, name string) Part {
	return Part{Name: path.Base(name), open: func() (io.ReadCloser, error) { return fsys.Open(name) }}
}

// Reader is a file of the given name that holds what open gives. It is called each
// time that the message is sent, and what it gives is closed. If that has a method
// Stat() (fs.FileInfo, error), the size is taken from it.
func Reader(name string, open func() (io.ReadCloser, error)) Part {
	return Part{Name: name, open: open}
}
