//! Division by the steps of a table as multiplication by 16-bit reciprocals.

/// Largest magnitude that [`Reciprocals`] divide.
pub(crate) const LARGEST_DIVIDEND: u16 = 1 << 14;

/// Reciprocals of 64 divisors of at least 3, for dividends of at most 2^14 in magnitude.
///
/// A dividend v becomes the integer nearest to v / d: with the sign of v the quotient n / d rounded down, n =
/// |v| + `half`, where `half` is d / 2 rounded down, or less by one where ties of an even d are to go to zero. That is 0 for d > 2^15. Otherwise
/// n <= 2^15, and with 2^(k-1) < d <= 2^k the reciprocal r = 2^(15+k) / d, rounded up, fits 16 bits. It is
/// too large by e / d with e < d <= 2^k, so n * r / 2^(15+k) is too large by less than n / 2^15 / d <= 1 / d,
/// and rounded down it is the quotient. The power of two is divided by in two steps: by 2^16, and by 2^(k-1)
/// as a product with `scale` = 2^(17-k) whose high half is taken.
#[derive(Debug, Clone)]
pub(crate) struct Reciprocals {
    pub(crate) half: [u16; 64],
    pub(crate) reciprocal: [u16; 64],
    pub(crate) scale: [u16; 64],
}

impl Reciprocals {
    /// `ties_to_zero` instead of away from it.
    pub(crate) fn new(divisors: &[u32; 64], ties_to_zero: bool) -> Self {
        let mut reciprocals = Self {
            half: [0; 64],
            reciprocal: [0; 64],
            scale: [0; 64],
        };
        for (index, &divisor) in divisors.iter().enumerate() {
            debug_assert!(divisor >= 3, "{divisor}");
            if divisor > 1 << 15 {
                continue;
            }
            // 2 to 15.
            let k = (divisor - 1).ilog2() + 1;
            #[expect(clippy::cast_possible_truncation, reason = "shown above")]
            {
                reciprocals.half[index] = ((divisor - u32::from(ties_to_zero)) / 2) as u16;
                reciprocals.reciprocal[index] = (1_u32 << (15 + k)).div_ceil(divisor) as u16;
            }
            reciprocals.scale[index] = 1 << (17 - k);
        }
        reciprocals
    }
}

/// n / d, rounded down.
#[inline(always)]
pub(crate) fn quotient(n: u16, reciprocal: u16, scale: u16) -> u16 {
    high_half(high_half(n, reciprocal), scale)
}

#[inline(always)]
fn high_half(a: u16, b: u16) -> u16 {
    // A product of 32 bits.
    ((u32::from(a) * u32::from(b)) >> 16) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_exact() {
        let mut divisors: Vec<u32> = (3..=300).collect();
        divisors.extend((9..=20).flat_map(|k| [(1 << k) - 1, 1 << k, (1 << k) + 1]));
        divisors.extend([8 * 65535, 24, 2040, 12345, 23170, 30000]);
        for divisor in divisors {
            for ties_to_zero in [false, true] {
                let reciprocals = Reciprocals::new(&[divisor; 64], ties_to_zero);
                for dividend in 0..=LARGEST_DIVIDEND {
                    let found = quotient(
                        dividend + reciprocals.half[7],
                        reciprocals.reciprocal[7],
                        reciprocals.scale[7],
                    );
                    let doubled = 2 * u32::from(dividend) + divisor - u32::from(ties_to_zero);
                    assert_eq!(
                        u32::from(found),
                        doubled / (2 * divisor),
                        "{dividend} / {divisor}"
                    );
                }
            }
        }
    }
}
