//! From coefficients to decisions (T.81 F.1.4, G.1.3).

use std::ops::RangeInclusive;

use crate::band::{Block, NATURAL_FROM_ZIGZAG};

use super::conditioning::{Conditioning, DcClass};
use super::encoder::BinaryEncoder;
use super::state::State;
use super::statistics::{
    AcBins, CodedComponent, DC_CATEGORIES, DcBins, MAGNITUDE_BITS, Statistics, ac_categories,
};

/// Largest magnitude of an AC coefficient or DC difference.
///
/// The coding has one more, 0x8000, which no coefficient of 16 bits can be refined to.
const BOUND: i32 = 0x7FFF;

/// Encodes the blocks of one restart interval after another.
#[derive(Debug)]
pub(in crate::jpeg) struct BlockEncoder<'a> {
    binary: BinaryEncoder,
    statistics: Statistics,
    conditioning: &'a Conditioning,
}

/// A coefficient or DC difference that the coding cannot carry. Nothing of its block was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::jpeg) struct Uncodable {
    /// Zig-zag index.
    pub(in crate::jpeg) position: u8,
    /// The coefficient, or for DC the difference to the block before, without the bits of later scans.
    pub(in crate::jpeg) value: i32,
    /// The largest magnitude that it could have.
    pub(in crate::jpeg) bound: i32,
    /// The nearest coefficient that can be carried.
    pub(in crate::jpeg) nearest: i16,
}

impl<'a> BlockEncoder<'a> {
    /// Appends to bytes that are already there.
    pub(in crate::jpeg) fn new(bytes: Vec<u8>, conditioning: &'a Conditioning) -> Self {
        Self {
            binary: BinaryEncoder::new(bytes),
            statistics: Statistics::new(),
            conditioning,
        }
    }

    /// Ends the interval with a restart marker and begins the next.
    pub(in crate::jpeg) fn restart(&mut self, number: u8) {
        self.binary.restart(number);
        self.statistics = Statistics::new();
    }

    /// Ends the last interval and returns the bytes.
    pub(in crate::jpeg) fn finish(self) -> Vec<u8> {
        self.binary.finish()
    }

    /// Encodes a block of a sequential scan (T.81 F.1.4).
    ///
    /// # Errors
    ///
    /// [`Uncodable`] where a DC difference or AC coefficient is outside +-32767.
    pub(in crate::jpeg) fn sequential(
        &mut self,
        component: CodedComponent,
        block: &Block,
    ) -> Result<(), Uncodable> {
        check_band(block, 1..=63)?;
        self.dc_first(component, block, 0)?;
        self.ac_first(component, block, 1..=63, 0)
    }

    /// Encodes a DC coefficient without its `low` lowest bits, 0 to 13 (T.81 G.1.3.1).
    ///
    /// # Errors
    ///
    /// [`Uncodable`] where the difference is outside +-32767.
    pub(in crate::jpeg) fn dc_first(
        &mut self,
        component: CodedComponent,
        block: &Block,
        low: u8,
    ) -> Result<(), Uncodable> {
        let binary = &mut self.binary;
        let (area, state) = self.statistics.dc_of(component);
        let value = i32::from(block[0] >> low);
        let difference = value - state.prediction;
        if difference.abs() > BOUND {
            let nearest = state.prediction + difference.clamp(-BOUND, BOUND);
            // Between the prediction and the value, which are both an i16 shifted right by `low`.
            #[expect(clippy::cast_possible_truncation, reason = "shown above")]
            let nearest = (nearest << low) as i16;
            return Err(Uncodable {
                position: 0,
                value: difference,
                bound: BOUND,
                nearest,
            });
        }
        let bins = DcBins::of(state.class);
        state.prediction = value;
        binary.decision(&mut area[bins.nonzero], difference != 0);
        if difference == 0 {
            state.class = DcClass::Zero;
            return Ok(());
        }
        let negative = difference < 0;
        binary.decision(&mut area[bins.sign], negative);
        let above_one = if negative {
            bins.below_minus_one
        } else {
            bins.above_one
        };
        let less_one = difference.unsigned_abs() - 1;
        let category = highest_bit(less_one);
        binary.decision(&mut area[above_one], category > 0);
        if category > 0 {
            encode_magnitude(binary, area, DC_CATEGORIES, 1, less_one);
        }
        state.class = self
            .conditioning
            .dc_class(component.dc_destination, negative, category);
        Ok(())
    }

    /// Encodes bit number `low` of a DC coefficient (T.81 G.1.3.1).
    pub(in crate::jpeg) fn dc_refinement(&mut self, block: &Block, low: u8) {
        self.binary.even_decision(block[0] >> low & 1 == 1);
    }

