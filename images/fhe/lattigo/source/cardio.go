// cardio: all conditions in one ciphertext for each bit, compared at once; see images/fhe/seal/source/cardio.cpp.
// Usage: cardio batched [repetitions]
package main

import (
	"fmt"

	"github.com/tuneinsight/lattigo/v6/core/rlwe"
)

const width = 8

const female, antecedent, smoker, diabetes, pressure = 0, 1, 1, 1, 0
const age, hdl, height, weight, activity, drinks = 55, 50, 180, 80, 45, 4

// flag, less, than
var conditions = [][3]int64{
	{1 - female, 50, age}, {female, 60, age}, {antecedent, 0, 1}, {smoker, 0, 1}, {diabetes, 0, 1},
	{pressure, 0, 1}, {1, hdl, 40}, {1, height, weight + 90}, {1, activity, 30},
	{1 - female, 3, drinks}, {female, 2, drinks},
}

func batched(at *Stamps) error {
	m := newMachine(1, 2, 4, 8)
	at.stamp()
	encrypt := func(of func([3]int64) int64) *rlwe.Ciphertext {
		values := make([]int64, len(conditions))
		for i, c := range conditions {
			values[i] = of(c)
		}
		return m.encrypt(values)
	}
	flags := encrypt(func(c [3]int64) int64 { return c[0] })
	var less, than []*rlwe.Ciphertext
	for bit := 0; bit < width; bit++ {
		less = append(less, encrypt(func(c [3]int64) int64 { return c[1] >> bit & 1 }))
		than = append(than, encrypt(func(c [3]int64) int64 { return c[2] >> bit & 1 }))
	}
	at.stamp()
	ones := make([]int64, m.params.MaxSlots())
	for i := range ones {
		ones[i] = 1
	}
	oneMinus := func(c *rlwe.Ciphertext) *rlwe.Ciphertext {
		negative := value(m.MulNew(c, int64(-1)))
		return value(m.AddNew(negative, ones))
	}
	// Whether n bits from low of one are less than, and equal to, the other's.
	var compare func(low, n int) (*rlwe.Ciphertext, *rlwe.Ciphertext)
	compare = func(low, n int) (*rlwe.Ciphertext, *rlwe.Ciphertext) {
		if n == 1 {
			difference := value(m.SubNew(less[low], than[low]))
			return value(m.MulRelinNew(oneMinus(less[low]), than[low])),
				oneMinus(value(m.MulRelinNew(difference, difference)))
		}
		lessLow, equalLow := compare(low, n/2)
		lessHigh, equalHigh := compare(low+n/2, n/2)
		carried := value(m.MulRelinNew(equalHigh, lessLow))
		return value(m.AddNew(lessHigh, carried)), value(m.MulRelinNew(equalHigh, equalLow))
	}
	isLess, _ := compare(0, width)
	score := value(m.MulRelinNew(flags, isLess))
	for _, step := range []int{8, 4, 2, 1} { // slots behind the last condition are 0
		moved := value(m.RotateColumnsNew(score, step))
		score = value(m.AddNew(score, moved))
	}
	at.stamp()
	found := m.decrypt(score)[0]
	at.stamp()
	expected := int64(0)
	for _, c := range conditions {
		if c[0] == 1 && c[1] < c[2] {
			expected++
		}
	}
	if found != expected {
		return fmt.Errorf("wrong result: the score is %d, not %d", found, expected)
	}
	return nil
}

func main() { repeat(map[string]func(*Stamps) error{"batched": batched}) }
