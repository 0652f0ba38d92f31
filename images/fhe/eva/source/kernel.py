"""kernel: an image sharpened by a 3 x 3 Laplacian (CKKS), a pixel a slot. Not run by the authors.

EVA chooses parameters of 128 bits of security by itself, from the scales and ranges below.
"""

from cases import AROUND, IMAGE, INNER, SHARPENED
from eva import EvaProgram, Input, Output
from eva.ckks import CKKSCompiler
from eva.seal import generate_keys
from phases import Stamps, main

program = EvaProgram("kernel", vec_size=len(IMAGE))
with program:
    pixels = Input("pixels")
    value = pixels * 10
    for step in AROUND:
        value = value - ((pixels << step) if step > 0 else (pixels >> -step))
    inside = [float(inner) for inner in INNER]
    border = [1.0 - inner for inner in inside]
    Output("sharpened", value * inside + pixels * border)
program.set_output_ranges(30)
program.set_input_scales(30)
compiled, parameters, signature = CKKSCompiler().compile(program)


def batched(stamp: Stamps) -> None:
    public, secret = generate_keys(parameters)
    stamp()
    encrypted = public.encrypt({"pixels": [float(pixel) for pixel in IMAGE]}, signature)
    stamp()
    result = public.execute(compiled, encrypted)
    stamp()
    found = secret.decrypt(result, signature)["sharpened"]
    stamp()
    for i, right in enumerate(SHARPENED):
        if abs(found[i] - right) > 0.5:
            raise ValueError(f"pixel {i} is {found[i]}, not {right}")


main({"batched": batched})