    /// Encodes the coefficients of a band, within 1..=63, without their `low` lowest bits, 0 to 13
    /// (T.81 G.1.3.2).
    ///
    /// # Errors
    ///
    /// [`Uncodable`] where a coefficient is outside +-32767.
    pub(in crate::jpeg) fn ac_first(
        &mut self,
        component: CodedComponent,
        block: &Block,
        band: RangeInclusive<u8>,
        low: u8,
    ) -> Result<(), Uncodable> {
        check_band(block, band.clone())?;
        let binary = &mut self.binary;
        let area = self.statistics.ac_of(component);
        let (start, end) = (u32::from(*band.start()), u32::from(*band.end()));
        let last = last_nonzero(block, start..=end, low);
        let mut starts_run = true;
        for position in start..=last {
            let bins = AcBins::of(position);
            if starts_run {
                binary.decision(&mut area[bins.end], false);
            }
            let coefficient = at_zigzag(block, position);
            let magnitude = u32::from(coefficient.unsigned_abs() >> low);
            starts_run = magnitude > 0;
            binary.decision(&mut area[bins.nonzero], magnitude > 0);
            if magnitude == 0 {
                continue;
            }
            binary.even_decision(coefficient < 0);
            binary.decision(&mut area[bins.above_one], magnitude > 1);
            if magnitude == 1 {
                continue;
            }
            binary.decision(&mut area[bins.above_one], magnitude > 2);
            if magnitude > 2 {
                let is_low = self.conditioning.is_low(component.ac_destination, position);
                encode_magnitude(binary, area, ac_categories(is_low), 2, magnitude - 1);
            }
        }
        if last < end {
            binary.decision(&mut area[AcBins::of(last + 1).end], true);
        }
        Ok(())
    }

    /// Encodes bit number `low` of the coefficients of a band, within 1..=63 (T.81 G.1.3.3).
    pub(in crate::jpeg) fn ac_refinement(
        &mut self,
        component: CodedComponent,
        block: &Block,
        band: RangeInclusive<u8>,
        low: u8,
    ) {
        let binary = &mut self.binary;
        let area = self.statistics.ac_of(component);
        let (start, end) = (u32::from(*band.start()), u32::from(*band.end()));
        let last = last_nonzero(block, start..=end, low);
        // EOBx: up to the last coefficient that is nonzero already, the band cannot end.
        let nonzero_before = last_nonzero(block, start..=end, low + 1);
        let mut starts_run = true;
        for position in start..=last {
            let bins = AcBins::of(position);
            if starts_run && position > nonzero_before {
                binary.decision(&mut area[bins.end], false);
            }
            let coefficient = at_zigzag(block, position);
            let magnitude = coefficient.unsigned_abs() >> low;
            starts_run = magnitude > 0;
            if magnitude > 1 {
                binary.decision(&mut area[bins.correction()], magnitude & 1 == 1);
                continue;
            }
            binary.decision(&mut area[bins.nonzero], magnitude == 1);
            if magnitude == 1 {
                binary.even_decision(coefficient < 0);
            }
        }
        if last < end {
            binary.decision(&mut area[AcBins::of(last + 1).end], true);
        }
    }
}

/// The magnitude less one, at least `category`, which is the lowest that is possible yet; `bin`
/// counts whether it is higher (T.81 figures F.8 and F.9).
#[inline(always)]
fn encode_magnitude<const BINS: usize>(
    binary: &mut BinaryEncoder,
    area: &mut [State; BINS],
    mut bin: usize,
    mut category: u32,
    less_one: u32,
) {
    let highest = highest_bit(less_one);
    while category < highest {
        binary.decision(&mut area[bin % BINS], true);
        category <<= 1;
        bin += 1;
    }
    binary.decision(&mut area[bin % BINS], false);
    let mut bit = highest >> 1;
    while bit > 0 {
        binary.decision(
            &mut area[(bin + MAGNITUDE_BITS) % BINS],
            less_one & bit != 0,
        );
        bit >>= 1;
    }
}

/// The highest bit of a number, alone; 0 of 0.
#[inline(always)]
const fn highest_bit(number: u32) -> u32 {
    match number.checked_ilog2() {
        Some(bit) => 1 << bit,
        None => 0,
    }
}

/// The last zig-zag index of a band whose coefficient is nonzero without its `low` lowest bits; one
/// before the band where there is none.
#[inline(always)]
fn last_nonzero(block: &Block, band: RangeInclusive<u32>, low: u8) -> u32 {
    let before = *band.start() - 1;
    band.rev()
        .find(|&position| at_zigzag(block, position).unsigned_abs() >> low > 0)
        .unwrap_or(before)
}

/// Refuses the one value of an `i16` that is beyond [`BOUND`].
#[inline(always)]
fn check_band(block: &Block, band: RangeInclusive<u8>) -> Result<(), Uncodable> {
    if !block.contains(&i16::MIN) {
        return Ok(());
    }
    let mut band = band;
    match band.find(|&position| at_zigzag(block, position.into()) == i16::MIN) {
        None => Ok(()),
        Some(position) => Err(Uncodable {
            position,
            value: i16::MIN.into(),
            bound: BOUND,
            nearest: -i16::MAX,
        }),
    }
}

