package main

import (
	"github.com/tuneinsight/lattigo/v6/core/rlwe"
	"github.com/tuneinsight/lattigo/v6/schemes/bgv"
	"github.com/tuneinsight/lattigo/v6/schemes/ckks"
)

// 128 bits of security: degree 2^14 admits a modulus of 438 bits (homomorphicencryption.org), 408 are used.
var literal = bgv.ParametersLiteral{
	LogN:             14,
	LogQ:             []int{58, 58, 58, 58, 58, 58},
	LogP:             []int{60},
	PlaintextModulus: 786433, // a prime of 20 bits, 1 modulo twice the degree
}

// The same degree for real numbers: 324 bits, four multiplications deep.
var approximate = ckks.ParametersLiteral{
	LogN:            14,
	LogQ:            []int{60, 40, 40, 40, 40},
	LogP:            []int{60},
	LogDefaultScale: 40,
}

// Machine is what a program needs; products are scale-invariant (BFV).
type Machine struct {
	params    bgv.Parameters
	secret    *rlwe.SecretKey
	encoder   *bgv.Encoder
	encryptor *rlwe.Encryptor
	decryptor *rlwe.Decryptor
	*bgv.Evaluator
}

func newMachine(steps ...int) Machine {
	params := value(bgv.NewParametersFromLiteral(literal))
	keys := rlwe.NewKeyGenerator(params)
	secret := keys.GenSecretKeyNew()
	set := rlwe.NewMemEvaluationKeySet(keys.GenRelinearizationKeyNew(secret),
		keys.GenGaloisKeysNew(params.GaloisElements(steps), secret)...)
	return Machine{params, secret, bgv.NewEncoder(params), rlwe.NewEncryptor(params, keys.GenPublicKeyNew(secret)),
		rlwe.NewDecryptor(params, secret), bgv.NewEvaluator(params, set, true)}
}

func (m Machine) encrypt(values []int64) *rlwe.Ciphertext {
	plain := bgv.NewPlaintext(m.params, m.params.MaxLevel())
	must(m.encoder.Encode(values, plain))
	return value(m.encryptor.EncryptNew(plain))
}

func (m Machine) decrypt(c *rlwe.Ciphertext) []int64 {
	values := make([]int64, m.params.MaxSlots())
	must(m.encoder.Decode(m.decryptor.DecryptNew(c), values))
	return values
}
