//! The binary decoder: interval subdivision undone, one decision at a time (T.81 D.2).

use super::state::State;

/// Reads decisions from the de-stuffed bytes of one restart interval.
///
/// Past their end it reads zero bytes for ever: an encoder may drop the zeros at the end of its data
/// (T.81 D.1.8), and the decoder supplies them (T.81 D.2.6).
#[derive(Debug, Clone)]
pub(super) struct BinaryDecoder<'a> {
    data: &'a [u8],
    /// Bytes taken into the code register, those past the end included.
    taken: usize,
    /// The code register C: Cx, 16 bits, above the `available` bits that follow.
    ///
    /// Always below the interval, taken at the same height.
    code: u64,
    /// Bits below Cx, at most 14 + 32.
    available: u32,
    /// The interval A: 0x8000 to 0x10000 between decisions.
    interval: u32,
}

impl<'a> BinaryDecoder<'a> {
    /// Procedure Initdec (T.81 D.2.5).
    pub(super) fn new(data: &'a [u8]) -> Self {
        let mut decoder = Self {
            data,
            taken: 0,
            code: 0,
            available: 0,
            interval: 0x1_0000,
        };
        decoder.refill();
        // Of the 32 bits in the register the upper 16 are Cx.
        decoder.available = 16;
        decoder
    }

    /// Procedure Decode(S), with its conditional exchange (T.81 D.2.3, figures D.16 to D.18).
    #[inline(always)]
    pub(super) fn decision(&mut self, state: &mut State) -> bool {
        let transitions = state.transitions();
        let estimate = u32::from(transitions.estimate);
        let more_probable = state.more_probable();
        // No underflow: the interval is at least 0x8000, and no estimate is.
        self.interval -= estimate;
        let bound = u64::from(self.interval) << self.available;
        let exchanged = self.interval < estimate;
        let in_lower_part = self.code < bound;
        if in_lower_part {
            if self.interval >= 0x8000 {
                return more_probable;
            }
        } else {
            self.code -= bound;
            self.interval = estimate;
        }
        // The larger part of the interval belongs to the more probable symbol.
        let as_expected = in_lower_part != exchanged;
        *state = if as_expected {
            transitions.after_more_probable
        } else {
            transitions.after_less_probable
        };
        self.renormalize();
        more_probable == as_expected
    }

    /// A decision of even odds in a bin that learns nothing.
    #[inline(always)]
    pub(super) fn even_decision(&mut self) -> bool {
        let mut fixed = State::FIXED;
        self.decision(&mut fixed)
    }

    /// Bytes that Initdec and `Renorm_d` have asked for by now; more than there are past the end.
    pub(super) const fn consumed_bytes(&self) -> usize {
        self.taken - (self.available / 8) as usize
    }

    /// Procedure `Renorm_d` (T.81 D.2.4): doubles the interval until it is at least 0x8000.
    #[inline(always)]
    fn renormalize(&mut self) {
        // 1 to 15: the interval is not 0, since no estimate is and no interval equals its estimate.
        let shift = self.interval.leading_zeros() - 16;
        if self.available < shift {
            self.refill();
        }
        self.interval <<= shift;
        self.available -= shift;
    }

