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
	fmt.Fprintln(file, "iteration,start_ns,end_ns,t_keygen_ns,t_input_encryption_ns,t_computation_ns,t_decryption_ns")
	for i := 0; i < count; i++ {
		at := Stamps{time.Now().UnixNano()}
		must(variant(&at))
		fmt.Fprintf(file, "%d,%d,%d,%d,%d,%d,%d\n",
			i, at[0], at[4], at[1]-at[0], at[2]-at[1], at[3]-at[2], at[4]-at[3])
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
