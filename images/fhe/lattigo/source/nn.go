// nn: a small network's inference with x^2 between its layers, on an encrypted input (CKKS).
// Usage: nn batched [repetitions]
//
// A matrix times a vector is the sum of its diagonals times the rotated vector (Halevi and Shoup, CRYPTO 2014).
package main

import (
	"github.com/tuneinsight/lattigo/v6/core/rlwe"
	"github.com/tuneinsight/lattigo/v6/schemes/ckks"
)

func batched(at *Stamps) error {
	params := value(ckks.NewParametersFromLiteral(approximate))
	keys := rlwe.NewKeyGenerator(params)
	secret, public := keys.GenKeyPairNew()
	set := rlwe.NewMemEvaluationKeySet(keys.GenRelinearizationKeyNew(secret),
		keys.GenGaloisKeysNew(params.GaloisElements([]int{1, -inputs}), secret)...)
	encoder, evaluator := ckks.NewEncoder(params), ckks.NewEvaluator(params, set)
	encryptor, decryptor := rlwe.NewEncryptor(params, public), rlwe.NewDecryptor(params, secret)
	at.stamp()
	plain := ckks.NewPlaintext(params, params.MaxLevel())
	must(encoder.Encode(vector(), plain))
	x := value(encryptor.EncryptNew(plain))
	at.stamp()
	multiply := func(v *rlwe.Ciphertext, number, rows int) *rlwe.Ciphertext {
		// A second copy behind the first, so that rotations go round.
		v = value(evaluator.AddNew(v, value(evaluator.RotateNew(v, -inputs))))
		var sum *rlwe.Ciphertext
		for d := 0; d < inputs; d++ {
			if d > 0 {
				must(evaluator.Rotate(v, 1, v))
			}
			diagonal := make([]float64, params.MaxSlots())
			for row := 0; row < rows; row++ {
				diagonal[row] = weightOf(number, row, (row+d)%inputs)
			}
			product := value(evaluator.MulNew(v, diagonal))
			if sum == nil {
				sum = product
			} else {
				must(evaluator.Add(sum, product, sum))
			}
		}
		must(evaluator.Rescale(sum, sum))
		return sum
	}
	hidden := multiply(x, 0, inputs)
	squared := value(evaluator.MulRelinNew(hidden, hidden))
	must(evaluator.Rescale(squared, squared))
	out := multiply(squared, 1, outputs)
	at.stamp()
	values := make([]float64, params.MaxSlots())
	must(encoder.Decode(decryptor.DecryptNew(out), values))
	at.stamp()
	return checkOutputs(values)
}

func main() { repeat(map[string]func(*Stamps) error{"batched": batched}) }
