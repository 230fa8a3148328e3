//! A run of blocks, added up a quarter of the bands at a time: as many as fit a vector of levels.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::__m256i;

#[cfg(target_arch = "x86_64")]
use pulp::bytemuck::cast;

use crate::band::{BANDS, Block};
#[cfg(target_arch = "x86_64")]
use crate::vectors::Avx2;

/// Bands of a quarter: two rows of a block.
pub(super) const LANES: usize = 16;
pub(super) const QUARTERS: usize = BANDS / LANES;

/// Most blocks of a run.
pub(super) const RUN: usize = 16;
/// Largest magnitude of a level in sums of a run: all of samples of 8 bits that a file can hold.
pub(super) const LARGEST: i16 = 2047;

const _: () = assert!(RUN as u64 * LARGEST as u64 <= i16::MAX as u64);

/// One quarter of a block.
#[inline(always)]
pub(super) fn lanes(block: &Block, quarter: usize) -> &[i16; LANES] {
    &block.as_chunks().0[quarter]
}

/// The sums over one quarter of the bands of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RunSums {
    pub(super) low: [i16; LANES],
    pub(super) high: [i16; LANES],
    /// Whether no level is above [`LARGEST`]; where one is, the sums below may have wrapped.
    pub(super) fit: bool,
    pub(super) sum: [i16; LANES],
    pub(super) magnitudes: [u16; LANES],
    pub(super) squares: [u32; LANES],
}

impl RunSums {
    /// Of at most [`RUN`] blocks.
    #[inline(always)]
    pub(super) fn portable(run: &[Block], quarter: usize) -> Self {
        let mut sums = Self {
            low: [i16::MAX; LANES],
            high: [i16::MIN; LANES],
            fit: true,
            sum: [0; LANES],
            magnitudes: [0; LANES],
            squares: [0; LANES],
        };
        let (eights, rest) = run.as_chunks::<8>();
        for eight in eights {
            sums.add(eight, quarter);
        }
        for block in rest {
            sums.add(&[*block], quarter);
        }
        sums.fit = sums.low.iter().all(|&low| low >= -LARGEST)
            && sums.high.iter().all(|&high| high <= LARGEST);
        sums
    }

    /// Adds some blocks at once, so that the sums are loaded and stored once for all.
    #[inline(always)]
    fn add<const COUNT: usize>(&mut self, blocks: &[Block; COUNT], quarter: usize) {
        for lane in 0..LANES {
            let (mut low, mut high) = (self.low[lane], self.high[lane]);
            let (mut sum, mut magnitudes) = (self.sum[lane], self.magnitudes[lane]);
            for block in blocks {
                let level = lanes(block, quarter)[lane];
                low = low.min(level);
                high = high.max(level);
                sum = sum.wrapping_add(level);
                magnitudes = magnitudes.wrapping_add(level.unsigned_abs());
            }
            (self.low[lane], self.high[lane]) = (low, high);
            (self.sum[lane], self.magnitudes[lane]) = (sum, magnitudes);
        }
        // A loop of its own: it has half as many lanes to a vector.
        for lane in 0..LANES {
            let mut squares = self.squares[lane];
            for block in blocks {
                let level = i32::from(lanes(block, quarter)[lane]);
                squares = squares.wrapping_add((level * level).cast_unsigned());
            }
            self.squares[lane] = squares;
        }
    }

    /// The same. Squares of two blocks are added in the instruction that makes them.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(super) fn avx2(v: Avx2, run: &[Block], quarter: usize) -> Self {
        let zero = v.avx._mm256_setzero_si256();
        let mut low = v.avx._mm256_set1_epi16(i16::MAX);
        let mut high = v.avx._mm256_set1_epi16(i16::MIN);
        let (mut sum, mut magnitudes) = (zero, zero);
        let mut squares = [zero; 2];
        let (pairs, last) = run.as_chunks::<2>();
        for [first, second] in pairs {
            let first: __m256i = cast(*lanes(first, quarter));
            let second: __m256i = cast(*lanes(second, quarter));
            for levels in [first, second] {
                low = v.avx2._mm256_min_epi16(low, levels);
                high = v.avx2._mm256_max_epi16(high, levels);
                sum = v.avx2._mm256_add_epi16(sum, levels);
                magnitudes = v
                    .avx2
                    ._mm256_add_epi16(magnitudes, v.avx2._mm256_abs_epi16(levels));
            }
            squares = with_squares(v, squares, first, second);
        }
        if let [block] = last {
            let levels: __m256i = cast(*lanes(block, quarter));
            low = v.avx2._mm256_min_epi16(low, levels);
            high = v.avx2._mm256_max_epi16(high, levels);
            sum = v.avx2._mm256_add_epi16(sum, levels);
            magnitudes = v
                .avx2
                ._mm256_add_epi16(magnitudes, v.avx2._mm256_abs_epi16(levels));
            squares = with_squares(v, squares, levels, zero);
        }
        let outside = v.avx2._mm256_or_si256(
            v.avx2
                ._mm256_cmpgt_epi16(v.avx._mm256_set1_epi16(-LARGEST), low),
            v.avx2
                ._mm256_cmpgt_epi16(high, v.avx._mm256_set1_epi16(LARGEST)),
        );
        Self {
            low: cast(low),
            high: cast(high),
            fit: v.avx._mm256_testz_si256(outside, outside) == 1,
            sum: cast(sum),
            magnitudes: cast(magnitudes),
            squares: cast([
                v.avx2
                    ._mm256_permute2x128_si256::<0x20>(squares[0], squares[1]),
                v.avx2
                    ._mm256_permute2x128_si256::<0x31>(squares[0], squares[1]),
            ]),
        }
    }
}

/// Adds squares of the levels of two blocks: of lanes 0 to 3 and 8 to 11, and of the others.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn with_squares(v: Avx2, squares: [__m256i; 2], first: __m256i, second: __m256i) -> [__m256i; 2] {
    let lower = v.avx2._mm256_unpacklo_epi16(first, second);
    let upper = v.avx2._mm256_unpackhi_epi16(first, second);
    [
        v.avx2
            ._mm256_add_epi32(squares[0], v.avx2._mm256_madd_epi16(lower, lower)),
        v.avx2
            ._mm256_add_epi32(squares[1], v.avx2._mm256_madd_epi16(upper, upper)),
    ]
}
