// cardio.mlir as HEIR compiles it: all conditions in one ciphertext for each bit.
// Usage: cardio batched [repetitions]
package main

import (
	"github.com/tuneinsight/lattigo/v6/core/rlwe"
	"github.com/tuneinsight/lattigo/v6/schemes/bgv"
)

const slots = 16

type encryption func(*bgv.Evaluator, bgv.Parameters, *bgv.Encoder, *rlwe.Encryptor, []int16) []*rlwe.Ciphertext

// One for each argument: the flags, then each bit of `less` and of `than`, the lowest first.
var encryptions = []encryption{
	Cardio__encrypt__arg0, Cardio__encrypt__arg1, Cardio__encrypt__arg2, Cardio__encrypt__arg3,
	Cardio__encrypt__arg4, Cardio__encrypt__arg5, Cardio__encrypt__arg6, Cardio__encrypt__arg7,
	Cardio__encrypt__arg8, Cardio__encrypt__arg9, Cardio__encrypt__arg10, Cardio__encrypt__arg11,
	Cardio__encrypt__arg12, Cardio__encrypt__arg13, Cardio__encrypt__arg14, Cardio__encrypt__arg15,
	Cardio__encrypt__arg16,
}

func batched(at *Stamps) error {
	evaluator, params, encoder, encryptor, decryptor := Cardio__configure()
	at.stamp()
	arguments := make([][]int16, len(encryptions))
	for i := range arguments {
		arguments[i] = make([]int16, slots)
	}
	for i, condition := range conditions {
		arguments[0][i] = int16(condition[0])
		for bit := 0; bit < width; bit++ {
			arguments[1+2*bit][i] = int16(condition[1] >> bit & 1)
			arguments[2+2*bit][i] = int16(condition[2] >> bit & 1)
		}
	}
	c := make([][]*rlwe.Ciphertext, len(encryptions))
	for i, encrypt := range encryptions {
		c[i] = encrypt(evaluator, params, encoder, encryptor, arguments[i])
	}
	at.stamp()
	score := Cardio(evaluator, params, encoder, c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9],
		c[10], c[11], c[12], c[13], c[14], c[15], c[16])
	at.stamp()
	plain := Cardio__decrypt__result0(evaluator, params, encoder, decryptor, score)
	at.stamp()
	return checkScore(int64(plain))
}

func main() { repeat(map[string]func(*Stamps) error{"batched": batched}) }
