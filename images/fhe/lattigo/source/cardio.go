// cardio: all conditions in one ciphertext for each bit, compared at once; see images/fhe/seal/source/cardio.cpp.
// Usage: cardio batched [repetitions]
package main

import "github.com/tuneinsight/lattigo/v6/core/rlwe"

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
	// Whether n bits from low of one are less than, and unlike, the other's.
	var compare func(low, n int) (*rlwe.Ciphertext, *rlwe.Ciphertext)
	compare = func(low, n int) (*rlwe.Ciphertext, *rlwe.Ciphertext) {
		if n == 1 {
			difference := value(m.SubNew(less[low], than[low]))
			both := value(m.MulRelinNew(less[low], than[low]))
			return value(m.SubNew(than[low], both)), value(m.MulRelinNew(difference, difference))
		}
		lessLow, unlikeLow := compare(low, n/2)
		lessHigh, unlikeHigh := compare(low+n/2, n/2)
		// What the lower bits say does not count where the upper ones are unlike.
		rest := func(low *rlwe.Ciphertext) *rlwe.Ciphertext {
			return value(m.SubNew(low, value(m.MulRelinNew(unlikeHigh, low))))
		}
		return value(m.AddNew(lessHigh, rest(lessLow))), value(m.AddNew(unlikeHigh, rest(unlikeLow)))
	}
	isLess, _ := compare(0, width)
	score := value(m.MulRelinNew(flags, isLess))
	for _, step := range []int{8, 4, 2, 1} { // slots behind the last condition are 0
		moved := value(m.RotateColumnsNew(score, step))
		score = value(m.AddNew(score, moved))
	}
	at.stamp()
	plain := m.decrypt(score)[0]
	at.stamp()
	return checkScore(plain)
}

func main() { repeat(map[string]func(*Stamps) error{"batched": batched}) }
