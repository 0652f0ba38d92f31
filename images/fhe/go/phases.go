package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Stamps are the ends of a program's phases: begin, keys, encryption, computation, decryption.
type Stamps []int64

func (s *Stamps) stamp() { *s = append(*s, time.Now().UnixNano()) }

// repeat runs the variant that the command line names and writes a line for each repetition to results.csv.
// A variant returns the plain result's fault, if any.
func repeat(variants map[string]func(*Stamps) error) {
	repeatOf([]string{"t_keygen_ns", "t_input_encryption_ns", "t_computation_ns", "t_decryption_ns"}, variants)
}

// repeatOf does so for other columns: a variant leaves their stamps, or begin, end and the times themselves.
func repeatOf(columns []string, variants map[string]func(*Stamps) error) {
	var names []string
	for name := range variants {
		names = append(names, name)
	}
	var variant func(*Stamps) error
	if len(os.Args) > 1 {
		variant = variants[os.Args[1]]
	}
	if variant == nil {
		fmt.Fprintf(os.Stderr, "usage: %s %s [repetitions]\n", os.Args[0], strings.Join(names, "|"))
		os.Exit(2)
	}
	count := 1
	if len(os.Args) > 2 {
		var err error
		count, err = strconv.Atoi(os.Args[2])
		must(err)
	}
	file, err := os.Create("results.csv")
	must(err)
	fmt.Fprintln(file, "iteration,start_ns,end_ns,"+strings.Join(columns, ","))
	for i := 0; i < count; i++ {
		at := Stamps{time.Now().UnixNano()}
		must(variant(&at))
		end, times := at[1], at[2:]
		if len(at) == len(columns)+1 {
			end, times = at[len(at)-1], make([]int64, len(columns))
			for k := range times {
				times[k] = at[k+1] - at[k]
			}
		}
		fmt.Fprintf(file, "%d,%d,%d", i, at[0], end)
		for _, ns := range times {
			fmt.Fprintf(file, ",%d", ns)
		}
		fmt.Fprintln(file)
	}
	must(file.Close())
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func value[T any](v T, err error) T {
	must(err)
	return v
}
