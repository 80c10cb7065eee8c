package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"unicode/utf16"
)

// An entry is a line of the demo's statement.
type entry struct {
	day            int
	what           string
	amount, remain int // in fen
}

// entries are what moved in March. They are the same each time.
func entries() []entry {
	words := [...]string{"餐饮", "地铁", "书店", "超市", "水电", "电影", "药房", "快递"}
	list := make([]entry, 0, 31*14)
	remain, dice := 1_234_567, uint32(20260331)
	for day := 1; day <= 31; day++ {
		for i := range 14 {
			dice = dice*1664525 + 1013904223 // a linear congruential generator will do
			amount := -int(dice >> 16 % 19_900)
			what := words[dice>>8%uint32(len(words))]
			if day == 10 && i == 0 {
				amount, what = 850_000, "工资"
			}
			remain += amount
			list = append(list, entry{day, what, amount, remain})
		}
	}
	return list
}

// statementPDF is a statement of some pages, about 100 KB, as programs that push
// statements make them. Its Chinese is set in a font that readers bring along.
func statementPDF() []byte {
	const perPage = 42
	list := entries()
	p := new(pdf)
	pages := (len(list) + perPage - 1) / perPage
	// 1 catalog, 2 pages, 3 to 5 fonts, then two objects a page.
	kids := ""
	for i := range pages {
		kids += fmt.Sprintf("%d 0 R ", 6+2*i)
	}
	p.object("<< /Type /Catalog /Pages 2 0 R >>")
	p.object(fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d >>", kids, pages))
	p.object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
	p.object("<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light-UniGB-UCS2-H /Encoding /UniGB-UCS2-H /DescendantFonts [5 0 R] >>")
	p.object("<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 2 >> /DW 1000 " +
		"/FontDescriptor << /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880] /ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >> >>")
	for i := range pages {
		p.object(fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> /Contents %d 0 R >>", 7+2*i))
		body := page(i+1, pages, list[i*perPage:min(len(list), (i+1)*perPage)])
		p.object(fmt.Sprintf("<< /Length %d >>\nstream\n%sendstream", len(body), body))
	}
	return p.end()
}

// page is what stands on one page.
func page(n, of int, list []entry) string {
	var b bytes.Buffer
	chinese := func(x, y, size int, s string) {
		fmt.Fprintf(&b, "BT /F2 %d Tf 1 0 0 1 %d %d Tm <%s> Tj ET\n", size, x, y, ucs2(s))
	}
	latin := func(x, y int, s string) { fmt.Fprintf(&b, "BT /F1 9 Tf 1 0 0 1 %d %d Tm (%s) Tj ET\n", x, y, s) }
	chinese(60, 790, 18, "三月对账单")
	latin(480, 790, fmt.Sprintf("%d / %d", n, of))
	y := 760
	for _, title := range []struct {
		x int
		s string
	}{{60, "日期"}, {160, "摘要"}, {300, "金额"}, {430, "余额"}} {
		chinese(title.x, y, 10, title.s)
	}
	for _, e := range list {
		y -= 16
		fmt.Fprintf(&b, "0.85 G 0.5 w 60 %d m 535 %d l S\n", y+12, y+12)
		latin(60, y, fmt.Sprintf("2026-03-%02d", e.day))
		chinese(160, y, 9, e.what)
		latin(300, y, yuan(e.amount))
		latin(430, y, yuan(e.remain))
	}
	return b.String()
}

// ucs2 is a text as the font's encoding wants it, in hex.
func ucs2(s string) string {
	h := ""
	for _, u := range utf16.Encode([]rune(s)) {
		h += fmt.Sprintf("%04X", u)
	}
	return h
}

func yuan(fen int) string {
	sign := ""
	if fen < 0 {
		sign, fen = "-", -fen
	}
	return fmt.Sprintf("%s%d.%02d", sign, fen/100, fen%100)
}

// A pdf is a file as it is written: objects in their order, and where each begins.
type pdf struct {
	b  bytes.Buffer
	at []int
}

func (p *pdf) object(body string) {
	if len(p.at) == 0 {
		p.b.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	}
	p.at = append(p.at, p.b.Len())
	fmt.Fprintf(&p.b, "%d 0 obj\n%s\nendobj\n", len(p.at), body)
}

func (p *pdf) end() []byte {
	xref := p.b.Len()
	fmt.Fprintf(&p.b, "xref\n0 %d\n0000000000 65535 f \n", len(p.at)+1)
	for _, at := range p.at {
		fmt.Fprintf(&p.b, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&p.b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(p.at)+1, xref)
	return p.b.Bytes()
}

// chartPNG shows what was spent on each day, as the HTML part has it.
func chartPNG() []byte {
	const width, height, bar = 31*14 + 10, 120, 10
	m := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{
		color.White, color.RGBA{R: 0x2b, G: 0x6c, B: 0xb0, A: 0xff},
	})
	spent := [32]int{}
	for _, e := range entries() {
		if e.amount < 0 {
			spent[e.day] -= e.amount
		}
	}
	for day := 1; day <= 31; day++ {
		x, top := 5+(day-1)*14, height-min(height-5, spent[day]/2500)
		for y := top; y < height; y++ {
			for i := range bar {
				m.SetColorIndex(x+i, y, 1)
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		return nil // a buffer takes all
	}
	return b.Bytes()
}
