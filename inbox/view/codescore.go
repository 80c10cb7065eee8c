package view

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

var (
	// Between a word and its code: "code: 1", "code is 1", "code to log in is 1", "验证码为：1", "验证码（登录）是 1".
	codeLinkAfter = regexp.MustCompile(`(?i)^(?:\s|[:：=>»\-–—*"'“”‘’「【\[(（])*(?:(?:\s*(?:below|here|following)\s*[:：]?)|(?:[^\n.。!！?？]{0,60}?\b(?:is|are|ist|es|è|est|als)\b\s*[:：]?)|(?:[^\n.。!！?？]{0,20}?(?:为|是|如下|爲|は)\s*[:：]?))?(?:\s|[:：=>»*"'“”‘’「【\[(（])*$`)
	// Between a code and a word behind it: "1 is your code", "1（验证码）", "1 是您的验证码".
	codeLinkBefore = regexp.MustCompile(`(?i)^(?:\s|[*"'”’」】\])）(（])*(?:\b(?:is|as)\b[^\n.]{0,40}|[为是][^\n。，]{0,20}|\s*)$`)
	// What a number is the number of.
	unitBehind = regexp.MustCompile(`(?i)^\s*(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?|times|people|users|items|points|miles|km|kg|kb|mb|gb|px|pt|em|usd|eur|gbp|cny|rmb|jpy|dollars?|euros?|yuan|percent|%|€|£|元|块|秒|分钟|分|小时|天|日|周|月|年|次|位|条|人|件|个|名|款|积分|角|万|亿|号|楼|室|円|원)`)
	notACode   = regexp.MustCompile(`(?i)(?:order|invoice|ticket|case|reference|ref|account|acct|customer|member|user|id|no|nr|number|phone|tel|call|fax|text|hotline|build|version|port|room|flight|suite|copyright|©|\(c\)|since|year|ending in|ending with|ends in|last four digits|last 4 digits|card|pnr|p\.?o\.? box|订单|订单号|单号|编号|流水号|工单|客户号|账号|帐号|卡号|尾号|尾号为|手机号|手机|电话|热线|客服|致电|拨打|邮编|房间|航班|端口|版本|备案|ICP备|公网安备|版权所有|价格|金额|共计|合计|余额)\s*(?:number|no\.?|#|号码|号)?\s*(?:is|was|[:：#.])?\s*$`)
	yearShape  = regexp.MustCompile(`^(?:19|20)[0-9]{2}$`)
)

const near = 160 // octets between a word and a code that may belong to it

// score says how much a candidate looks like a code, by its shape and by what stands around it: 0 is no, 80 and more is sure.
func score(text string, m []int, words [][]int) int {
	as := text[m[0]:m[1]]
	shape := shapeOf(as)
	if unitBehind.MatchString(text[m[1]:min(len(text), m[1]+20)]) || notACode.MatchString(text[max(0, m[0]-40):m[0]]) {
		return 0
	}
	best := 0
	for _, w := range around(m, words) {
		if w[0] < m[1] && w[1] > m[0] {
			return 0 // it is the word itself
		}
		best = max(best, beside(text, m, w, shape))
	}
	if best > 0 && yearShape.MatchString(as) && best < 80 {
		return 0
	}
	return best
}

// beside scores a candidate by one word.
func beside(text string, m, w []int, s codeForm) int {
	var between string
	link := codeLinkAfter
	behind := w[1] <= m[0]
	if behind {
		between = text[w[1]:m[0]]
	} else {
		between, link = text[m[1]:w[0]], codeLinkBefore
	}
	if len(between) > near {
		return 0
	}
	direct := link.MatchString(between)
	alone := aloneInLine(text, m)
	lines := strings.Count(strings.TrimSpace(between), "\n")
	switch {
	case direct && s == digitsShape:
		return 100 - len(between)/8
	case direct && (behind || s == mixedShape):
		return 95 - len(between)/8
	case s == wordShape, s == looseShape && !alone:
		return 0
	case alone && behind && strings.Count(between, "\n") <= 6:
		return 85 - len(between)/8
	case alone && strings.Count(between, "\n") <= 3:
		return 60 - len(between)/8
	case lines == 0 && s != looseShape && !strings.ContainsAny(between, ".。!！?？"):
		return 50 - len(between)/8
	case lines == 0 && behind && s == digitsShape:
		return 35 - len(between)/8
	}
	return 0
}

// around gives the nearest two words before a candidate and behind it: a text may be all words.
func around(m []int, words [][]int) [][]int {
	next, _ := slices.BinarySearchFunc(words, m[1], func(w []int, at int) int { return cmp.Compare(w[0], at) })
	return words[max(0, next-2):min(len(words), next+2)]
}

func isNear(m []int, words [][]int) bool {
	return slices.ContainsFunc(around(m, words), func(w []int) bool { return w[0]-m[1] <= near && m[0]-w[1] <= near })
}

func aloneInLine(text string, m []int) bool {
	const frame = " \t\u00a0*_>[]()【】「」\"'|:："
	from := strings.LastIndexByte(text[:m[0]], '\n') + 1
	to := len(text)
	if n := strings.IndexByte(text[m[1]:], '\n'); n >= 0 {
		to = m[1] + n
	}
	return strings.Trim(text[from:m[0]], frame) == "" && strings.Trim(text[m[1]:to], frame) == ""
}

// codeForm is what a candidate is made of.
type codeForm uint8

const (
	noShape     codeForm = iota
	digitsShape          // 4 to 8 digits
	mixedShape           // capitals and digits
	looseShape           // small letters and digits: only where it stands alone or right beside
	wordShape            // capitals alone: only right beside
)

func shapeOf(as string) codeForm {
	code := strings.NewReplacer("-", "", "–", "", " ", "", "\u00a0", "").Replace(as)
	digits, upper, lower := 0, 0, 0
	for i := 0; i < len(code); i++ {
		switch c := code[i]; {
		case isDigit(c):
			digits++
		case c >= 'A' && c <= 'Z':
			upper++
		default:
			lower++
		}
	}
	grouped := len(code) != len(as)
	switch n := len(code); {
	case digits == n && n >= 4 && n <= 8:
		return digitsShape
	case upper == 1 && lower == 0 && len(as) > 1 && as[1] == '-' && digits >= 4:
		return digitsShape
	case digits > 0 && upper > 0 && lower == 0 && n >= 4 && n <= 16:
		return mixedShape
	case digits > 0 && lower > 0 && n >= 4 && n <= 12 && !grouped, digits > 0 && lower > 0 && grouped && n <= 16 && digits >= 2:
		return looseShape
	case digits == 0 && lower == 0 && n >= 5 && n <= 12:
		return wordShape
	}
	return noShape
}
