// Benchmarks of Go's library; one of them can be made to fail (BROKEN=1).
package library

import (
	"bytes"
	"encoding/json"
	"hash/crc32"
	"os"
	"sort"
	"strconv"
	"strings"
	"testing"

	"duetbench"
)

func numbers(n int) []int {
	v := make([]int, n)
	x := uint32(1)
	for i := range v {
		x = x*1664525 + 1013904223
		v[i] = int(x)
	}
	return v
}

func BenchmarkSort(b *testing.B) {
	for _, n := range []int{100, 10000} {
		v := numbers(n)
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			defer duetbench.Stamp(b)()
			b.ReportAllocs()
			for i := 0; i < b.N; i++ {
				sort.Ints(append([]int(nil), v...))
			}
		})
	}
}

func BenchmarkJSON(b *testing.B) {
	defer duetbench.Stamp(b)()
	v := numbers(1000)
	for i := 0; i < b.N; i++ {
		if _, err := json.Marshal(v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReplace(b *testing.B) {
	defer duetbench.Stamp(b)()
	if os.Getenv("BROKEN") != "" {
		b.Fatal("made to fail")
	}
	text := strings.Repeat("some words ", 1000)
	for i := 0; i < b.N; i++ {
		strings.ReplaceAll(text, "words", "text")
	}
}

func BenchmarkChecksum(b *testing.B) {
	defer duetbench.Stamp(b)()
	text := bytes.Repeat([]byte("some words "), 1000)
	b.SetBytes(int64(len(text)))
	sum := uint32(0)
	for i := 0; i < b.N; i++ {
		for _, c := range text {
			sum = sum*31 + uint32(c)
		}
		sum ^= crc32.ChecksumIEEE(text)
	}
}
