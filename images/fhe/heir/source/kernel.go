// kernel.mlir as HEIR compiles it: the pixels in one ciphertext. Usage: kernel batched [repetitions]
package main

func batched(at *Stamps) error {
	evaluator, params, encoder, encryptor, decryptor := Kernel__configure()
	at.stamp()
	before := make([]int16, pixels)
	for i, pixel := range image() {
		before[i] = int16(pixel)
	}
	encrypted := Kernel__encrypt__arg0(evaluator, params, encoder, encryptor, before)
	at.stamp()
	sharpened := Kernel(evaluator, params, encoder, encrypted)
	at.stamp()
	plain := Kernel__decrypt__result0(evaluator, params, encoder, decryptor, sharpened)
	at.stamp()
	after := image() // the border stays
	for i := range after {
		if inner(i) {
			after[i] = int64(plain[i])
		}
	}
	return checkImage(after)
}

func main() { repeat(map[string]func(*Stamps) error{"batched": batched}) }
