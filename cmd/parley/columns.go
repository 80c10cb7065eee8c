package main

import (
	"strings"
	"unicode"

	"charm.land/lipgloss/v2"
)

const (
	// twoColumns is the least width of a line on which a remark stands beside what
	// it is about, and not under it.
	twoColumns = 80
	maxLeft    = 56 // columns of what stands at the left
	gap        = 2  // columns between the two
	under      = 4  // columns that a remark is indented by, where it stands under
)

// row prints a line and a remark about it.
func (u *ui) row(line string, style lipgloss.Style, remark string) {
	width := u.width - 1 // some terminals begin a new line once the last column is written
	if u.width < twoColumns {
		for _, l := range wrap(line, width, 3) {
			u.print(style.Render(l))
		}
		if remark != "" {
			for _, l := range wrap(remark, width-under, 0) {
				u.print(strings.Repeat(" ", under) + u.styles.note.Render(l))
			}
		}
		return
	}
	left := min(maxLeft, width*47/100)
	lines, remarks := wrap(line, left, 3), wrap(remark, width-left-gap, 0)
	for i := range max(len(lines), len(remarks)) {
		l, r := at(lines, i), at(remarks, i)
		if r != "" {
			r = strings.Repeat(" ", left+gap-lipgloss.Width(l)) + u.styles.note.Render(r)
		}
		u.print(style.Render(l) + r)
	}
}

// paragraph prints a text that may be longer than a line.
func (u *ui) paragraph(s string) {
	for _, l := range wrap(s, u.width-1, 0) {
		u.print(l)
	}
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

// pad fills s with blanks up to a width in columns of a terminal, in which a
// Chinese character takes two.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-lipgloss.Width(s)))
}

// wrap parts s into lines of at most width columns. All but the first are indented
// by hang. It breaks at blanks and beside Chinese characters, but never before a
// closing mark or behind an opening one; what is too long all the same is cut.
func wrap(s string, width, hang int) []string {
	width = max(width, 10)
	if lipgloss.Width(s) <= width {
		return []string{s}
	}
	var lines []string
	line, used, indent := "", 0, ""
	flush := func() {
		if line != indent {
			lines = append(lines, strings.TrimRight(line, " "))
		}
		indent = strings.Repeat(" ", hang)
		line, used = indent, hang
	}
	for _, piece := range pieces(s) {
		w := lipgloss.Width(strings.TrimRight(piece, " "))
		if used+w > width && w <= width-hang {
			flush()
		}
		for used+w > width { // longer than any line: it is cut where the line ends
			head := cut(piece, width-used)
			line, piece = line+head, piece[len(head):]
			w = lipgloss.Width(strings.TrimRight(piece, " "))
			flush()
		}
		line, used = line+piece, used+lipgloss.Width(piece)
	}
	if strings.TrimSpace(line) != "" {
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}

// pieces parts s where a line may end. A blank belongs to what stands before it.
func pieces(s string) []string {
	const (
		closing = "，。、；：！？）》」』”’%.,;:!?)]}…—"
		opening = "（《「『“‘([{"
	)
	var list []string
	start := 0
	before := rune(0)
	for i, r := range s {
		brk := before == ' ' && r != ' ' || isWide(r) || isWide(before) && !unicode.Is(unicode.Mn, r)
		if i > start && brk && r != ' ' && (before == ' ' || !strings.ContainsRune(closing, r)) && !strings.ContainsRune(opening, before) {
			list = append(list, s[start:i])
			start = i
		}
		before = r
	}
	return append(list, s[start:])
}

// cut is as much of the begin of s as fits into width columns, and at least one
// character.
func cut(s string, width int) string {
	used := 0
	for i, r := range s {
		w := lipgloss.Width(string(r))
		if used+w > width && i > 0 {
			return s[:i]
		}
		used += w
	}
	return s
}

func isWide(r rune) bool { return r > 0x1100 && lipgloss.Width(string(r)) == 2 }
