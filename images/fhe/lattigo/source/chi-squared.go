// chi-squared: the four terms of a test of Hardy-Weinberg equilibrium from three encrypted genotype counts.
// Usage: chi-squared naive|batched [repetitions]
//
// naive: constants are encrypted, no term is used twice, a genotype a ciphertext.
// batched: constants are plain, common terms computed once, counts in every slot.
package main

import "github.com/tuneinsight/lattigo/v6/core/rlwe"

func (m Machine) times(a, b *rlwe.Ciphertext) *rlwe.Ciphertext { return value(m.MulRelinNew(a, b)) }
func (m Machine) plus(a, b *rlwe.Ciphertext) *rlwe.Ciphertext  { return value(m.AddNew(a, b)) }
func (m Machine) minus(a, b *rlwe.Ciphertext) *rlwe.Ciphertext { return value(m.SubNew(a, b)) }

func naive(at *Stamps) error {
	m := newMachine()
	at.stamp()
	encrypt := func(number int64) *rlwe.Ciphertext { return m.encrypt([]int64{number}) }
	counts := genotypes(0)
	n0, n1, n2 := encrypt(counts[0]), encrypt(counts[1]), encrypt(counts[2])
	at.stamp()
	square := func(c *rlwe.Ciphertext) *rlwe.Ciphertext { return m.times(c, c) }
	alleles := func(n *rlwe.Ciphertext) *rlwe.Ciphertext { return m.plus(m.times(encrypt(2), n), n1) }
	terms := []*rlwe.Ciphertext{
		square(m.minus(m.times(m.times(encrypt(4), n0), n2), square(n1))),
		m.times(encrypt(2), square(alleles(n0))),
		m.times(alleles(n0), alleles(n2)),
		m.times(encrypt(2), square(alleles(n2))),
	}
	at.stamp()
	return m.checked(at, terms, 1)
}

func batched(at *Stamps) error {
	m := newMachine()
	at.stamp()
	slots := m.params.MaxSlots()
	var n [3]*rlwe.Ciphertext
	for k := range n {
		counts := make([]int64, slots)
		for i := range counts {
			counts[i] = genotypes(i)[k]
		}
		n[k] = m.encrypt(counts)
	}
	at.stamp()
	twice := func(c *rlwe.Ciphertext) *rlwe.Ciphertext { return m.plus(c, c) }
	p, q := m.plus(twice(n[0]), n[1]), m.plus(twice(n[2]), n[1])
	difference := m.minus(twice(twice(m.times(n[0], n[2]))), m.times(n[1], n[1]))
	terms := []*rlwe.Ciphertext{
		m.times(difference, difference), twice(m.times(p, p)), m.times(p, q), twice(m.times(q, q)),
	}
	at.stamp()
	return m.checked(at, terms, slots)
}

// checked decrypts the terms and compares them for so many genotypes.
func (m Machine) checked(at *Stamps, terms []*rlwe.Ciphertext, count int) error {
	var plain [4][]int64
	for k, term := range terms {
		plain[k] = m.decrypt(term)
	}
	at.stamp()
	for i := 0; i < count; i++ {
		if err := checkTerms(i, [4]int64{plain[0][i], plain[1][i], plain[2][i], plain[3][i]}); err != nil {
			return err
		}
	}
	return nil
}

func main() { repeat(map[string]func(*Stamps) error{"naive": naive, "batched": batched}) }
