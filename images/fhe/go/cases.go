package main

import (
	"fmt"
	"math"
)

// Inputs and plain results of the programs; images/fhe/seal/source has them described.

const female, antecedent, smoker, diabetes, pressure = 0, 1, 1, 1, 0
const age, hdl, height, weight, activity, drinks = 55, 50, 180, 80, 45, 4

// flag, less, than: a point for each flag whose `less` is less.
var conditions = [][3]int64{
	{1 - female, 50, age}, {female, 60, age}, {antecedent, 0, 1}, {smoker, 0, 1}, {diabetes, 0, 1},
	{pressure, 0, 1}, {1, hdl, 40}, {1, height, weight + 90}, {1, activity, 30},
	{1 - female, 3, drinks}, {female, 2, drinks},
}

// Bits of a condition's numbers.
const width = 8

func checkScore(score int64) error {
	expected := int64(0)
	for _, c := range conditions {
		if c[0] == 1 && c[1] < c[2] {
			expected++
		}
	}
	if score != expected {
		return fmt.Errorf("wrong result: the score is %d, not %d", score, expected)
	}
	return nil
}

const size, pixels = 8, 64

// Twice the pixel and its own weight of -8 are one factor; the neighbours' weights are 1.
const centre = int64(10)

func image() []int64 {
	values := make([]int64, pixels)
	for i := range values {
		values[i] = int64((i*37 + i/size*11) % 256)
	}
	return values
}

func inner(i int) bool {
	x, y := i%size, i/size
	return x > 0 && x < size-1 && y > 0 && y < size-1
}

func around() (steps []int) {
	for y := -1; y <= 1; y++ {
		for x := -1; x <= 1; x++ {
			if x != 0 || y != 0 {
				steps = append(steps, y*size+x)
			}
		}
	}
	return
}

func checkImage(sharpened []int64) error {
	before := image()
	for i := range before {
		expected := before[i]
		if inner(i) {
			expected *= centre
			for _, step := range around() {
				expected -= before[i+step]
			}
		}
		if sharpened[i] != expected {
			return fmt.Errorf("wrong result: pixel %d is %d, not %d", i, sharpened[i], expected)
		}
	}
	return nil
}

// Small, so that all terms stay below a plain modulus of 20 bits.
func genotypes(i int) [3]int64 { return [3]int64{2 + int64(i)%3, 7 + int64(i)%2, 9 + int64(i)%5} }

func checkTerms(i int, terms [4]int64) error {
	n := genotypes(i)
	p, q, d := 2*n[0]+n[1], 2*n[2]+n[1], 4*n[0]*n[2]-n[1]*n[1]
	if expected := [4]int64{d * d, 2 * p * p, p * q, 2 * q * q}; terms != expected {
		return fmt.Errorf("wrong result: the terms of %v are %v, not %v", n, terms, expected)
	}
	return nil
}

const inputs, outputs = 64, 10

func weightOf(layer, row, column int) float64 { return float64((row*31+column*17+layer*7)%23-11) / 64 }

func vector() []float64 {
	values := make([]float64, inputs)
	for i := range values {
		values[i] = float64(i*13%29) / 29
	}
	return values
}

func checkOutputs(values []float64) error {
	layer := func(number, rows int, v []float64) []float64 {
		out := make([]float64, inputs)
		for r := 0; r < rows; r++ {
			for c := range v {
				out[r] += weightOf(number, r, c) * v[c]
			}
		}
		return out
	}
	hidden := layer(0, inputs, vector())
	for i := range hidden {
		hidden[i] *= hidden[i]
	}
	for i, expected := range layer(1, outputs, hidden)[:outputs] {
		if !(math.Abs(values[i]-expected) < 1e-3) {
			return fmt.Errorf("wrong result: output %d is %g, not %g", i, values[i], expected)
		}
	}
	return nil
}
