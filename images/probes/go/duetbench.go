// Package duetbench stamps Go benchmarks: write `defer duetbench.Stamp(b)()` as the first line of each.
//
// Each call of the benchmark function by package testing, also with the small b.N by which it finds the right
// one, is a line of CSV in DUET_RESULTS (results.csv in the working directory without it), written at
// once. In a synchronised run (DUET_BARRIER) both sides meet before each call, and the column `synchronised`
// says whether the other side came. In another module, add to go.mod:
//
//	require duetbench v0.0.0
//	replace duetbench => /probes/go
package duetbench

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	lock     sync.Mutex
	file     *os.File
	barrier  *meeting
	passes   int
	together bool
	// Times are read off the monotonic clock, so that durations are exact.
	origin = time.Now()
)

// Stamp meets the other side, if there is one, and begins an iteration; what it returns ends it.
func Stamp(b *testing.B) func() {
	lock.Lock()
	defer lock.Unlock()
	if file == nil {
		open()
	}
	if barrier != nil {
		together = barrier.meet()
	}
	start := now()
	return func() {
		end := now()
		lock.Lock()
		defer lock.Unlock()
		name := strings.NewReplacer(",", "_", "\"", "_").Replace(b.Name())
		line := fmt.Sprintf("%s,%d,%d,%d,%d", name, passes, start, end, b.N)
		if barrier != nil {
			line += map[bool]string{true: ",1", false: ",0"}[together]
		}
		passes++
		if _, err := file.WriteString(line + "\n"); err != nil {
			fail(err)
		}
	}
}

func now() int64 {
	return origin.UnixNano() + int64(time.Since(origin))
}

func open() {
	path := os.Getenv("DUET_RESULTS")
	if path == "" {
		path = "results.csv"
	}
	if before, err := os.ReadFile(path); err == nil && len(before) > 0 {
		passes = strings.Count(string(before), "\n") - 1 // of the processes before this one
	}
	var err error
	if file, err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); err != nil {
		fail(err)
	}
	header := "benchmark,iteration,start_ns,end_ns,operations"
	if folder := os.Getenv("DUET_BARRIER"); folder != "" {
		barrier = join(folder, os.Getenv("DUET_SIDE"))
		header += ",synchronised"
	}
	if passes == 0 {
		if _, err = file.WriteString(header + "\n"); err != nil {
			fail(err)
		}
	}
}

// meeting is one FIFO a side: a byte to the other's, a byte from one's own.
type meeting struct {
	own, other *os.File
	alone      bool
}

func join(folder, side string) *meeting {
	other := map[string]string{"A": "B", "B": "A"}[side]
	if other == "" {
		fail(fmt.Errorf("DUET_BARRIER is set, but DUET_SIDE is %q, not A or B", side))
	}
	made := &meeting{}
	for name, end := range map[string]**os.File{side: &made.own, other: &made.other} {
		path := filepath.Join(folder, "barrier."+name)
		var err error
		// For reading and writing, so that opening waits for nobody.
		if *end, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
			fail(err)
		}
	}
	return made
}

func (m *meeting) meet() bool {
	if m.alone {
		return false
	}
	mark := []byte{'g'}
	if _, err := m.other.Write(mark); err != nil {
		m.alone = true
	} else if _, err := m.own.Read(mark); err != nil || mark[0] != 'g' {
		m.alone = true
		_, _ = m.own.Write([]byte{'x'}) // for the next process of this side
	}
	return !m.alone
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "duetbench probe:", err)
	os.Exit(1)
}
