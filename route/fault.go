package route

import (
	"fmt"
	"strings"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/plain"
)

// A Fault is one thing that is wrong with a table.
type Fault struct {
	Server string         // whose it is; empty: nobody's
	Rule   int            // of which rule it is, from 1; 0: of none
	Words  diagnose.Words // what is wrong

	name string // the rule's
}

// In is the fault in one language: of what, and what.
func (f *Fault) In(l diagnose.Lang) string {
	return f.place().In(l) + f.Words.In(l)
}

func (f *Fault) Error() string { return f.In(diagnose.English) }

func (f *Fault) place() diagnose.Words {
	switch {
	case f.Server != "":
		return fill(wordOfServer, plain.Quoted(f.Server))
	case f.Rule > 0 && f.name != "":
		return fill(wordOfNamed, f.Rule, plain.Quoted(f.name))
	case f.Rule > 0:
		return fill(wordOfRule, f.Rule)
	}
	return diagnose.Words{}
}

// Faults are all that is wrong with a table.
type Faults []*Fault

func (f Faults) Error() string { return "route: " + f.In(diagnose.English) }

// In is the faults in one language, one after the other.
func (f Faults) In(l diagnose.Lang) string {
	list := make([]string, len(f))
	for i, one := range f {
		list[i] = one.In(l)
	}
	if l == diagnose.Chinese {
		return strings.Join(list, "；")
	}
	return strings.Join(list, "; ")
}

func (f Faults) Unwrap() []error {
	list := make([]error, len(f))
	for i, one := range f {
		list[i] = one
	}
	return list
}

// fill puts values into a sentence of both languages.
func fill(w diagnose.Words, args ...any) diagnose.Words {
	return diagnose.Words{En: fmt.Sprintf(w.En, args...), Zh: fmt.Sprintf(w.Zh, args...)}
}

// What is said of a table. A test walks them all.
var (
	wordOfServer = diagnose.Words{En: "server %s: ", Zh: "服务器 %s："}
	wordOfRule   = diagnose.Words{En: "rule %d: ", Zh: "规则 %d："}
	wordOfNamed  = diagnose.Words{En: "rule %d, %s: ", Zh: "规则 %d（%s）："}

	wordNoDefault = diagnose.Words{En: "there is no default: mail that no rule is about has nowhere to go", Zh: "没有 default：不合任何规则的邮件无处可去"}
	wordPort      = diagnose.Words{En: "the port of mx is %d, and not one from 1 to 65535", Zh: "mx 的 port 是 %d，应为 1 到 65535"}
	wordNever     = diagnose.Words{En: "it is never asked: a rule before it fits everything", Zh: "永远用不到：前面已有一条规则适用于所有邮件"}

	wordTaken    = diagnose.Words{En: "the name is taken, by what is no server", Zh: "这个名字已另有含义，不能用作服务器的名字"}
	wordBadName  = diagnose.Words{En: "a name is of letters and digits, with -, _ and . among them", Zh: "名字只能由字母、数字、-、_ 和 . 组成"}
	wordTwice    = diagnose.Words{En: "there are two of the name", Zh: "有两个服务器同名"}
	wordNoClient = diagnose.Words{En: "it has no client", Zh: "没有 Client"}
	wordAccount  = diagnose.Words{En: "its account has blanks or control characters, or is over 320 octets", Zh: "account 含有空白或控制字符，或超过 320 字节"}
	wordSelf     = diagnose.Words{En: "it is %s, which is this machine itself: mail would go round", Zh: "它是 %s，也就是本机自己：邮件会循环"}
	wordProvider = diagnose.Words{En: "%s is no provider that is known", Zh: "没有名为 %s 的服务商"}

	wordClass     = diagnose.Words{En: "there is no class %s: it is alert, normal or bulk", Zh: "没有类别 %s：应为 alert、normal 或 bulk"}
	wordPattern   = diagnose.Words{En: "%s is no pattern of addresses", Zh: "%s 不是地址模式"}
	wordOneWay    = diagnose.Words{En: "it must have servers, or refuse, or discard: one of them", Zh: "servers、refuse、discard 三者必须有且只有一个"}
	wordControl   = diagnose.Words{En: "its words to refuse have a control character", Zh: "refuse 的文字含有控制字符"}
	wordWeight    = diagnose.Words{En: "%s: the weight is no number above zero", Zh: "%s：权重应是大于零的数"}
	wordNoServer  = diagnose.Words{En: "there is no server %s", Zh: "没有服务器 %s"}
	wordSameTwice = diagnose.Words{En: "server %s stands in it twice", Zh: "服务器 %s 出现了两次"}
	wordEmpty     = diagnose.Words{En: "a place among its servers is empty", Zh: "servers 中有一项是空的"}
	wordDefault   = diagnose.Words{En: "default: %s", Zh: "default：%s"}
)
