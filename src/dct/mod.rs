//! The 8x8 transform: libjpeg's integer one, the precise one in floats, and the reference.

#[cfg(target_arch = "x86_64")]
mod avx2;
pub(crate) mod integer;
pub(crate) mod precise;
pub(crate) mod reference;
mod rows;

pub(crate) use rows::{IntegerForward, IntegerInverse, PreciseForward, PreciseInverse};

/// Swaps rows and columns.
#[inline(always)]
fn transpose<T: Copy + Default>(rows: &[[T; 8]; 8]) -> [[T; 8]; 8] {
    let mut columns = [[T::default(); 8]; 8];
    for (y, row) in rows.iter().enumerate() {
        for (x, &value) in row.iter().enumerate() {
            columns[x][y] = value;
        }
    }
    columns
}
