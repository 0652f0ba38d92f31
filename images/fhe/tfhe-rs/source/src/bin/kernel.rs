//! kernel: an image sharpened by a 3 x 3 Laplacian, a pixel an integer of 16 encrypted bits; see
//! images/fhe/seal/source/kernel.cpp. Usage: kernel naive [repetitions]

use programs::{check, keys, repeat, Stamps};
use tfhe::prelude::*;
use tfhe::{set_server_key, FheInt16};

const SIZE: usize = 8;
const PIXELS: usize = SIZE * SIZE;
/// Twice the pixel and its own weight of -8 are one factor; the neighbours' weights are 1.
const CENTRE: i16 = 10;

fn image() -> Vec<i16> {
    (0..PIXELS).map(|i| ((i * 37 + i / SIZE * 11) % 256) as i16).collect()
}

fn inner(i: usize) -> bool {
    let edge = |x: usize| x == 0 || x == SIZE - 1;
    !edge(i % SIZE) && !edge(i / SIZE)
}

fn around(i: usize) -> [usize; 8] {
    [i - SIZE - 1, i - SIZE, i - SIZE + 1, i - 1, i + 1, i + SIZE - 1, i + SIZE, i + SIZE + 1]
}

fn naive(at: &mut Stamps) -> Result<(), String> {
    let (client, server) = keys();
    set_server_key(server);
    at.stamp();
    let pixels: Vec<FheInt16> = image().iter().map(|&pixel| FheInt16::encrypt(pixel, &client)).collect();
    at.stamp();
    let sharpened: Vec<FheInt16> = (0..PIXELS)
        .map(|i| {
            if !inner(i) {
                return pixels[i].clone();
            }
            let neighbours: FheInt16 = around(i).iter().map(|&j| &pixels[j]).sum();
            &pixels[i] * CENTRE - neighbours
        })
        .collect();
    at.stamp();
    let found: Vec<i16> = sharpened.iter().map(|pixel| pixel.decrypt(&client)).collect();
    at.stamp();
    let before = image();
    let expected = (0..PIXELS)
        .map(|i| {
            if !inner(i) {
                return before[i];
            }
            CENTRE * before[i] - around(i).iter().map(|&j| before[j]).sum::<i16>()
        })
        .collect();
    check("the image", found, expected)
}

fn main() {
    repeat(&[("naive", naive)]);
}