#[inline(always)]
fn at_zigzag(block: &Block, position: u32) -> i16 {
    block[usize::from(NATURAL_FROM_ZIGZAG[position as usize & 63]) & 63]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::BlockDecoder;
    use super::super::conditioning::tests::any_conditioning;
    use super::super::decoder::tests::unstuffed;
    use super::*;
    use crate::error::Malformed;

    /// Coefficients that differ by less than the bound, in DC as well, with many zeros.
    fn blocks() -> impl Strategy<Value = Vec<Block>> {
        let within = |bound: i16| {
            let coefficient = prop_oneof![
                5 => Just(0_i16),
                3 => -2_i16..=2,
                2 => -bound..=bound,
                1 => prop_oneof![Just(bound), Just(-bound)],
            ];
            let block = (
                -bound / 2..=bound / 2,
                prop::collection::vec(coefficient, 63),
            )
                .prop_map(|(dc, ac)| {
                    let mut block = [0; 64];
                    block[0] = dc;
                    block[1..].copy_from_slice(&ac);
                    block
                });
            prop::collection::vec(block, 1..12)
        };
        // Ranges of 8 and 12 bits a sample, and of the type.
        prop_oneof![within(1023), within(16383), within(i16::MAX)]
    }

    /// Components in all their slots and destinations, one a block.
    fn component(index: usize) -> CodedComponent {
        CodedComponent {
            slot: index % 4,
            dc_destination: [1, 0, 3, 2][index % 4],
            ac_destination: [0, 2, 2, 3][index % 4],
        }
    }

    /// One scan over all blocks: written, then read into `decoded`.
    fn scan(
        conditioning: &Conditioning,
        original: &[Block],
        decoded: &mut [Block],
        encode: impl Fn(&mut BlockEncoder<'_>, CodedComponent, &Block),
        decode: impl Fn(&mut BlockDecoder<'_>, CodedComponent, &mut Block) -> Result<(), Malformed>,
    ) {
        let mut encoder = BlockEncoder::new(Vec::new(), conditioning);
        for (index, block) in original.iter().enumerate() {
            encode(&mut encoder, component(index), block);
        }
        let clean = unstuffed(&encoder.finish());
        let mut decoder = BlockDecoder::new(&clean, conditioning);
        for (index, block) in decoded.iter_mut().enumerate() {
            decode(&mut decoder, component(index), block).unwrap();
        }
        assert!(decoder.consumed_bytes() >= clean.len());
    }

    /// What is left of a block without the `low` lowest bits (T.81 A.4).
    fn coarse(block: &Block, low: u8) -> Block {
        let mut coarse = block.map(|value| {
            let magnitude = (value.unsigned_abs() >> low << low).cast_signed();
            if value < 0 { -magnitude } else { magnitude }
        });
        coarse[0] = block[0] >> low << low;
        coarse
    }

    proptest! {
        #[test]
        fn sequential_blocks_come_back(blocks in blocks(), conditioning in any_conditioning()) {
            let mut decoded = vec![[0; 64]; blocks.len()];
            scan(
                &conditioning,
                &blocks,
                &mut decoded,
                |encoder, component, block| encoder.sequential(component, block).unwrap(),
                |decoder, component, block| {
                    decoder.sequential(component, block)?;
                    Ok(())
                },
            );
            prop_assert_eq!(decoded, blocks);
        }

        #[test]
        fn progressive_scans_bring_the_bits_they_announce(
            blocks in blocks(),
            conditioning in any_conditioning(),
            first in 0_u8..=13,
            split in 1_u8..=62,
        ) {
            let mut decoded = vec![[0; 64]; blocks.len()];
            scan(
                &conditioning,
                &blocks,
                &mut decoded,
                |encoder, component, block| encoder.dc_first(component, block, first).unwrap(),
                |decoder, component, block| decoder.dc_first(component, block, first),
            );
            for band in [1..=split, split + 1..=63] {
                scan(
                    &conditioning,
                    &blocks,
                    &mut decoded,
                    |encoder, component, block| {
                        encoder.ac_first(component, block, band.clone(), first).unwrap();
                    },
                    |decoder, component, block| {
                        decoder.ac_first(component, block, band.clone(), first)
                    },
                );
            }
            for low in (0..first).rev() {
                let expected: Vec<Block> =
                    blocks.iter().map(|block| coarse(block, low + 1)).collect();
                prop_assert_eq!(&decoded, &expected);
                scan(
                    &conditioning,
                    &blocks,
                    &mut decoded,
                    |encoder, _, block| encoder.dc_refinement(block, low),
                    |decoder, _, block| {
                        decoder.dc_refinement(block, low);
                        Ok(())
                    },
                );
                scan(
                    &conditioning,
                    &blocks,
                    &mut decoded,
                    |encoder, component, block| {
                        encoder.ac_refinement(component, block, 1..=63, low);
                    },
                    |decoder, component, block| {
                        decoder.ac_refinement(component, block, 1..=63, low)
                    },
                );
            }
            prop_assert_eq!(decoded, blocks);
        }

        #[test]
        fn noise_changes_only_the_coefficients_of_its_band(
            data in prop::collection::vec(any::<u8>(), 0..300),
            conditioning in any_conditioning(),
            (start, end) in (1_u8..=63, 1_u8..=63).prop_map(|(a, b)| (a.min(b), a.max(b))),
            low in 0_u8..=13,
            before in prop::array::uniform32(any::<i16>()),
            kind in 0_usize..5,
        ) {
            let mut original = [0; 64];
            original[..32].copy_from_slice(&before);
            let component = component(kind);
            let mut decoder = BlockDecoder::new(&data, &conditioning);
            for _ in 0..50 {
                let mut block = original;
                let (touched, result) = match kind {
                    0 => (0..=63, decoder.sequential(component, &mut block)),
                    1 => (0..=0, decoder.dc_first(component, &mut block, low)),
                    2 => {
                        decoder.dc_refinement(&mut block, low);
                        (0..=0, Ok(()))
                    }
                    3 => (start..=end, decoder.ac_first(component, &mut block, start..=end, low)),
                    _ => (
                        start..=end,
                        decoder.ac_refinement(component, &mut block, start..=end, low),
                    ),
                };
                for (position, &natural) in (0..).zip(&NATURAL_FROM_ZIGZAG) {
                    let natural = usize::from(natural);
                    prop_assert!(
                        touched.contains(&position) || block[natural] == original[natural]
                    );
                }
                if result.is_err() {
                    break;
                }
            }
        }
    }

    #[test]
    fn what_the_coding_cannot_carry_is_refused_before_a_bit_is_written() {
        let conditioning = Conditioning::default();
        let mut encoder = BlockEncoder::new(Vec::new(), &conditioning);
        let component = component(0);
        let mut block = [0; 64];
        block[0] = -20000;
        encoder.sequential(component, &block).unwrap();
        block[0] = 20000;
        let refused = encoder.sequential(component, &block).unwrap_err();
        let expected = Uncodable {
            position: 0,
            value: 40000,
            bound: 32767,
            nearest: 12767,
        };
        assert_eq!(refused, expected);
        block[0] = refused.nearest;
        block[9] = i16::MIN;
        let refused = encoder.sequential(component, &block).unwrap_err();
        assert_eq!((refused.position, refused.nearest), (4, -32767));
        assert_eq!(encoder.ac_first(component, &block, 4..=9, 0), Err(refused));
        encoder.ac_first(component, &block, 5..=9, 0).unwrap();
    }

    #[test]
    fn dc_differences_are_carried_up_to_the_bound_in_both_directions() {
        let conditioning = Conditioning::default();
        for (first, last_carried, refused, nearest) in
            [(-1, 32766, 32767, 32766), (1, -32766, -32767, -32766)]
        {
            let [before, carried, beyond] = [first, last_carried, refused].map(|dc| {
                let mut block = [0; 64];
                block[0] = dc;
                block
            });
            let mut encoder = BlockEncoder::new(Vec::new(), &conditioning);
            encoder.dc_first(component(0), &before, 0).unwrap();
            let uncodable = encoder.dc_first(component(0), &beyond, 0).unwrap_err();
            assert_eq!(uncodable.value.abs(), 0x8000);
            assert_eq!(uncodable.nearest, nearest);
            encoder.dc_first(component(0), &carried, 0).unwrap();
            let clean = unstuffed(&encoder.finish());
            let mut decoder = BlockDecoder::new(&clean, &conditioning);
            for expected in [before, carried] {
                let mut block = [0; 64];
                decoder.dc_first(component(0), &mut block, 0).unwrap();
                assert_eq!(block, expected);
            }
        }
    }

    #[test]
    fn statistics_and_predictions_start_anew_after_a_restart() {
        let conditioning = Conditioning::default();
        let mut block = [3; 64];
        block[0] = -77;
        let mut encoder = BlockEncoder::new(Vec::new(), &conditioning);
        encoder.sequential(component(1), &block).unwrap();
        encoder.restart(3);
        encoder.sequential(component(1), &block).unwrap();
        let bytes = encoder.finish();
        let length = bytes.len() / 2 - 1;
        assert_eq!(bytes[length..length + 2], [0xFF, 0xD3]);
        assert_eq!(bytes[..length], bytes[length + 2..]);
    }
}
