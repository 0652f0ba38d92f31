package main

import "fmt"

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
