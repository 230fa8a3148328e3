//! The binary encoder: interval subdivision, one decision at a time (T.81 D.1).

use std::mem;

use super::super::marker::RST0;
use super::state::State;

/// Bits that the code register holds below the byte that comes out of it next (T.81 figure D.11).
const BYTE_HEIGHT: u32 = 19;

/// Writes decisions, stuffing a zero byte after each 0xFF.
///
/// The bytes are those of libjpeg: at the end the code value with the most trailing zeros is chosen,
/// and zero bytes at the very end are dropped.
#[derive(Debug)]
pub(super) struct BinaryEncoder {
    bytes: Vec<u8>,
    /// Where the bytes of the current interval start.
    start: usize,
    /// The code register C: 16 bits aligned with the interval, spacer and output bits above.
    ///
    /// Below 2^28: code and interval together stay at or below (2^19 + 2^16) << 8 from one byte's
    /// output to the next, and at or below 2^16 << 11 before the first.
    code: u32,
    /// Shifts until the next byte is complete, CT: 1 to 11.
    shifts: u32,
    /// The interval A: 0x8000 to 0x10000 between decisions.
    interval: u32,
}

impl BinaryEncoder {
    /// Procedure Initenc (T.81 D.1.7); appends to bytes that are already there.
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        let start = bytes.len();
        Self {
            bytes,
            start,
            code: 0,
            shifts: 11,
            interval: 0x1_0000,
        }
    }

    /// Procedures `Code_0(S)` and `Code_1(S)`, with their conditional exchange (T.81 D.1.4).
    #[inline(always)]
    pub(super) fn decision(&mut self, state: &mut State, symbol: bool) {
        let transitions = state.transitions();
        let estimate = u32::from(transitions.estimate);
        let as_expected = symbol == state.more_probable();
        // No underflow: the interval is at least 0x8000, and no estimate is.
        self.interval -= estimate;
        if as_expected && self.interval >= 0x8000 {
            return;
        }
        // The larger part of the interval belongs to the more probable symbol.
        let exchanged = self.interval < estimate;
        if as_expected == exchanged {
            self.code += self.interval;
            self.interval = estimate;
        }
        *state = if as_expected {
            transitions.after_more_probable
        } else {
            transitions.after_less_probable
        };
        self.renormalize();
    }

    /// A decision of even odds in a bin that learns nothing.
    #[inline(always)]
    pub(super) fn even_decision(&mut self, symbol: bool) {
        let mut fixed = State::FIXED;
        self.decision(&mut fixed, symbol);
    }

    /// Ends the interval and returns the bytes.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.flush();
        self.bytes
    }

    /// Ends the interval with a restart marker and begins the next.
    pub(super) fn restart(&mut self, number: u8) {
        self.flush();
        self.bytes.extend_from_slice(&[0xFF, RST0 + number % 8]);
        *self = Self::new(mem::take(&mut self.bytes));
    }

    /// Procedure `Renorm_e` (T.81 D.1.6): doubles the interval until it is at least 0x8000.
    #[inline(always)]
    fn renormalize(&mut self) {
        let mut missing = self.interval.leading_zeros() - 16;
        self.interval <<= missing;
        while missing >= self.shifts {
            missing -= self.shifts;
            self.code <<= self.shifts;
            self.shifts = 8;
            self.write_byte();
        }
        self.code <<= missing;
        self.shifts -= missing;
    }

    /// Procedure `Byte_out` (T.81 D.1.6).
    ///
    /// The standard holds bytes of 0xFF back until no carry can reach them; here they are written and
    /// mended, which gives the same bytes.
    fn write_byte(&mut self) {
        let byte = self.code >> BYTE_HEIGHT;
        self.code &= (1 << BYTE_HEIGHT) - 1;
        if byte > 0xFF {
            self.carry();
        }
        #[expect(clippy::cast_possible_truncation, reason = "the carry is dealt with")]
        self.push(byte as u8);
    }

    /// Adds one to the bytes written. Bytes that turn to zero stop the next carry, so that the work is
    /// bounded by the number of bytes.
    fn carry(&mut self) {
        let mut zeros = 0;
        while self.bytes[self.start..].ends_with(&[0xFF, 0]) {
            self.bytes.truncate(self.bytes.len() - 2);
            zeros += 1;
        }
        // There is such a byte, since the coded fraction stays below 1, and it is not 0xFF, since a
        // zero follows each of those.
        if self.bytes.len() > self.start
            && let Some(byte) = self.bytes.pop()
        {
            self.push(byte + 1);
        }
        self.bytes.resize(self.bytes.len() + zeros, 0);
    }

    fn push(&mut self, byte: u8) {
        self.bytes.push(byte);
        if byte == 0xFF {
            self.bytes.push(0);
        }
    }

    /// Procedure Flush (T.81 D.1.8): `Clear_final_bits`, two bytes, `Discard_final_zeros`.
    fn flush(&mut self) {
        let within = (self.code + self.interval - 1) & !0xFFFF;
        self.code = if within < self.code {
            within + 0x8000
        } else {
            within
        };
        self.code <<= self.shifts;
        self.write_byte();
        self.code <<= 8;
        self.write_byte();
        // A zero after 0xFF is stuffing and stays.
        while let [rest @ .., 0] = &self.bytes[self.start..]
            && rest.last() != Some(&0xFF)
        {
            self.bytes.pop();
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::super::decoder::BinaryDecoder;
    use super::super::decoder::tests::unstuffed;
    use super::*;

    /// The decisions of T.81 K.4.1, first bit on top.
    pub(in super::super) const TEST_SEQUENCE: [u32; 8] = [
        0x0002_0051,
        0x0000_00C0,
        0x0352_872A,
        0xAAAA_AAAA,
        0x82C0_2000,
        0xFCD7_9EF6,
        0x74EA_ABF7,
        0x697E_E74C,
    ];

    /// What they are coded as in one bin.
    pub(in super::super) const TEST_SEQUENCE_CODED: [u8; 29] = [
        0x65, 0x5B, 0x51, 0x44, 0xF7, 0x96, 0x9D, 0x51, 0x78, 0x55, 0xBF, 0xFF, 0x00, 0xFC, 0x51,
        0x84, 0xC7, 0xCE, 0xF9, 0x39, 0x00, 0x28, 0x7D, 0x46, 0x70, 0x8E, 0xCB, 0xC0, 0xF6,
    ];

    #[test]
    fn the_test_sequence_of_k_4_1_is_written() {
        let mut encoder = BinaryEncoder::new(Vec::new());
        let mut state = State::default();
        for word in TEST_SEQUENCE {
            for bit in (0..32).rev() {
                encoder.decision(&mut state, word >> bit & 1 == 1);
            }
        }
        assert_eq!(encoder.finish(), TEST_SEQUENCE_CODED);
    }

    #[test]
    fn a_carry_passes_through_stuffed_bytes_and_stays_in_its_interval() {
        let mut encoder = BinaryEncoder::new(vec![0xFF, 0]);
        encoder.bytes.extend([0x12, 0xFF, 0, 0xFF, 0]);
        encoder.carry();
        assert_eq!(encoder.bytes, [0xFF, 0, 0x13, 0, 0]);
        encoder.bytes.truncate(2);
        encoder.bytes.extend([0xFE, 0xFF, 0]);
        encoder.carry();
        assert_eq!(encoder.bytes, [0xFF, 0, 0xFF, 0, 0]);
        encoder.bytes.truncate(2);
        encoder.carry();
        assert_eq!(encoder.bytes, [0xFF, 0]);
    }

    #[test]
    fn an_interval_without_decisions_is_empty() {
        let mut encoder = BinaryEncoder::new(vec![7, 0]);
        encoder.restart(9);
        assert_eq!(encoder.finish(), [7, 0, 0xFF, 0xD1]);
    }

    /// Which of a few bins, and the decision in it; skewed so that estimates go far down.
    fn decisions() -> impl Strategy<Value = Vec<(usize, bool)>> {
        let skewed = (0_usize..4, prop::bool::weighted(0.03));
        let even = (0_usize..5, any::<bool>());
        prop_oneof![
            prop::collection::vec(skewed, 0..3000),
            prop::collection::vec(even, 0..600),
        ]
    }

    proptest! {
        #[test]
        fn decisions_written_are_decisions_read(
            before in prop::collection::vec(any::<u8>(), 0..4),
            decisions in decisions(),
        ) {
            let mut encoder = BinaryEncoder::new(before.clone());
            let start = [State::default(), State::default(), State::default(), State::default(), State::FIXED];
            let mut states = start;
            for &(bin, symbol) in &decisions {
                encoder.decision(&mut states[bin], symbol);
            }
            let bytes = encoder.finish();
            prop_assert_eq!(&bytes[..before.len()], &before);
            let coded = &bytes[before.len()..];
            prop_assert!(coded.windows(2).all(|pair| pair[0] != 0xFF || pair[1] == 0));
            prop_assert!(coded.last() != Some(&0xFF));
            let clean = unstuffed(coded);
            prop_assert!(clean.last() != Some(&0));
            let mut decoder = BinaryDecoder::new(&clean);
            let mut states = start;
            for &(bin, symbol) in &decisions {
                prop_assert_eq!(decoder.decision(&mut states[bin]), symbol);
            }
            // Every byte written is needed.
            prop_assert!(decoder.consumed_bytes() >= clean.len());
        }
    }
}