    /// Takes four more bytes.
    #[inline]
    fn refill(&mut self) {
        let mut next = [0; 4];
        let rest = self.data.get(self.taken..).unwrap_or(&[]);
        if let Some(four) = rest.first_chunk() {
            next = *four;
        } else {
            next[..rest.len()].copy_from_slice(rest);
        }
        self.taken = self.taken.saturating_add(4);
        // At most 16 + 14 bits are in the register, since the code is below the interval.
        self.code = self.code << 32 | u64::from(u32::from_be_bytes(next));
        self.available += 32;
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::super::encoder::tests::{TEST_SEQUENCE, TEST_SEQUENCE_CODED};
    use super::*;

    #[test]
    fn the_test_sequence_of_k_4_1_is_read() {
        let coded: Vec<u8> = unstuffed(&TEST_SEQUENCE_CODED);
        let mut decoder = BinaryDecoder::new(&coded);
        let mut state = State::default();
        for (index, &word) in TEST_SEQUENCE.iter().enumerate() {
            let mut read = 0_u32;
            for _ in 0..32 {
                read = read << 1 | u32::from(decoder.decision(&mut state));
            }
            assert_eq!(read, word, "word {index}");
        }
        assert!(decoder.consumed_bytes() >= coded.len());
    }

    #[test]
    fn reading_past_the_end_yields_the_dropped_zeros_and_is_noticed() {
        let mut state = State::FIXED;
        let mut short = BinaryDecoder::new(&[0x9C, 0x01]);
        let mut long = BinaryDecoder::new(&[0x9C, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(short.consumed_bytes(), 2);
        for _ in 0..60 {
            assert_eq!(short.decision(&mut state), long.decision(&mut state));
        }
        assert!(short.consumed_bytes() > 2);
        assert_eq!(short.consumed_bytes(), long.consumed_bytes());
    }

    /// The flow charts of T.81 D.2, bit by bit.
    struct Reference<'a> {
        data: &'a [u8],
        taken: usize,
        code: u32,
        interval: u32,
        count: u32,
    }

    impl<'a> Reference<'a> {
        fn new(data: &'a [u8]) -> Self {
            let mut reference = Self {
                data,
                taken: 0,
                code: 0,
                interval: 0x1_0000,
                count: 0,
            };
            reference.byte_in();
            reference.code <<= 8;
            reference.byte_in();
            reference.code <<= 8;
            reference
        }

        fn byte_in(&mut self) {
            self.code += u32::from(self.data.get(self.taken).copied().unwrap_or(0)) << 8;
            self.taken += 1;
        }

        fn decision(&mut self, state: &mut State) -> bool {
            let next = state.transitions();
            let estimate = u32::from(next.estimate);
            let sense = state.more_probable();
            self.interval -= estimate;
            let more_probable = if self.code >> 16 < self.interval {
                if self.interval >= 0x8000 {
                    return sense;
                }
                self.interval >= estimate
            } else {
                self.code -= self.interval << 16;
                let more_probable = self.interval < estimate;
                self.interval = estimate;
                more_probable
            };
            *state = if more_probable {
                next.after_more_probable
            } else {
                next.after_less_probable
            };
            while self.interval < 0x8000 {
                if self.count == 0 {
                    self.byte_in();
                    self.count = 8;
                }
                self.interval <<= 1;
                self.code <<= 1;
                self.count -= 1;
            }
            sense == more_probable
        }
    }

    proptest! {
        #[test]
        fn decisions_and_bytes_taken_are_those_of_the_flow_charts(
            data in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let (mut decoder, mut reference) = (BinaryDecoder::new(&data), Reference::new(&data));
            let (mut states, mut expected) = ([State::default(); 3], [State::default(); 3]);
            for step in 0..600 {
                prop_assert_eq!(
                    decoder.decision(&mut states[step % 3]),
                    reference.decision(&mut expected[step % 3])
                );
                prop_assert_eq!(decoder.consumed_bytes(), reference.taken);
            }
            prop_assert_eq!(states, expected);
        }

        #[test]
        fn noise_keeps_the_code_inside_the_interval(data in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut decoder = BinaryDecoder::new(&data);
            let mut states = [State::default(); 3];
            for step in 0..600 {
                decoder.decision(&mut states[step % 3]);
                prop_assert!((0x8000..=0x1_0000).contains(&decoder.interval));
                prop_assert!(decoder.code < u64::from(decoder.interval) << decoder.available);
            }
        }
    }

    /// Coded bytes without the zeros after 0xFF.
    pub(in super::super) fn unstuffed(coded: &[u8]) -> Vec<u8> {
        let mut clean = Vec::new();
        let mut coded = coded.iter();
        while let Some(&byte) = coded.next() {
            clean.push(byte);
            if byte == 0xFF {
                assert_eq!(coded.next(), Some(&0));
            }
        }
        clean
    }
}
