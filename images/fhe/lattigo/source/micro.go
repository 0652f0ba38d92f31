// micro: single operations with a number in each slot, each the mean of `count`. Usage: micro simd [repetitions]
package main

import (
	"fmt"
	"time"

	"github.com/tuneinsight/lattigo/v6/core/rlwe"
	"github.com/tuneinsight/lattigo/v6/schemes/bgv"
)

const count = 10

var operations = []string{"t_mul_ct_ct_ns", "t_mul_ct_pt_ns", "t_relin_ns", "t_add_ct_ct_ns", "t_add_ct_pt_ns",
	"t_enc_sk_ns", "t_enc_pk_ns", "t_dec_ns", "t_rot_ns"}

func simd(at *Stamps) error {
	m := newMachine(4)
	numbers := func(n int64) []int64 {
		values := make([]int64, m.params.MaxSlots())
		for i := range values {
			values[i] = n
		}
		return values
	}
	plain := bgv.NewPlaintext(m.params, m.params.MaxLevel())
	must(m.encoder.Encode(numbers(28), plain))
	a, b := m.encrypt(numbers(421)), m.encrypt(numbers(28))
	product := value(m.MulNew(a, b))
	symmetric := rlwe.NewEncryptor(m.params, m.secret)
	*at = Stamps{time.Now().UnixNano()} // keys and inputs are made for each repetition, and no part of it
	of := func(operation func()) int64 {
		begin := time.Now()
		for i := 0; i < count; i++ {
			operation()
		}
		return time.Since(begin).Nanoseconds() / count
	}
	times := []int64{
		of(func() { value(m.MulNew(a, b)) }),
		of(func() { value(m.MulNew(a, plain)) }),
		of(func() { value(m.RelinearizeNew(product)) }),
		of(func() { value(m.AddNew(a, b)) }),
		of(func() { value(m.AddNew(a, plain)) }),
		of(func() { value(symmetric.EncryptNew(plain)) }),
		of(func() { value(m.encryptor.EncryptNew(plain)) }),
		of(func() { m.decryptor.DecryptNew(a) }),
		of(func() { value(m.RotateColumnsNew(a, 4)) }),
	}
	at.stamp()
	*at = append(*at, times...)
	if sum := m.decrypt(value(m.AddNew(a, b)))[0]; sum != 421+28 {
		return fmt.Errorf("wrong result: a sum is %d, not %d", sum, 421+28)
	}
	if result := m.decrypt(value(m.RelinearizeNew(product)))[0]; result != 421*28 {
		return fmt.Errorf("wrong result: a product is %d, not %d", result, 421*28)
	}
	return nil
}

func main() { repeatOf(operations, map[string]func(*Stamps) error{"simd": simd}) }
