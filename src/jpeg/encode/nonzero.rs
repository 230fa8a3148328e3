//! Which coefficients of a block are not zero, in the order in which they are coded.

use crate::band::{Block, ZIGZAG_FROM_NATURAL};

/// Bit i is set where the coefficient at zig-zag position i is not zero.
#[inline(always)]
pub(super) fn nonzero_by_zigzag(block: &Block) -> u64 {
    let columns = nonzero_by_column(block).to_le_bytes().into_iter();
    columns
        .zip(&ZIGZAG_FROM_COLUMN)
        .fold(0, |zigzag, (flags, table)| {
            zigzag | table[usize::from(flags)]
        })
}

/// Byte v, bit u is set where the coefficient (u, v) is not zero: the order that vector instructions
/// find with the least work.
#[inline(always)]
fn nonzero_by_column(block: &Block) -> u64 {
    let mut flags = [0_u8; 64];
    for (flag, &value) in flags.iter_mut().zip(block) {
        *flag = u8::from(value != 0);
    }
    let rows = flags.as_chunks().0.iter().rev();
    rows.fold(0, |columns, &row| columns << 1 | u64::from_le_bytes(row))
}

/// The flags by zig-zag position of the flags in each v.
static ZIGZAG_FROM_COLUMN: [[u64; 256]; 8] = {
    let mut table = [[0; 256]; 8];
    let mut v = 0;
    while v < 8 {
        let mut flags = 0;
        while flags < 256 {
            let mut u = 0;
            while u < 8 {
                if flags >> u & 1 == 1 {
                    table[v][flags] |= 1 << ZIGZAG_FROM_NATURAL[8 * u + v];
                }
                u += 1;
            }
            flags += 1;
        }
        v += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::band::NATURAL_FROM_ZIGZAG;

    fn by_walking(block: &Block) -> u64 {
        let values = NATURAL_FROM_ZIGZAG.map(|natural| block[usize::from(natural)]);
        (0..64).fold(0, |mask, zigzag| {
            mask | u64::from(values[zigzag] != 0) << zigzag
        })
    }

    #[test]
    fn one_coefficient_is_found_at_its_position_whatever_its_value() {
        for natural in 0..64 {
            for value in [1, -1, 255, 256, -256, 0x100, i16::MAX, i16::MIN] {
                let mut block = [0; 64];
                block[natural] = value;
                let position = u32::from(ZIGZAG_FROM_NATURAL[natural]);
                assert_eq!(nonzero_by_zigzag(&block), 1 << position);
            }
        }
    }

    proptest! {
        #[test]
        fn the_mask_is_that_of_a_walk(values in prop::collection::vec(prop_oneof![Just(0), any::<i16>()], 64)) {
            let mut block = [0; 64];
            block.copy_from_slice(&values);
            prop_assert_eq!(nonzero_by_zigzag(&block), by_walking(&block));
        }
    }
}
