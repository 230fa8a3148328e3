//! Which levels of a block are not zero, as the short cuts of the inverse transforms ask it.

use std::arch::x86_64::__m256i;

use pulp::bytemuck::cast;

use crate::band::Block;
use crate::vectors::Avx2;

/// A bit for each level, set where it is not zero; rows in the order 0, 2, 1, 3, 4, 6, 5, 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Extent(u64);

impl Extent {
    #[inline(always)]
    pub(in super::super) fn of(v: Avx2, block: &Block) -> Self {
        let rows = block.as_chunks::<16>().0;
        Self(occupied(v, rows[0], rows[1]) | occupied(v, rows[2], rows[3]) << 32)
    }

    /// Nothing but DC.
    #[inline(always)]
    pub(in super::super) fn is_flat(self) -> bool {
        self.0 <= 1
    }

    /// Nothing below the first row.
    #[inline(always)]
    pub(in super::super) fn is_first_row(self) -> bool {
        self.0 <= 0xff
    }

    /// Nothing in the last four rows.
    #[inline(always)]
    pub(in super::super) fn is_upper(self) -> bool {
        self.0 >> 32 == 0
    }

    /// Nothing in the last four columns.
    #[inline(always)]
    pub(in super::super) fn is_left(self) -> bool {
        self.0 & 0xf0f0_f0f0_f0f0_f0f0 == 0
    }
}

/// The bits of two rows and two more, a byte a row, in the order 0, 2, 1, 3. Saturated to a byte, a level that is
/// not zero stays so.
#[inline(always)]
fn occupied(v: Avx2, upper: [i16; 16], lower: [i16; 16]) -> u64 {
    let bytes = v
        .avx2
        ._mm256_packs_epi16(cast::<_, __m256i>(upper), cast(lower));
    let zero = v
        .avx2
        ._mm256_cmpeq_epi8(bytes, v.avx._mm256_setzero_si256());
    u64::from(!v.avx2._mm256_movemask_epi8(zero).cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_counts_where_it_is() {
        let Some(v) = Avx2::try_new() else {
            return println!("not run: the machine has no AVX2");
        };
        assert!(Extent::of(v, &[0; 64]).is_flat());
        for (row, column) in (0..64).map(|index| (index / 8, index % 8)) {
            for level in [1, -1, 255, 256, -256, i16::MIN, i16::MAX] {
                let mut block = [0; 64];
                block[8 * row + column] = level;
                let extent = Extent::of(v, &block);
                assert_eq!(extent.is_flat(), row == 0 && column == 0);
                assert_eq!(extent.is_first_row(), row == 0);
                assert_eq!(extent.is_upper(), row < 4);
                assert_eq!(extent.is_left(), column < 4);
            }
        }
    }
}
