// A score of conditions `flag and less < than`, one condition a slot, a ciphertext for each bit of a number;
// see images/fhe/seal/source/cardio.cpp.
!slots = tensor<16xi16>

// Of one bit: whether it is less than, and unlike, the other.
func.func private @bit(%less: !slots, %than: !slots) -> (!slots, !slots) {
  %difference = arith.subi %less, %than : !slots
  %both = arith.muli %less, %than : !slots
  %is_less = arith.subi %than, %both : !slots
  %unlike = arith.muli %difference, %difference : !slots
  return %is_less, %unlike : !slots, !slots
}

// Of lower and upper bits: what the lower ones say does not count where the upper ones are unlike.
func.func private @join(%low: !slots, %unlike_low: !slots, %high: !slots, %unlike_high: !slots)
    -> (!slots, !slots) {
  %hidden = arith.muli %unlike_high, %low : !slots
  %seen = arith.subi %low, %hidden : !slots
  %is_less = arith.addi %high, %seen : !slots
  %hidden_unlike = arith.muli %unlike_high, %unlike_low : !slots
  %seen_unlike = arith.subi %unlike_low, %hidden_unlike : !slots
  %unlike = arith.addi %unlike_high, %seen_unlike : !slots
  return %is_less, %unlike : !slots, !slots
}

func.func @cardio(
    %flags: !slots {secret.secret},
    %less0: !slots {secret.secret}, %than0: !slots {secret.secret},
    %less1: !slots {secret.secret}, %than1: !slots {secret.secret},
    %less2: !slots {secret.secret}, %than2: !slots {secret.secret},
    %less3: !slots {secret.secret}, %than3: !slots {secret.secret},
    %less4: !slots {secret.secret}, %than4: !slots {secret.secret},
    %less5: !slots {secret.secret}, %than5: !slots {secret.secret},
    %less6: !slots {secret.secret}, %than6: !slots {secret.secret},
    %less7: !slots {secret.secret}, %than7: !slots {secret.secret}) -> i16 {
  %b0:2 = func.call @bit(%less0, %than0) : (!slots, !slots) -> (!slots, !slots)
  %b1:2 = func.call @bit(%less1, %than1) : (!slots, !slots) -> (!slots, !slots)
  %b2:2 = func.call @bit(%less2, %than2) : (!slots, !slots) -> (!slots, !slots)
  %b3:2 = func.call @bit(%less3, %than3) : (!slots, !slots) -> (!slots, !slots)
  %b4:2 = func.call @bit(%less4, %than4) : (!slots, !slots) -> (!slots, !slots)
  %b5:2 = func.call @bit(%less5, %than5) : (!slots, !slots) -> (!slots, !slots)
  %b6:2 = func.call @bit(%less6, %than6) : (!slots, !slots) -> (!slots, !slots)
  %b7:2 = func.call @bit(%less7, %than7) : (!slots, !slots) -> (!slots, !slots)
  %p0:2 = func.call @join(%b0#0, %b0#1, %b1#0, %b1#1)
      : (!slots, !slots, !slots, !slots) -> (!slots, !slots)
  %p2:2 = func.call @join(%b2#0, %b2#1, %b3#0, %b3#1)
      : (!slots, !slots, !slots, !slots) -> (!slots, !slots)
  %p4:2 = func.call @join(%b4#0, %b4#1, %b5#0, %b5#1)
      : (!slots, !slots, !slots, !slots) -> (!slots, !slots)
  %p6:2 = func.call @join(%b6#0, %b6#1, %b7#0, %b7#1)
      : (!slots, !slots, !slots, !slots) -> (!slots, !slots)
  %q0:2 = func.call @join(%p0#0, %p0#1, %p2#0, %p2#1)
      : (!slots, !slots, !slots, !slots) -> (!slots, !slots)
  %q4:2 = func.call @join(%p4#0, %p4#1, %p6#0, %p6#1)
      : (!slots, !slots, !slots, !slots) -> (!slots, !slots)
  %all:2 = func.call @join(%q0#0, %q0#1, %q4#0, %q4#1)
      : (!slots, !slots, !slots, !slots) -> (!slots, !slots)
  %points = arith.muli %flags, %all#0 : !slots
  %zero = arith.constant 0 : i16
  %score = affine.for %slot = 0 to 16 iter_args(%sum = %zero) -> (i16) {
    %point = tensor.extract %points[%slot] : !slots
    %next = arith.addi %sum, %point : i16
    affine.yield %next : i16
  }
  return %score : i16
}
