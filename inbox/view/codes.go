package view

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Code is what a mail asks its reader to type in somewhere.
type Code struct {
	Code string `json:"code"` // without the blanks and dashes that only make it readable
	As   string `json:"as"`   // as it stands
	Near string `json:"near"` // the line that it stands in
	Sure bool   `json:"sure"` // a word says so right beside it

	score, at int
}

const (
	maxCodes    = 10
	maxCodeText = 32 << 10 // octets that are looked at: a code stands at the beginning
	maxLooked   = 400      // numbers near a word for codes
)

func (v *View) makeCodes() []Code {
	l := v.letter()
	var list []Code
	list = findCodes(v.root().Get("Subject") + "\n\n" + cutText(v.text().Text))
	if l.Plain != nil && l.HTML != nil {
		for _, c := range findCodes(cutText(v.words())) {
			if !slices.ContainsFunc(list, func(o Code) bool { return o.Code == c.Code }) {
				list = append(list, c)
			}
		}
		slices.SortStableFunc(list, func(a, b Code) int { return cmp.Compare(b.score, a.score) })
	}
	return list[:min(len(list), maxCodes)]
}

func cutText(s string) string {
	if len(s) > maxCodeText {
		s = strings.ToValidUTF8(s[:maxCodeText], "")
	}
	return s
}

var (
	// What may be a code: digits, in groups or one by one; letters and digits; letters alone.
	codeShape = regexp.MustCompile(`[0-9](?:[ \x{a0}][0-9]){3,7}\b|[0-9]{2}(?:[ \x{a0}][0-9]{2}){2,3}\b|[A-Z]-[0-9]{4,8}\b|[A-Za-z0-9]{2,8}(?:[-–][A-Za-z0-9]{2,8}){1,3}|[0-9]{3}[ \x{a0}][0-9]{3}\b|[0-9]{4}[ \x{a0}][0-9]{4}\b|[A-Za-z0-9]{4,12}`)
	// What names a code.
	codeWords = regexp.MustCompile(`(?i)\b(?:(?:verification|security|confirmation|login|log-in|sign-in|signin|access|authentication|authorization|activation|one[- ]time|single[- ]use|temporary|reset|recovery|auth|2fa|mfa|sms|email)[ -]+)?(?:pass)?codes?\b|\botp\b|\b(?:your|the|a|new|temporary|one-time) pin\b|\bpin(?: code)?\s*(?:[:=]|is\b)|\bone[- ]time (?:password|passcode|pin)\b|\bpasscode\b|\b(?:2fa|two-factor|verification|security|login|access) (?:token|number|pin)\b|\bsecurity key\b|\bcódigo\b|\bcodigo\b|\bcodice\b|bestätigungscode|sicherheitscode|код подтверждения|код доступа|код для|код:` +
		`|验证码|校验码|动态码|动态密码|动态口令|口令|授权码|确认码|安全码|激活码|识别码|随机码|短信码|登录码|取件码|提取码|核验码|认证码|一次性密码|临时密码|验证代码|驗證碼|認證碼|確認碼|校驗碼|動態密碼|認証コード|確認コード|인증번호|인증 ?코드`)
	// What has "code" or a number in it and is no code to be typed.
	otherCodes = regexp.MustCompile(`(?i)\b(?:zip|postal|post|area|country|dialing|source|qr|bar|promo|promotion|promotional|discount|coupon|voucher|gift|referral|invite|invitation|error|status|exit|response|reply|http|smtp|dress|product|item|sku|color|colour|currency|swift|iata|booking|tracking|morse|machine|sort|bank|tax|vat|hs|iso|building|unit|short|reason|return|diagnostic|enhanced)[ -]?codes?\b|\bcode (?:of|review|base|block|snippet|sample|quality|name|freeze|owner|change|scanning)\b|\b(?:our|your|new|this|some|bad|dead|legacy|open[- ]source) code (?:base|was|has|in|on|at)\b|二维码|条形码|条码|邮政编码|邮编|优惠码|折扣码|兑换码|邀请码|推荐码|错误码|错误代码|状态码|代码库|源代码|区号|编码`)
	codeURL    = regexp.MustCompile(`(?i)\b(?:https?://|www\.)[^\s<>"]+|<[^<>\s]*>|\S+@\S+`)
)

