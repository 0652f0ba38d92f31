// kernel: an image sharpened by a 3 x 3 Laplacian; see images/fhe/seal/source/kernel.cpp.
// Usage: kernel naive|batched [repetitions]
package main

import (
	"fmt"

	"github.com/tuneinsight/lattigo/v6/core/rlwe"
)

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

func check(found []int64) error {
	before := image()
	for i := range before {
		expected := before[i]
		if inner(i) {
			expected *= centre
			for _, step := range around() {
				expected -= before[i+step]
			}
		}
		if found[i] != expected {
			return fmt.Errorf("wrong result: pixel %d is %d, not %d", i, found[i], expected)
		}
	}
	return nil
}

func naive(at *Stamps) error {
	m := newMachine()
	at.stamp()
	var encrypted []*rlwe.Ciphertext
	for _, pixel := range image() {
		encrypted = append(encrypted, m.encrypt([]int64{pixel}))
	}
	at.stamp()
	sharpened := append([]*rlwe.Ciphertext{}, encrypted...)
	for i := range sharpened {
		if inner(i) {
			sum := value(m.MulNew(encrypted[i], centre))
			for _, step := range around() {
				must(m.Sub(sum, encrypted[i+step], sum))
			}
			sharpened[i] = sum
		}
	}
	at.stamp()
	found := make([]int64, pixels)
	for i, c := range sharpened {
		found[i] = m.decrypt(c)[0]
	}
	at.stamp()
	return check(found)
}

func batched(at *Stamps) error {
	m := newMachine(around()...)
	at.stamp()
	encrypted := m.encrypt(image())
	at.stamp()
	inside, border := make([]int64, pixels), make([]int64, pixels)
	for i := range inside {
		if inner(i) {
			inside[i] = 1
		} else {
			border[i] = 1
		}
	}
	sum := value(m.MulNew(encrypted, centre))
	for _, step := range around() {
		must(m.Sub(sum, value(m.RotateColumnsNew(encrypted, step)), sum))
	}
	sum = value(m.MulNew(sum, inside))
	sharpened := value(m.AddNew(value(m.MulNew(encrypted, border)), sum))
	at.stamp()
	found := m.decrypt(sharpened)
	at.stamp()
	return check(found)
}

func main() { repeat(map[string]func(*Stamps) error{"naive": naive, "batched": batched}) }
