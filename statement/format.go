package statement

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/currency"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"github.com/parleymail/parley/internal/plain"
)

// A formatter writes numbers, money and dates as people of one place do.
type formatter struct {
	tag  language.Tag
	p    *message.Printer
	base string // the language
	dot  string // between a number's whole and its fraction
}

func newFormatter(tag language.Tag) *formatter {
	f := &formatter{tag: tag, p: message.NewPrinter(tag)}
	b, _ := tag.Base()
	f.base = b.String()
	f.dot = strings.TrimFunc(f.p.Sprint(number.Decimal(0.5, number.Scale(1))), unicode.IsDigit)
	return f
}

// decimal reads a number as tables have it: "1,234.50", "¥1 234.50", "(12.00)", "-3", "1.5e3" is none of people's. Groups must be groups, so that "1,50" is refused
// and not taken for 150.
func decimal(v any) (*big.Rat, error) {
	text := strings.TrimSpace(fmt.Sprint(v))
	s := strings.TrimFunc(text, func(r rune) bool {
		return unicode.Is(unicode.Sc, r) || unicode.IsSpace(r) || r == '元'
	})
	negative := false
	if t, ok := strings.CutPrefix(s, "("); ok && strings.HasSuffix(t, ")") {
		s, negative = strings.TrimSuffix(t, ")"), true
	}
	for _, minus := range []string{"-", "−"} {
		if t, ok := strings.CutPrefix(s, minus); ok {
			s, negative = strings.TrimLeftFunc(t, func(r rune) bool { return unicode.Is(unicode.Sc, r) || r == ' ' }), !negative
			break
		}
	}
	s = strings.TrimPrefix(s, "+")
	whole, fraction, _ := strings.Cut(s, ".")
	groups := strings.FieldsFunc(whole, func(r rune) bool { return r == ',' || r == '，' || r == ' ' || r == '\'' })
	for i, g := range groups {
		if i > 0 && len(g) != 3 || i == 0 && len(groups) > 1 && len(g) > 3 {
			return nil, errors.New(plain.Quoted(text) + " is no number: write 1234.50 or 1,234.50")
		}
	}
	digits := strings.Join(groups, "")
	if digits == "" && fraction == "" || !allDigits(digits) || !allDigits(fraction) || len(digits)+len(fraction) > 60 {
		return nil, errors.New(plain.Quoted(text) + " is no number: write 1234.50 or 1,234.50")
	}
	r, ok := new(big.Rat).SetString("0" + digits + "." + fraction + "0")
	if !ok {
		return nil, errors.New(plain.Quoted(text) + " is no number")
	}
	if negative {
		r.Neg(r)
	}
	return r, nil
}

func allDigits(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

// plainNumber is a number such as 6.22E+18 without its exponent.
func plainNumber(s string) string {
	if !strings.ContainsAny(s, "eE") {
		return s
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return s
	}
	if r.IsInt() {
		return r.Num().String()
	}
	return strings.TrimRight(r.FloatString(15), "0")
}

// parts are a number's sign, whole and fraction of so many digits, rounded half away from zero, as banks do it. All digits are exact: no floating point.
func parts(r *big.Rat, digits int) (negative bool, whole int64, fraction string, err error) {
	text := new(big.Rat).Abs(r).FloatString(digits)
	w, fraction, _ := strings.Cut(text, ".")
	if whole, err = strconv.ParseInt(w, 10, 64); err != nil {
		return false, 0, "", errors.New("a number has more than 18 digits")
	}
	return r.Sign() < 0 && strings.Trim(text, "0.") != "", whole, fraction, nil
}

// plain writes a number without its sign.
func (f *formatter) plain(r *big.Rat, digits int) (text string, negative bool, err error) {
	negative, whole, fraction, err := parts(r, digits)
	if err != nil {
		return "", false, err
	}
	text = f.p.Sprint(number.Decimal(whole))
	if fraction != "" {
		text += f.dot + fraction
	}
	return text, negative, nil
}

// number writes a number; of how many digits behind the dot, if that is said.
func (f *formatter) number(v any, digits ...int) (string, error) {
	r, err := decimal(v)
	if err != nil {
		return "", err
	}
	n := 0
	if len(digits) > 0 {
		n = min(max(digits[0], 0), 18)
	} else if !r.IsInt() {
		n = len(strings.TrimRight(r.FloatString(18), "0")) - strings.IndexByte(r.FloatString(18), '.') - 1
	}
	text, negative, err := f.plain(r, n)
	if negative {
		text = "-" + text
	}
	return text, err
}

// percent writes 0.0375 as 3.75%.
func (f *formatter) percent(v any, digits ...int) (string, error) {
	r, err := decimal(strings.TrimSuffix(fmt.Sprint(v), "%"))
	if err != nil {
		return "", err
	}
	if !strings.HasSuffix(fmt.Sprint(v), "%") {
		r.Mul(r, big.NewRat(100, 1))
	}
	if len(digits) == 0 {
		digits = []int{2}
	}
	text, negative, err := f.plain(r, min(max(digits[0], 0), 18))
	if negative {
		text = "-" + text
	}
	return text + "%", err
}

// behind are languages that write the currency behind the amount. CLDR 46.
var behind = map[string]bool{
	"de": true, "fr": true, "es": true, "it": true, "ru": true, "pl": true, "cs": true, "sk": true, "sv": true, "da": true, "nb": true, "no": true, "fi": true,
	"hu": true, "ro": true, "bg": true, "uk": true, "el": true, "hr": true, "sl": true, "sr": true, "lt": true, "lv": true, "et": true, "vi": true, "ca": true,
}

// money writes an amount with its currency: money .amount "CNY".
func (f *formatter) money(v any, code string) (string, error) {
	r, err := decimal(v)
	if err != nil {
		return "", err
	}
	unit, err := currency.ParseISO(code)
	if err != nil {
		return "", errors.New(plain.Quoted(code) + " is no currency: three letters, such as CNY")
	}
	digits, _ := currency.Standard.Rounding(unit)
	text, negative, err := f.plain(r, digits)
	if err != nil {
		return "", err
	}
	symbol := f.p.Sprint(currency.Symbol(unit))
	if symbol == "￥" {
		symbol = "¥" // as people write it beside digits
	}
	region, _ := f.tag.Region()
	switch {
	case behind[f.base] || f.base == "pt" && region.String() == "PT":
		text += "\u00a0" + symbol
	case len(symbol) == 3 && symbol == unit.String():
		text = symbol + "\u00a0" + text
	default:
		text = symbol + text
	}
	if negative {
		text = "-" + text
	}
	return text, nil
}

// dateLayouts are how tables write dates.
var dateLayouts = []string{
	time.DateOnly, "2006/1/2", "2006-1-2", "2006.1.2", "20060102", "2006年1月2日", time.RFC3339, time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", "2006/1/2 15:04", "2006-01",
	"2006/01", "2006年1月", "200601",
}

func parseDate(v any) (t time.Time, month bool, err error) {
	if t, ok := v.(time.Time); ok {
		return t, false, nil
	}
	text := strings.TrimSpace(fmt.Sprint(v))
	for i, layout := range dateLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, i >= len(dateLayouts)-4, nil
		}
	}
	return time.Time{}, false, errors.New(plain.Quoted(text) + " is no date: write 2026-03-31")
}

