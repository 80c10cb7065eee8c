package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A job is what one contestant is to do, in a process of its own: this program,
// started again as "bench child".
type job struct {
	Do         string // one of the words below
	As         string // the contestant's name
	Letter     string
	Recipients int
	Addr       string // of the server
	Dir        string // where files are
	Warm       int    // mails before measuring begins
	Count      int    // mails that are measured
	Sessions   int    // of doLoad
	Profile    string // if not empty, the file that a CPU profile of what is measured goes to; of a server, of all it does
}

const (
	doSend    = "send"    // open, send, close
	doCompose = "compose" // write mails to nowhere
	doLoad    = "load"    // send by hand over several sessions
	doServe   = "serve"   // be a server until standard input ends
)

// A report is what a job cost.
type report struct {
	CPU    time.Duration // user and system, of the mails measured
	Wall   time.Duration // of the same
	Allocs uint64        // of the same
	Bytes  uint64        // of the same: allocated

	Taken time.Duration // from before the connection was made until the last mail was taken
	Done  time.Duration // until the connection was closed
	Peak  int64         // the process's largest resident size, in octets
	Error string
}

// runChild does a job that came as JSON, and prints its report so.
func runChild(arg string) error {
	var j job
	if err := json.Unmarshal([]byte(arg), &j); err != nil {
		return fmt.Errorf("reading the job: %w", err)
	}
	if j.Do == doServe {
		return serve(j)
	}
	r, err := j.run()
	if err != nil {
		r.Error = err.Error()
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

func (j job) run() (report, error) {
	l := newLetter(j.Letter, j.Recipients, j.Dir)
	c, ok := contestantNamed(j.As)
	if !ok && j.Do != doLoad {
		return report{}, fmt.Errorf("there is no contestant %q", j.As)
	}
	switch j.Do {
	case doSend:
		return j.send(c, l)
	case doCompose:
		return j.compose(c, l)
	case doLoad:
		return j.load(l)
	}
	return report{}, fmt.Errorf("there is no job %q", j.Do)
}

func (j job) send(c contestant, l letter) (report, error) {
	began := time.Now()
	m, err := c.open(l, j.Addr)
	if err != nil {
		return report{}, fmt.Errorf("opening: %w", err)
	}
	var w watch
	if all, ok := m.(mailsAll); ok {
		if j.Warm == 0 {
			w.start(j)
		}
		err = all.sendAll(j.Warm+j.Count, func(n int) {
			if n == j.Warm-1 {
				w.start(j)
			}
		})
	} else {
		for n := 0; n < j.Warm+j.Count && err == nil; n++ {
			if n == j.Warm {
				w.start(j)
			}
			err = m.send(n)
		}
	}
	if err != nil {
		return report{}, fmt.Errorf("sending: %w", err)
	}
	r := w.stop()
	r.Taken = time.Since(began)
	if err := m.close(); err != nil {
		return report{}, fmt.Errorf("closing: %w", err)
	}
	r.Done = time.Since(began)
	r.Peak, err = peak(os.Getpid())
	return r, err
}

func (j job) compose(c contestant, l letter) (report, error) {
	if c.compose == nil {
		return report{}, errors.New("it does not compose")
	}
	var w watch
	for n := range j.Warm + j.Count {
		if n == j.Warm {
			w.start(j)
		}
		if err := c.compose(l, n, io.Discard); err != nil {
			return report{}, err
		}
	}
	return w.stop(), nil
}

// load sends Count mails over Sessions sessions, all at once.
func (j job) load(l letter) (report, error) {
	errs := make([]error, j.Sessions)
	var wg sync.WaitGroup
	for i := range j.Sessions {
		wg.Go(func() {
			m, err := openByHand(l, j.Addr)
			for n := 0; n < j.Count/j.Sessions && err == nil; n++ {
				err = m.send(n)
			}
			if m != nil {
				m.close()
			}
			errs[i] = err
		})
	}
	wg.Wait()
	return report{}, errors.Join(errs...)
}

// A watch measures between start and stop.
type watch struct {
	cpu     time.Duration
	wall    time.Time
	mem     runtime.MemStats
	profile func()
}

func (w *watch) start(j job) {
	runtime.GC() // what the warm-up left is not the measured mails' to clear
	if j.Profile != "" {
		stop, err := startProfile(j.Profile)
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench: no profile:", err)
		}
		w.profile = stop
	}
	runtime.ReadMemStats(&w.mem)
	w.wall, w.cpu = time.Now(), ownCPU()
}

func (w *watch) stop() report {
	r := report{CPU: ownCPU() - w.cpu, Wall: time.Since(w.wall)}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	r.Allocs, r.Bytes = mem.Mallocs-w.mem.Mallocs, mem.TotalAlloc-w.mem.TotalAlloc
	if w.profile != nil {
		w.profile()
	}
	return r
}

func startProfile(name string) (stop func(), err error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		f.Close()
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, nil
}

// ownCPU is the user and system time that this process has used.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0 // it cannot fail with these arguments
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peak is the largest resident size that a process had, since it became the
// program that it is. That of rusage is no use: it begins with the parent's.
func peak(pid int) (int64, error) {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(rest)
	if !ok || len(fields) == 0 {
		return 0, errors.New("the process has no VmHWM any more")
	}
	kib, err := strconv.ParseInt(fields[0], 10, 64)
	return kib << 10, err
}
