//! Seeded draws that are the same on every platform.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A stream of draws.
#[derive(Debug, Clone)]
pub(crate) struct Draws(ChaCha8Rng);

impl Draws {
    /// One of 2^64 independent streams of a seed.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut generator = ChaCha8Rng::from_seed(bytes);
        generator.set_stream(stream);
        Self(generator)
    }

    /// An integer below `end`, each as likely; 0 where `end` is 0.
    ///
    /// The high half of a product with 32 random bits. Where its low half is below 2^32 mod `end` the
    /// draw is repeated (Lemire), which leaves each result as many chances as the others.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        let rejected = match end {
            0 => return 0,
            end => end.wrapping_neg() % end,
        };
        loop {
            let product = u64::from(self.0.next_u32()) * u64::from(end);
            #[expect(clippy::cast_possible_truncation, reason = "the halves are meant")]
            let (high, low) = ((product >> 32) as u32, product as u32);
            if low >= rejected {
                return high;
            }
        }
    }

    /// A float in -0.5..0.5, one of 2^24 evenly spaced ones symmetric about 0.
    pub(crate) fn centred(&mut self) -> f32 {
        // Odd multiples of a half below 2^23: 24 bits, exact in a float.
        let bits = self.0.next_u32() >> 8;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_wrap,
            reason = "24 bits are exact in a float"
        )]
        let offset = (bits as i32 - (1 << 23)) as f32 + 0.5;
        offset / 16_777_216.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_those_of_the_generator_on_every_platform() {
        // Of another implementation of ChaCha with 8 rounds, the seed as the first words of the key.
        let mut draws = Draws::new(7, 0);
        let found: Vec<u32> = (0..6).map(|_| draws.below(1000)).collect();
        assert_eq!(found, [172, 764, 916, 465, 447, 5]);
        assert_eq!(Draws::new(7, 5).below(1000), 510);
    }

    #[test]
    fn draws_below_an_end_are_even() {
        let mut draws = Draws::new(1, 0);
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[draws.below(7) as usize] += 1;
        }
        // Six standard deviations of a count of 10000.
        assert!(
            counts.iter().all(|&count| count.abs_diff(10_000) < 600),
            "{counts:?}"
        );
        assert_eq!((draws.below(1), draws.below(0)), (0, 0));
    }

    #[test]
    fn centred_draws_are_even_about_zero() {
        let mut draws = Draws::new(2, 0);
        let values: Vec<f32> = (0..40_000).map(|_| draws.centred()).collect();
        assert!(values.iter().all(|value| value.abs() < 0.5));
        let mean = values.iter().sum::<f32>() / 40_000.0;
        let square = values.iter().map(|value| value * value).sum::<f32>() / 40_000.0;
        assert!(
            mean.abs() < 0.01 && (square - 1.0 / 12.0).abs() < 0.002,
            "{mean} {square}"
        );
    }

    #[test]
    fn streams_of_a_seed_differ() {
        let first = |seed, stream| Draws::new(seed, stream).below(u32::MAX);
        assert_ne!(first(1, 0), first(1, 1));
        assert_ne!(first(1, 0), first(2, 0));
    }
}
