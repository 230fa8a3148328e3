//! Levels of a block in the order in which they are coded.

use crate::band::{Block, NATURAL_FROM_ZIGZAG};

use super::nonzero::nonzero_by_zigzag;

/// A block as its coder goes through it. Positions are those of the zig-zag order, below 64.
pub(super) trait Zigzag {
    /// Bit i is set where the level at position i is not zero.
    fn nonzero(&self) -> u64;

    /// The level at a position, or the nearest that 8 bits hold.
    fn saturated(&self, position: u32) -> i8;
}

/// Instructions by which blocks become a [`Zigzag`].
pub(super) trait Reorder: Copy {
    type Zigzag<'b>: Zigzag;

    fn reorder(self, block: &Block) -> Self::Zigzag<'_>;
}

/// Those of every machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Portable;

/// A block that stays as it is.
#[derive(Debug)]
pub(super) struct InNaturalOrder<'b> {
    block: &'b Block,
    nonzero: u64,
}

impl Reorder for Portable {
    type Zigzag<'b> = InNaturalOrder<'b>;

    #[inline(always)]
    fn reorder(self, block: &Block) -> InNaturalOrder<'_> {
        InNaturalOrder {
            block,
            nonzero: nonzero_by_zigzag(block),
        }
    }
}

impl Zigzag for InNaturalOrder<'_> {
    #[inline(always)]
    fn nonzero(&self) -> u64 {
        self.nonzero
    }

    #[inline(always)]
    fn saturated(&self, position: u32) -> i8 {
        let natural = NATURAL_FROM_ZIGZAG[position as usize & 63];
        let level = self.block[usize::from(natural) & 63];
        #[expect(clippy::cast_possible_truncation, reason = "clamped to 8 bits")]
        {
            level.clamp(i8::MIN.into(), i8::MAX.into()) as i8
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::__m256i;

    use pulp::bytemuck::cast;

    use super::{Block, Reorder, Zigzag};
    use crate::band::NATURAL_FROM_ZIGZAG;
    use crate::vectors::Avx2;

    /// All levels, saturated.
    #[derive(Debug)]
    pub(in super::super) struct Saturated {
        levels: [i8; 64],
        nonzero: u64,
    }

    impl Reorder for Avx2 {
        type Zigzag<'b> = Saturated;

        #[inline(always)]
        fn reorder(self, block: &Block) -> Saturated {
            let v = self.avx2;
            let rows: [__m256i; 4] = cast(*block);
            // No level but zero becomes zero by saturation. In lanes: rows 0 and 2, 1 and 3; 4 and 6, 5 and 7.
            let upper = v._mm256_packs_epi16(rows[0], rows[1]);
            let lower = v._mm256_packs_epi16(rows[2], rows[3]);
            let upper_swapped = v._mm256_permute4x64_epi64::<0b01_00_11_10>(upper);
            let lower_swapped = v._mm256_permute4x64_epi64::<0b01_00_11_10>(lower);
            let mut halves = [self.avx._mm256_setzero_si256(); 2];
            let mut half = 0;
            while half < 2 {
                let [a, b, c, d] = SHUFFLES[half];
                let a = v._mm256_shuffle_epi8(upper, cast(a));
                let b = v._mm256_shuffle_epi8(upper_swapped, cast(b));
                let c = v._mm256_shuffle_epi8(lower, cast(c));
                let d = v._mm256_shuffle_epi8(lower_swapped, cast(d));
                halves[half] = v._mm256_or_si256(v._mm256_or_si256(a, b), v._mm256_or_si256(c, d));
                half += 1;
            }
            let zero = self.avx._mm256_setzero_si256();
            let first = v._mm256_movemask_epi8(v._mm256_cmpeq_epi8(halves[0], zero));
            let second = v._mm256_movemask_epi8(v._mm256_cmpeq_epi8(halves[1], zero));
            let zeros = u64::from(second.cast_unsigned()) << 32 | u64::from(first.cast_unsigned());
            Saturated {
                levels: cast(halves),
                nonzero: !zeros,
            }
        }
    }

    impl Zigzag for Saturated {
        #[inline(always)]
        fn nonzero(&self) -> u64 {
            self.nonzero
        }

        #[inline(always)]
        fn saturated(&self, position: u32) -> i8 {
            self.levels[position as usize & 63]
        }
    }

    /// Where each half of the positions has its levels from: the packed upper rows, those with lanes exchanged, and
    /// the lower rows likewise. A set top bit gives zero.
    static SHUFFLES: [[[u8; 32]; 4]; 2] = {
        let mut shuffles = [[[0x80; 32]; 4]; 2];
        let mut position = 0;
        while position < 64 {
            let (half, place) = (position / 32, position % 32);
            let (row, column) = (
                NATURAL_FROM_ZIGZAG[position] / 8,
                NATURAL_FROM_ZIGZAG[position] % 8,
            );
            // Odd rows are in the upper lane.
            let source = row / 4 * 2 + (row as usize % 2 != place / 16) as u8;
            shuffles[half][source as usize][place] = row / 2 % 2 * 8 + column;
            position += 1;
        }
        shuffles
    };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    #[cfg(target_arch = "x86_64")]
    use crate::vectors::Avx2;
    use crate::vectors::{Kernel, Vectors};

    /// All that a coder may ask.
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Found {
        nonzero: u64,
        saturated: Vec<i8>,
    }

    struct Find<'f> {
        block: &'f Block,
        found: &'f mut Found,
    }

    impl Find<'_> {
        fn by(self, instructions: impl Reorder) {
            let zigzag = instructions.reorder(self.block);
            self.found.nonzero = zigzag.nonzero();
            self.found.saturated = (0..64).map(|position| zigzag.saturated(position)).collect();
        }
    }

    impl Kernel for Find<'_> {
        fn portable(self) {
            self.by(Portable);
        }

        #[cfg(target_arch = "x86_64")]
        fn avx2(self, avx2: Avx2) {
            self.by(avx2);
        }
    }

    fn assert_found(block: &Block) {
        let zigzag = NATURAL_FROM_ZIGZAG.map(|natural| block[usize::from(natural)]);
        let expected = Found {
            nonzero: (0..64).fold(0, |mask, at| mask | u64::from(zigzag[at] != 0) << at),
            saturated: zigzag
                .map(|level| level.clamp(-128, 127).try_into().unwrap())
                .into(),
        };
        for vectors in [Vectors::of_the_target(), Vectors::detected()] {
            let mut found = Found::default();
            vectors.run(Find {
                block,
                found: &mut found,
            });
            assert_eq!(found, expected, "{vectors:?}");
        }
    }

    #[test]
    fn one_level_is_found_at_its_position_whatever_its_value() {
        for natural in 0..64 {
            for level in [
                1,
                -1,
                126,
                127,
                128,
                -127,
                -128,
                -129,
                255,
                256,
                -256,
                257,
                i16::MAX,
                i16::MIN,
            ] {
                let mut block = [0; 64];
                block[natural] = level;
                assert_found(&block);
            }
        }
    }

    proptest! {
        #[test]
        fn levels_are_found_in_the_order_of_coding(levels in prop::collection::vec(prop_oneof![Just(0), -130_i16..130, any::<i16>()], 64)) {
            let mut block = [0; 64];
            block.copy_from_slice(&levels);
            assert_found(&block);
        }
    }
}
