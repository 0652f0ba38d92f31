// An image of 8 x 8 pixels, sharpened by a 3 x 3 Laplacian; see images/fhe/seal/source/kernel.cpp. Written
// pixel by pixel: HEIR makes rotations of one ciphertext of it. Borders wrap around and are not used.
func.func @kernel(%image: tensor<64xi16> {secret.secret}) -> tensor<64xi16> {
  // 10 as elsewhere, and 1 for the pixel itself, which the loops subtract, too.
  %centre = arith.constant 11 : i16
  %sharpened = affine.for %place = 0 to 64 iter_args(%before = %image) -> (tensor<64xi16>) {
    %pixel = tensor.extract %image[%place] : tensor<64xi16>
    %own = arith.muli %pixel, %centre : i16
    %value = affine.for %y = -1 to 2 iter_args(%upper = %own) -> (i16) {
      %row = affine.for %x = -1 to 2 iter_args(%left = %upper) -> (i16) {
        %beside = affine.apply affine_map<(p, y, x) -> ((p + 8 * y + x + 64) mod 64)>(%place, %y, %x)
        %neighbour = tensor.extract %image[%beside] : tensor<64xi16>
        %rest = arith.subi %left, %neighbour : i16
        affine.yield %rest : i16
      }
      affine.yield %row : i16
    }
    %after = tensor.insert %value into %before[%place] : tensor<64xi16>
    affine.yield %after : tensor<64xi16>
  }
  return %sharpened : tensor<64xi16>
}
