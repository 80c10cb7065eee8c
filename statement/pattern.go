package statement

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/parleymail/parley/internal/plain"
)

// A pattern is the name of a file, made of a row. A cell in it is one name: it cannot lead to another folder. {{path .file}} lets it.
type pattern struct {
	t       *template.Template
	names   []string // of columns
	guarded bool
}

func newPattern(what, source string, t *Template) (*pattern, error) {
	f, err := t.form(t.o.Locale)
	if err != nil {
		return nil, err
	}
	p := &pattern{}
	p.t, err = template.New(what).Option("missingkey=error").Funcs(f.funcs).Funcs(template.FuncMap{"path": relative, "_name": oneName}).Parse(source)
	if err != nil {
		return nil, fmt.Errorf("statement: %s: %w", what, err)
	}
	var c collector
	c.node(p.t.Root, true, false)
	p.names = c.used
	guard(p.t.Root, p.t.Tree)
	return p, nil
}

// guard has each cell looked at before it stands in the name, as html/template has its escapers: it is asked last.
func guard(n parse.Node, tree *parse.Tree) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return
		}
		for _, m := range n.Nodes {
			guard(m, tree)
		}
	case *parse.ActionNode:
		if len(n.Pipe.Decl) > 0 {
			return
		}
		last := n.Pipe.Cmds[len(n.Pipe.Cmds)-1]
		if id, ok := last.Args[0].(*parse.IdentifierNode); ok && id.Ident == "path" {
			return
		}
		name := parse.NewIdentifier("_name").SetTree(tree).SetPos(n.Pos)
		n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{NodeType: parse.NodeCommand, Pos: n.Pos, Args: []parse.Node{name}})
	case *parse.IfNode:
		guard(n.List, tree)
		guard(n.ElseList, tree)
	case *parse.WithNode:
		guard(n.List, tree)
		guard(n.ElseList, tree)
	case *parse.RangeNode:
		guard(n.List, tree)
		guard(n.ElseList, tree)
	}
}

// oneName is for what stands in a name of a file and is no path.
func oneName(v any) (string, error) {
	s := strings.TrimSpace(fmt.Sprint(v))
	switch {
	case s == "":
		return "", errors.New("a cell that names a file is empty")
	case s == ".", strings.Contains(s, ".."), strings.ContainsAny(s, `/\:*?"<>|`+"\x00"), strings.ContainsFunc(s, plain.IsControl), strings.ContainsAny(s, "\n\t"):
		return "", errors.New(plain.Quoted(plain.Shortened(s, 80)) + " is no name of a file")
	}
	return s, nil
}

// relative is the function "path": a cell that names folders too, below the one of files.
func relative(v any) (string, error) {
	s := filepath.ToSlash(strings.TrimSpace(fmt.Sprint(v)))
	if s == "" || !filepath.IsLocal(filepath.FromSlash(s)) || strings.ContainsFunc(s, plain.IsControl) || strings.Contains(s, `\`) || strings.Contains(s, "..") {
		return "", errors.New(plain.Quoted(plain.Shortened(s, 80)) + " is no path below the folder of files")
	}
	return s, nil
}

// fill gives the name.
func (p *pattern) fill(r *Row) (string, error) {
	s, err := filled(p.t, r)
	if err != nil {
		return "", err
	}
	s = filepath.ToSlash(strings.TrimSpace(s))
	if !filepath.IsLocal(filepath.FromSlash(s)) {
		return "", errors.New(plain.Quoted(plain.Shortened(s, 80)) + " is no path below the folder of files")
	}
	return s, nil
}
