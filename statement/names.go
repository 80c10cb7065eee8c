package statement

import (
	"text/template/parse"
)

// collect finds the columns that a template uses, and those of them that must not be empty.
func (t *Template) collect(f *form) {
	var c collector
	for _, tree := range f.trees() {
		c.node(tree.Root, true, false)
	}
	for _, name := range c.used {
		t.uses[name] = t.uses[name] || c.plain[name]
	}
}

func (f *form) trees() (list []*parse.Tree) {
	list = append(list, f.subject.Tree, f.text.Tree)
	if f.html != nil {
		list = append(list, f.html.Tree)
	}
	if f.pdf != nil {
		list = append(list, f.pdf.Tree)
	}
	return list
}

// A collector walks through a template. What it does not understand it passes over: filling tells then.
type collector struct {
	used  []string
	plain map[string]bool // used where nothing asks whether it is there: it must be
}

// node looks at a part. row: the dot is the row; asks: what stands here is only asked for.
func (c *collector) node(n parse.Node, row, sure bool) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return
		}
		for _, m := range n.Nodes {
			c.node(m, row, sure)
		}
	case *parse.ActionNode:
		c.pipe(n.Pipe, row, sure, false)
	case *parse.TemplateNode:
		c.pipe(n.Pipe, row, sure, false)
	case *parse.IfNode:
		c.pipe(n.Pipe, row, sure, true)
		c.node(n.List, row, true)
		c.node(n.ElseList, row, true)
	case *parse.WithNode:
		c.pipe(n.Pipe, row, sure, true)
		c.node(n.List, false, true)
		c.node(n.ElseList, row, true)
	case *parse.RangeNode:
		c.pipe(n.Pipe, row, sure, true)
		c.node(n.List, false, true)
		c.node(n.ElseList, row, true)
	}
}

// pipe looks at what is calculated. sure: this is not reached for every row; asks: it is asked for.
func (c *collector) pipe(p *parse.PipeNode, row, sure, asks bool) {
	if p == nil {
		return
	}
	for _, cmd := range p.Cmds {
		lenient := asks
		if id, ok := cmd.Args[0].(*parse.IdentifierNode); ok {
			switch id.Ident {
			case "default", "or", "and", "not", "eq", "ne", "len":
				lenient = true
			case "index":
				c.index(cmd, row, sure, lenient)
			}
		}
		for _, arg := range cmd.Args {
			c.argument(arg, row, sure, lenient)
		}
	}
}

func (c *collector) argument(arg parse.Node, row, sure, asks bool) {
	switch a := arg.(type) {
	case *parse.FieldNode:
		if row {
			c.name(a.Ident[0], sure, asks)
		}
	case *parse.VariableNode:
		if a.Ident[0] == "$" && len(a.Ident) > 1 {
			c.name(a.Ident[1], sure, asks)
		}
	case *parse.PipeNode:
		c.pipe(a, row, sure, asks)
	case *parse.ChainNode:
		c.argument(a.Node, row, sure, asks)
	}
}

// index is for names that are none of Go's: {{index . "first name"}}.
func (c *collector) index(cmd *parse.CommandNode, row, sure, asks bool) {
	if len(cmd.Args) < 3 {
		return
	}
	_, isDot := cmd.Args[1].(*parse.DotNode)
	v, isVariable := cmd.Args[1].(*parse.VariableNode)
	if s, ok := cmd.Args[2].(*parse.StringNode); ok && (isDot && row || isVariable && len(v.Ident) == 1 && v.Ident[0] == "$") {
		c.name(s.Text, sure, asks)
	}
}

func (c *collector) name(name string, sure, asks bool) {
	if c.plain == nil {
		c.plain = map[string]bool{}
	}
	c.used = append(c.used, name)
	if !asks && !sure {
		c.plain[name] = true // though it is asked for elsewhere: here a reader would see that it is missing
	}
}