// findCodes looks near the words that name codes. A number that no such word stands near is none.
func findCodes(text string) []Code {
	if !codeWords.MatchString(text) {
		return nil
	}
	text = codeURL.ReplaceAllStringFunc(text, blanks)
	text = otherCodes.ReplaceAllStringFunc(text, blanks)
	words := codeWords.FindAllStringIndex(text, 200)
	if len(words) == 0 {
		return nil
	}
	var list []Code
	last, looked := 0, 0
	for _, m := range codeShape.FindAllStringIndex(text, -1) {
		if m[0] < last || shapeOf(text[m[0]:m[1]]) == noShape || !isNear(m, words) || !standsAlone(text, m[0], m[1]) {
			continue
		}
		if looked++; looked > maxLooked {
			break
		}
		c := Code{As: text[m[0]:m[1]], at: m[0]}
		c.Code = bareCode(c.As)
		if c.score = score(text, m, words); c.score <= 0 {
			continue
		}
		last = m[1]
		c.Near = lineAt(text, m[0])
		c.Sure = c.score >= 80
		if i := slices.IndexFunc(list, func(o Code) bool { return o.Code == c.Code }); i >= 0 {
			list[i].score = max(list[i].score, c.score)
			list[i].Sure = list[i].Sure || c.Sure
			continue
		}
		list = append(list, c)
	}
	slices.SortStableFunc(list, func(a, b Code) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.at, b.at))
	})
	return list[:min(len(list), maxCodes)]
}

// blanks keeps every place where it is.
func blanks(s string) string { return strings.Repeat(" ", len(s)) }

// bareCode is what is typed: without separators, and without the "G-" that stands before the field on the page.
func bareCode(s string) string {
	if len(s) > 2 && s[1] == '-' && !isDigit(s[0]) && strings.Trim(s[2:], "0123456789") == "" {
		return s[2:]
	}
	digits := strings.NewReplacer("-", "", "–", "", " ", "", "\u00a0", "").Replace(s)
	if strings.Trim(digits, "0123456789") == "" {
		return digits
	}
	return strings.ReplaceAll(s, "–", "-")
}

// standsAlone: it is not a piece of something longer, such as a date, a price, a phone number, a name.
func standsAlone(s string, from, to int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:from])
	after, size := utf8.DecodeRuneInString(s[to:])
	next, _ := utf8.DecodeRuneInString(s[to+size:])
	switch {
	case from > 0 && (before < 0x80 && isAlnum(byte(before)) || strings.ContainsRune("+#$€£¥￥₹@/\\_.%=&", before)):
		return false
	case from > 0 && strings.ContainsRune("-–,:：", before) && from > 1 && isDigitRune(runeBefore(s, from-utf8.RuneLen(before))):
		return false
	case after < 0x80 && size > 0 && isAlnum(byte(after)), strings.ContainsRune("@/\\_%=&", after) && size > 0:
		return false
	case strings.ContainsRune("-–.,:：", after) && (isDigitRune(next) || next < 0x80 && next > 0 && isAlnum(byte(next))):
		return false
	}
	// Digits on either side, with a blank between, make a phone number or a card.
	if before == ' ' && isDigitRune(runeBefore(s, from-1)) || after == ' ' && isDigitRune(next) {
		return false
	}
	return true
}

func runeBefore(s string, i int) rune {
	r, _ := utf8.DecodeLastRuneInString(s[:max(i, 0)])
	return r
}

func isDigitRune(r rune) bool { return r >= '0' && r <= '9' }

// lineAt is the line around a place, at most so much of it as a person looks at.
func lineAt(s string, i int) string {
	from := strings.LastIndexByte(s[:i], '\n') + 1
	to := len(s)
	if n := strings.IndexByte(s[i:], '\n'); n >= 0 {
		to = i + n
	}
	from, to = max(from, i-100), min(to, i+100)
	return strings.Join(strings.Fields(strings.ToValidUTF8(s[from:to], "")), " ")
}
