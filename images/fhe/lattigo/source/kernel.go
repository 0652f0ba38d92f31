// kernel: an image sharpened by a 3 x 3 Laplacian; see images/fhe/seal/source/kernel.cpp.
// Usage: kernel naive|batched [repetitions]
package main

import "github.com/tuneinsight/lattigo/v6/core/rlwe"

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
	plain := make([]int64, pixels)
	for i, c := range sharpened {
		plain[i] = m.decrypt(c)[0]
	}
	at.stamp()
	return checkImage(plain)
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
	plain := m.decrypt(sharpened)
	at.stamp()
	return checkImage(plain)
}

func main() { repeat(map[string]func(*Stamps) error{"naive": naive, "batched": batched}) }
