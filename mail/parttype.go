package mail

import (
	"bytes"
	"strings"
)

// types is what files are by their extension. The standard library's table grows
// by what is installed on a machine, and the same program would then send another
// mail elsewhere. Names are IANA's.
var types = map[string]string{
	"7z": "application/x-7z-compressed", "aac": "audio/aac", "ai": "application/postscript",
	"apk": "application/vnd.android.package-archive", "avi": "video/x-msvideo", "avif": "image/avif",
	"bmp": "image/bmp", "bz2": "application/x-bzip2", "cer": "application/pkix-cert", "crt": "application/x-x509-ca-cert",
	"css": "text/css", "csv": "text/csv", "doc": "application/msword",
	"docm": "application/vnd.ms-word.document.macroEnabled.12",
	"docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	"eml":  "message/rfc822", "epub": "application/epub+zip", "flac": "audio/flac", "gif": "image/gif",
	"gz": "application/gzip", "heic": "image/heic", "htm": "text/html", "html": "text/html",
	"ico": "image/vnd.microsoft.icon", "ics": "text/calendar", "jpeg": "image/jpeg", "jpg": "image/jpeg",
	"js": "text/javascript", "json": "application/json", "key": "application/vnd.apple.keynote", "log": "text/plain",
	"m4a": "audio/mp4", "md": "text/markdown", "mkv": "video/matroska", "mov": "video/quicktime", "mp3": "audio/mpeg",
	"mp4": "video/mp4", "mpeg": "video/mpeg", "mpg": "video/mpeg", "msg": "application/vnd.ms-outlook",
	"numbers": "application/vnd.apple.numbers", "odp": "application/vnd.oasis.opendocument.presentation",
	"ods": "application/vnd.oasis.opendocument.spreadsheet", "odt": "application/vnd.oasis.opendocument.text",
	"ofd": "application/ofd", "ogg": "audio/ogg", "p7m": "application/pkcs7-mime", "p7s": "application/pkcs7-signature",
	"pages": "application/vnd.apple.pages", "pdf": "application/pdf", "pem": "application/x-pem-file", "png": "image/png",
	"ppt": "application/vnd.ms-powerpoint", "ps": "application/postscript",
	"pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	"rar":  "application/vnd.rar", "rtf": "application/rtf", "svg": "image/svg+xml", "tar": "application/x-tar",
	"tgz": "application/gzip", "tif": "image/tiff", "tiff": "image/tiff", "tsv": "text/tab-separated-values",
	"txt": "text/plain", "vcf": "text/vcard", "vsd": "application/vnd.visio", "wav": "audio/wav", "webm": "video/webm",
	"webp": "image/webp", "wps": "application/vnd.ms-works", "xls": "application/vnd.ms-excel",
	"xlsm": "application/vnd.ms-excel.sheet.macroEnabled.12",
	"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xml": "application/xml",
	"xz": "application/x-xz", "yaml": "application/yaml", "yml": "application/yaml", "zip": "application/zip",
	"zst": "application/zstd",
}

const anyType = "application/octet-stream"

// typeByName gives "" for an extension that is not in the table.
func typeByName(name string) string {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return ""
	}
	ext := name[dot+1:]
	if kind, ok := types[ext]; ok {
		return kind
	}
	return types[strings.ToLower(ext)]
}

// sniffed is how many octets typeByContent looks at.
const sniffed = 16

// typeByContent knows the files that are recognised beyond doubt by how they
// begin. It never says text: what is sent as text may be shown and run by a
// reader.
func typeByContent(b []byte) string {
	for _, k := range [...]struct {
		at           int
		begins, kind string
	}{
		{0, "%PDF-", "application/pdf"},
		{0, "\x89PNG\r\n\x1a\n", "image/png"},
		{0, "\xff\xd8\xff", "image/jpeg"},
		{0, "GIF87a", "image/gif"},
		{0, "GIF89a", "image/gif"},
		{8, "WEBP", "image/webp"},
		{0, "PK\x03\x04", "application/zip"},
		{0, "\x1f\x8b\x08", "application/gzip"},
	} {
		if len(b) > k.at && bytes.HasPrefix(b[k.at:], []byte(k.begins)) {
			return k.kind
		}
	}
	return anyType
}
