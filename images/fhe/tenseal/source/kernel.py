"""kernel: a sharpened image, a pixel a vector. TenSEAL's integer vectors cannot be rotated."""

import parameters
import tenseal
from cases import AROUND, IMAGE, INNER, SHARPENED
from phases import Stamps, check, main


def naive(stamp: Stamps) -> None:
    context = parameters.integers()
    stamp()
    pixels = [tenseal.bfv_vector(context, [pixel]) for pixel in IMAGE]
    stamp()
    sharpened = list(pixels)
    for i, inner in enumerate(INNER):
        if inner:
            value = pixels[i] * [10]
            for step in AROUND:
                value -= pixels[i + step]
            sharpened[i] = value
    stamp()
    found = [pixel.decrypt()[0] for pixel in sharpened]
    stamp()
    check("the image", found, SHARPENED)


main({"naive": naive})
