package statement

import (
	"encoding/json"
	"fmt"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/plain"
)

// A Problem is what is wrong with a row, or with its mail.
type Problem struct {
	Line    int    `json:"line"`
	Key     string `json:"key,omitempty"`
	Address string `json:"address,omitempty"`
	Code    string `json:"code"` // "address-bad", for programs
	args    []any
}

// What can be wrong.
const (
	badRow       = "row"
	keyMissing   = "key-missing"
	keyDouble    = "key-double"
	toMissing    = "address-missing"
	toBad        = "address-bad"
	toDouble     = "address-double"
	toSuppressed = "address-suppressed"
	fieldEmpty   = "field-empty"
	fieldUnknown = "field-unknown"
	badTemplate  = "template"
	fileMissing  = "file-missing"
	fileOutside  = "file-outside"
	fileEmpty    = "file-empty"
	fileDouble   = "file-double"
	tooLarge     = "too-large"
	noPassword   = "password"
	badMail      = "mail"
	changedSince = "changed"
)

// problemWords say what is wrong, and what to do.
func problemWords(code string) diagnose.Words {
	switch code {
	case badRow:
		return diagnose.Words{En: "it %s", Zh: "该行有误：%s"}
	case keyMissing:
		return diagnose.Words{En: "the key is empty: column %s", Zh: "主键为空：列 %s"}
	case keyDouble:
		return diagnose.Words{En: "the key stands in line %d too: which one is meant?", Zh: "主键与第 %d 行重复：到底是哪一行？"}
	case toMissing:
		return diagnose.Words{En: "there is no address: column %s", Zh: "没有邮箱地址：列 %s"}
	case toBad:
		return diagnose.Words{En: "the address is none: %s", Zh: "邮箱地址不正确：%s"}
	case toDouble:
		return diagnose.Words{En: "the address stands in line %d too; if both are meant, allow doubles", Zh: "地址与第 %d 行重复；如果两行都要发，请允许重复"}
	case toSuppressed:
		return diagnose.Words{En: "nothing is sent to this address any more: %s", Zh: "该地址已停止发送：%s"}
	case fieldEmpty:
		return diagnose.Words{En: "column %s is empty, and the template uses it", Zh: "列 %s 为空，而模板要用到它"}
	case fieldUnknown:
		return diagnose.Words{En: "there is no column %s, and the template uses it", Zh: "没有列 %s，而模板要用到它"}
	case badTemplate:
		return diagnose.Words{En: "the template cannot be filled: %s", Zh: "模板无法填写：%s"}
	case fileMissing:
		return diagnose.Words{En: "there is no file %s in the folder %s", Zh: "没有文件 %s：应在文件夹 %s 中"}
	case fileOutside:
		return diagnose.Words{En: "the file cannot be attached: %s", Zh: "文件不能作为附件：%s"}
	case fileEmpty:
		return diagnose.Words{En: "the file %s is empty", Zh: "文件 %s 是空的"}
	case fileDouble:
		return diagnose.Words{En: "the file %s is that of line %d too: whose is it?", Zh: "文件 %s 与第 %d 行相同：到底是谁的？"}
	case tooLarge:
		return diagnose.Words{En: "the mail would have %d octets, and %d are allowed", Zh: "邮件大小为 %d 字节，上限为 %d 字节"}
	case noPassword:
		return diagnose.Words{En: "the password in column %s is empty or too short: 4 characters at least", Zh: "列 %s 中的密码为空或太短：至少 4 个字符"}
	case changedSince:
		return diagnose.Words{En: "the row, its file or the template has changed since it was looked at: prepare again", Zh: "检查之后该行、附件或模板已变化：请重新检查"}
	}
	return diagnose.Words{En: "the mail cannot be made: %s", Zh: "无法生成邮件：%s"}
}

// Words say what is wrong.
func (p *Problem) Words() diagnose.Words {
	w := problemWords(p.Code)
	return diagnose.Words{En: fmt.Sprintf(w.En, p.args...), Zh: fmt.Sprintf(w.Zh, p.args...)}
}

// Error is what is wrong, in English.
func (p *Problem) Error() string { return p.Words().En }

func problem(code string, args ...any) *Problem {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = plain.OneLine(s, 300)
		}
	}
	return &Problem{Code: code, args: args}
}

func (p *Problem) detail() string {
	b, err := json.Marshal(p.args)
	if err != nil {
		panic(err) // cannot be: text and numbers
	}
	return string(b)
}

func (p *Problem) setDetail(text string) {
	if json.Unmarshal([]byte(text), &p.args) != nil {
		return
	}
	for i, a := range p.args {
		if f, ok := a.(float64); ok {
			p.args[i] = int64(f)
		}
	}
}