// date writes a date as the place does, or by a layout of Go's: date .day, date .day "Jan 2".
func (f *formatter) date(v any, layout ...string) (string, error) {
	t, month, err := parseDate(v)
	if err != nil {
		return "", err
	}
	if len(layout) > 0 && layout[0] != "" {
		return t.Format(layout[0]), nil
	}
	region, _ := f.tag.Region()
	switch {
	case f.base == "zh" || f.base == "ja":
		if month {
			return t.Format("2006年1月"), nil
		}
		return t.Format("2006年1月2日"), nil
	case f.base == "en" && month:
		return t.Format("January 2006"), nil
	case f.base == "en" && (region.String() == "US"):
		return t.Format("January 2, 2006"), nil
	case f.base == "en":
		return t.Format("2 January 2006"), nil
	case f.base == "ko":
		return t.Format("2006년 1월 2일"), nil
	case f.base == "de" || f.base == "ru" || f.base == "pl" || f.base == "cs" || f.base == "fi" || f.base == "nb" || f.base == "da":
		return t.Format("02.01.2006"), nil
	case f.base == "fr" || f.base == "es" || f.base == "it" || f.base == "pt" || f.base == "vi":
		return t.Format("02/01/2006"), nil
	}
	return t.Format(time.DateOnly), nil
}

// capitals writes an amount of yuan as contracts and receipts do: 壹仟贰佰叁拾肆元伍角陆分.
func capitals(v any) (string, error) {
	r, err := decimal(v)
	if err != nil {
		return "", err
	}
	negative, whole, fraction, err := parts(r, 2)
	if err != nil || whole >= 1e12 {
		return "", errors.New("an amount has more than 12 digits")
	}
	digits := []rune("零壹贰叁肆伍陆柒捌玖")
	text := capitalWhole(whole, digits)
	if text != "" {
		text += "元"
	}
	jiao, fen := fraction[0]-'0', fraction[1]-'0'
	switch {
	case jiao == 0 && fen == 0 && text == "":
		text = "零元整"
	case jiao == 0 && fen == 0:
		text += "整"
	default:
		if jiao > 0 {
			text += string(digits[jiao]) + "角"
		} else if text != "" {
			text += "零"
		}
		if fen > 0 {
			text += string(digits[fen]) + "分"
		} else {
			text += "整"
		}
	}
	if negative {
		text = "负" + text
	}
	return text, nil
}

// capitalWhole writes a whole number in groups of four digits.
func capitalWhole(n int64, digits []rune) string {
	var text string
	zero := false
	for i, unit := range []string{"亿", "万", ""} {
		group := n / [...]int64{1e8, 1e4, 1}[i] % 1e4
		if group == 0 {
			zero = zero || text != ""
			continue
		}
		for j, place := range []string{"仟", "佰", "拾", ""} {
			d := group / [...]int64{1000, 100, 10, 1}[j] % 10
			if d == 0 {
				zero = zero || text != ""
				continue
			}
			if zero {
				text, zero = text+"零", false
			}
			text += string(digits[d]) + place
		}
		zero = false
		text += unit
	}
	return text
}

// masked shows the last four characters of a number alone.
func masked(v any) string {
	r := []rune(strings.TrimSpace(fmt.Sprint(v)))
	n := max(len(r)-4, len(r)/2)
	return strings.Repeat("*", min(n, 4)) + string(r[n:])
}
