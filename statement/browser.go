package statement

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// A Browser makes PDFs of pages: one Chromium without a window, and a few tabs of it. It runs no scripts and loads nothing from anywhere: a page has all that it
// shows within it. It is started when the first page is to be printed, and anew where it has died.
type Browser struct {
	Path string // of the program; empty: it is looked for
	Tabs int    // at once; zero: 2

	mu  sync.Mutex
	on  *running
	old []*running // print their last pages
	err error      // it is closed
}

// A tab prints one page at a time.
type tab struct {
	context.Context
	life context.Context // ends where the process of its page dies; what was asked of it is never answered then
}

// running is a Chromium that runs.
type running struct {
	tabs  chan tab
	all   context.Context // ends with the program
	stop  []context.CancelFunc
	pages int
}

const (
	printTime  = 30 * time.Second // of a page
	startTime  = 30 * time.Second
	mostOfPage = 8 << 20
	mostPages  = 2000 // then it is started anew: what a browser does not give back comes to an end
)

// use gives the one that runs.
func (b *Browser) use() (*running, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return nil, b.err
	}
	if b.on != nil && b.on.pages >= mostPages {
		for range cap(b.on.tabs) {
			<-b.on.tabs // each page ends in its time
		}
		b.on.end()
		b.on = nil
	}
	if b.on == nil {
		on, err := b.start()
		if err != nil {
			return nil, err
		}
		b.on = on
	}
	b.on.pages++
	return b.on, nil
}

// drop has no more pages printed by one that does not do its work. Those that its other tabs print come to their end.
func (b *Browser) drop(r *running) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.on != r {
		return
	}
	b.on = nil
	b.old = append(b.old, r)
	go func() {
		for range cap(r.tabs) {
			select {
			case <-r.tabs:
			case <-r.all.Done():
			}
		}
		r.end()
		b.mu.Lock()
		defer b.mu.Unlock()
		b.old = slices.DeleteFunc(b.old, func(o *running) bool { return o == r })
	}()
}

func (b *Browser) start() (*running, error) {
	options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	if b.Path != "" {
		options = append(options, chromedp.ExecPath(b.Path))
	}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to have one as root
	}
	// No host has an address: whatever a page asks for is not to be had.
	options = append(options, chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND"), chromedp.WSURLReadTimeout(startTime))
	n := b.Tabs
	if n <= 0 {
		n = 2
	}
	r := &running{tabs: make(chan tab, n)}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	r.stop = append(r.stop, stop)
	r.all, stop = chromedp.NewContext(allocator)
	r.stop = append(r.stop, stop)
	for i := range n {
		one := r.all
		if i > 0 {
			one, stop = chromedp.NewContext(r.all)
			r.stop = append(r.stop, stop)
		}
		life, dies := context.WithCancel(r.all)
		r.stop = append(r.stop, dies)
		err := chromedp.Do(one, chromedp.Navigate("about:blank"))
		if err == nil {
			err = chromedp.Listen(one, func(event any) {
				if _, crashed := event.(*inspector.EventTargetCrashed); crashed {
					dies()
				}
			})
		}
		if err == nil {
			_, err = chromedp.Call(one, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		}
		if err != nil {
			r.end()
			return nil, fmt.Errorf("%w: starting it: %w", ErrBrowser, err)
		}
		r.tabs <- tab{one, life}
	}
	return r, nil
}

func (r *running) end() {
	for i := len(r.stop) - 1; i >= 0; i-- {
		r.stop[i]()
	}
}

// PDF prints a page. Where that fails another browser is started and tries once more. [ErrBrowser] is that there is none to be had.
func (b *Browser) PDF(ctx context.Context, html []byte) ([]byte, error) {
	if len(html) > mostOfPage {
		return nil, errors.New("statement: the page is too large to be printed")
	}
	for again := false; ; again = true {
		r, err := b.use()
		if err != nil {
			return nil, err
		}
		data, err := r.print(ctx, html)
		if err == nil {
			return data, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		b.drop(r) // whatever it was, it is good for nothing more: it has died, or its tab has, or does not come to an end
		if again {
			return nil, fmt.Errorf("statement: printing a page: %w", err)
		}
	}
}

// print prints a page by one of the tabs.
func (r *running) print(ctx context.Context, html []byte) ([]byte, error) {
	var t tab
	select {
	case t = <-r.tabs:
		defer func() { r.tabs <- t }()
	case <-r.all.Done():
		return nil, r.all.Err()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	work, stop := context.WithTimeout(t, printTime)
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	defer context.AfterFunc(t.life, stop)()
	tree, err := chromedp.Call(work, page.GetFrameTree, cdp.Empty{})
	if err == nil {
		_, err = chromedp.Call(work, page.SetDocumentContent, page.SetDocumentContentParams{FrameID: tree.FrameTree.Frame.ID, HTML: string(html)})
	}
	var printed page.PrintToPDFResult
	if err == nil {
		yes := true
		printed, err = chromedp.Call(work, page.PrintToPDF, page.PrintToPDFParams{PrintBackground: &yes, PreferCSSPageSize: &yes, PaperWidth: 8.27, PaperHeight: 11.69}) // A4
	}
	return printed.Data, err
}

// Close ends the browser.
func (b *Browser) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range append(b.old, b.on) {
		if r != nil {
			r.end()
		}
	}
	b.on, b.err = nil, errors.New("statement: the browser is closed")
	return nil
}
