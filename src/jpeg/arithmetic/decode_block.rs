//! From decisions to coefficients (T.81 F.2.4, G.2.3).

use std::ops::RangeInclusive;

use crate::band::{Block, NATURAL_FROM_ZIGZAG};
use crate::error::Malformed;

use super::conditioning::{Conditioning, DcClass};
use super::decoder::BinaryDecoder;
use super::state::State;
use super::statistics::{
    AcArea, AcBins, CodedComponent, DC_CATEGORIES, DcArea, DcBins, MAGNITUDE_BITS, Statistics,
    ac_categories,
};

/// Decodes the blocks of one restart interval.
///
/// After an error the code has lost its meaning: the blocks that are left of the interval are to stay
/// as they are. What was stored before stays stored, as in libjpeg.
#[derive(Debug)]
pub(in crate::jpeg) struct BlockDecoder<'a> {
    binary: BinaryDecoder<'a>,
    statistics: Statistics,
    conditioning: &'a Conditioning,
}

impl<'a> BlockDecoder<'a> {
    /// `data` holds the bytes of the interval, with stuffing removed.
    pub(in crate::jpeg) fn new(data: &'a [u8], conditioning: &'a Conditioning) -> Self {
        Self {
            binary: BinaryDecoder::new(data),
            statistics: Statistics::new(),
            conditioning,
        }
    }

    /// Bytes that were asked for by now. More than there are is no fault: see the module.
    pub(in crate::jpeg) const fn consumed_bytes(&self) -> usize {
        self.binary.consumed_bytes()
    }

    /// Decodes a block of a sequential scan into zeros (T.81 F.2.4).
    ///
    /// # Errors
    ///
    /// [`Malformed::ArithmeticMagnitude`], [`Malformed::ArithmeticRun`], [`Malformed::DcRange`],
    /// [`Malformed::CoefficientRange`].
    pub(in crate::jpeg) fn sequential(
        &mut self,
        component: CodedComponent,
        block: &mut Block,
    ) -> Result<(), Malformed> {
        self.dc_first(component, block, 0)?;
        self.ac_first(component, block, 1..=63, 0)
    }

    /// Decodes a DC coefficient without its `low` lowest bits, 0 to 13 (T.81 G.2.3.1).
    ///
    /// # Errors
    ///
    /// [`Malformed::ArithmeticMagnitude`], [`Malformed::DcRange`].
    pub(in crate::jpeg) fn dc_first(
        &mut self,
        component: CodedComponent,
        block: &mut Block,
        low: u8,
    ) -> Result<(), Malformed> {
        let (area, state) = self.statistics.dc_of(component);
        let (difference, class) = dc_difference(
            &mut self.binary,
            area,
            DcBins::of(state.class),
            |negative, category| {
                self.conditioning
                    .dc_class(component.dc_destination, negative, category)
            },
        )?;
        // The prediction is an i16 shifted right by `low`, and the difference has at most 16 bits.
        let prediction = state.prediction + difference;
        let value = prediction << low;
        block[0] = i16::try_from(value).map_err(|_| Malformed::DcRange { value })?;
        state.prediction = prediction;
        state.class = class;
        Ok(())
    }

    /// Decodes one more bit, number `low`, of a DC coefficient (T.81 G.2.3.1).
    pub(in crate::jpeg) fn dc_refinement(&mut self, block: &mut Block, low: u8) {
        if self.binary.even_decision() {
            block[0] |= 1 << low;
        }
    }

    /// Decodes the coefficients of a band, within 1..=63, without their `low` lowest bits, 0 to 13
    /// (T.81 G.2.3.2).
    ///
    /// # Errors
    ///
    /// [`Malformed::ArithmeticMagnitude`], [`Malformed::ArithmeticRun`],
    /// [`Malformed::CoefficientRange`].
    pub(in crate::jpeg) fn ac_first(
        &mut self,
        component: CodedComponent,
        block: &mut Block,
        band: RangeInclusive<u8>,
        low: u8,
    ) -> Result<(), Malformed> {
        let area = self.statistics.ac_of(component);
        let binary = &mut self.binary;
        let (start, end) = (u32::from(*band.start()), u32::from(*band.end()));
        let mut position = start;
        while position <= end {
            if binary.decision(&mut area[AcBins::of(position).end]) {
                break;
            }
            while !binary.decision(&mut area[AcBins::of(position).nonzero]) {
                position += 1;
                if position > end {
                    return Err(Malformed::ArithmeticRun);
                }
            }
            let negative = binary.even_decision();
            let is_low = self.conditioning.is_low(component.ac_destination, position);
            let magnitude = ac_magnitude(binary, area, AcBins::of(position).above_one, is_low)?;
            let value = if negative { -magnitude } else { magnitude } << low;
            // i16::MIN is excluded: a refinement scan could not let it grow.
            *at_zigzag(block, position) = i16::try_from(value)
                .ok()
                .filter(|&coefficient| coefficient != i16::MIN)
                .ok_or(Malformed::CoefficientRange { value })?;
            position += 1;
        }
        Ok(())
    }

    /// Decodes one more bit, number `low`, of the coefficients of a band, within 1..=63
    /// (T.81 G.2.3.3).
    ///
    /// # Errors
    ///
    /// [`Malformed::ArithmeticRun`], [`Malformed::CoefficientRange`].
    pub(in crate::jpeg) fn ac_refinement(
        &mut self,
        component: CodedComponent,
        block: &mut Block,
        band: RangeInclusive<u8>,
        low: u8,
    ) -> Result<(), Malformed> {
        let area = self.statistics.ac_of(component);
        let binary = &mut self.binary;
        let (start, end) = (u32::from(*band.start()), u32::from(*band.end()));
        let bit = 1_i16 << low;
        // EOBx: up to the last coefficient that is nonzero already, the band cannot end.
        let nonzero_before = (start..=end)
            .rev()
            .find(|&position| *at_zigzag(block, position) != 0)
            .unwrap_or(0);
        let mut position = start;
        while position <= end {
            if position > nonzero_before && binary.decision(&mut area[AcBins::of(position).end]) {
                break;
            }
            loop {
                let bins = AcBins::of(position);
                let coefficient = at_zigzag(block, position);
                if *coefficient != 0 {
                    if binary.decision(&mut area[bins.correction()]) {
                        let value = i32::from(*coefficient);
                        let grown = value + i32::from(bit) * value.signum();
                        *coefficient = i16::try_from(grown)
                            .map_err(|_| Malformed::CoefficientRange { value: grown })?;
                    }
                    break;
                }
                if binary.decision(&mut area[bins.nonzero]) {
                    let negative = binary.even_decision();
                    *coefficient = if negative { -bit } else { bit };
                    break;
                }
                position += 1;
                if position > end {
                    return Err(Malformed::ArithmeticRun);
                }
            }
            position += 1;
        }
        Ok(())
    }
}

/// A DC difference and the class it makes (T.81 F.2.4.1, figures F.19 to F.24).
#[inline(always)]
fn dc_difference(
    binary: &mut BinaryDecoder<'_>,
    area: &mut DcArea,
    bins: DcBins,
    classify: impl FnOnce(bool, u32) -> DcClass,
) -> Result<(i32, DcClass), Malformed> {
    if !binary.decision(&mut area[bins.nonzero]) {
        return Ok((0, DcClass::Zero));
    }
    let negative = binary.decision(&mut area[bins.sign]);
    let above_one = if negative {
        bins.below_minus_one
    } else {
        bins.above_one
    };
    let (magnitude, category) = if binary.decision(&mut area[above_one]) {
        magnitude(binary, area, DC_CATEGORIES, 1)?
    } else {
        (1, 0)
    };
    let difference = if negative { -magnitude } else { magnitude };
    Ok((difference, classify(negative, category)))
}

/// The magnitude of a nonzero AC coefficient (T.81 figures F.23 and F.24).
#[inline(always)]
fn ac_magnitude(
    binary: &mut BinaryDecoder<'_>,
    area: &mut AcArea,
    above_one: usize,
    is_low: bool,
) -> Result<i32, Malformed> {
    if !binary.decision(&mut area[above_one]) {
        return Ok(1);
    }
    if !binary.decision(&mut area[above_one]) {
        return Ok(2);
    }
    let (magnitude, _) = magnitude(binary, area, ac_categories(is_low), 2)?;
    Ok(magnitude)
}

/// A magnitude, 1 to 0x8000, and the category of it less one, which is its highest bit.
///
/// `category` is the lowest that is possible yet, and `bin` counts whether it is higher.
#[inline(always)]
fn magnitude<const BINS: usize>(
    binary: &mut BinaryDecoder<'_>,
    area: &mut [State; BINS],
    mut bin: usize,
    mut category: i32,
) -> Result<(i32, u32), Malformed> {
    while binary.decision(&mut area[bin % BINS]) {
        category <<= 1;
        if category == 0x8000 {
            return Err(Malformed::ArithmeticMagnitude);
        }
        bin += 1;
    }
    let mut less_one = category;
    let mut bit = category >> 1;
    while bit > 0 {
        if binary.decision(&mut area[(bin + MAGNITUDE_BITS) % BINS]) {
            less_one |= bit;
        }
        bit >>= 1;
    }
    Ok((less_one + 1, category.cast_unsigned()))
}

#[inline(always)]
fn at_zigzag(block: &mut Block, position: u32) -> &mut i16 {
    &mut block[usize::from(NATURAL_FROM_ZIGZAG[position as usize & 63]) & 63]
}

#[cfg(test)]
mod tests {
    use super::super::decoder::tests::unstuffed;
    use super::super::encoder::BinaryEncoder;
    use super::*;

    const COMPONENT: CodedComponent = CodedComponent {
        slot: 0,
        dc_destination: 0,
        ac_destination: 0,
    };

    /// Decisions written with the statistics that a sequential block meets.
    #[derive(Debug)]
    struct Script {
        binary: BinaryEncoder,
        statistics: Statistics,
    }

    impl Script {
        fn new() -> Self {
            Self {
                binary: BinaryEncoder::new(Vec::new()),
                statistics: Statistics::new(),
            }
        }

        fn dc(&mut self, bin: usize, symbol: bool) {
            self.binary
                .decision(&mut self.statistics.dc[0][bin], symbol);
        }

        fn ac(&mut self, bin: usize, symbol: bool) {
            self.binary
                .decision(&mut self.statistics.ac[0][bin], symbol);
        }

        /// A DC difference of 2.
        fn dc_of_two(&mut self) {
            for (bin, symbol) in [(0, true), (1, false), (2, true), (20, false)] {
                self.dc(bin, symbol);
            }
        }

        fn decode(self) -> (Block, Result<(), Malformed>) {
            let clean = unstuffed(&self.binary.finish());
            let conditioning = Conditioning::default();
            let mut block = [0; 64];
            let result = BlockDecoder::new(&clean, &conditioning).sequential(COMPONENT, &mut block);
            (block, result)
        }
    }

    #[test]
    fn a_run_past_the_block_keeps_what_came_before_it() {
        let mut script = Script::new();
        script.dc_of_two();
        // 1 at zig-zag index 1, then zeros without an end of block.
        script.ac(0, false);
        script.ac(1, true);
        script.binary.even_decision(false);
        script.ac(2, false);
        script.ac(3, false);
        for position in 2..=63 {
            script.ac(AcBins::of(position).nonzero, false);
        }
        let (block, result) = script.decode();
        assert_eq!(result, Err(Malformed::ArithmeticRun));
        assert_eq!(block[..3], [2, 1, 0]);
    }

    #[test]
    fn magnitudes_of_too_many_bits_are_refused_and_not_stored() {
        let mut script = Script::new();
        for (bin, symbol) in [(0, true), (1, true), (3, true)] {
            script.dc(bin, symbol);
        }
        for bin in DC_CATEGORIES..DC_CATEGORIES + 15 {
            script.dc(bin, true);
        }
        assert_eq!(
            script.decode(),
            ([0; 64], Err(Malformed::ArithmeticMagnitude))
        );

        let mut script = Script::new();
        script.dc_of_two();
        script.ac(0, false);
        script.ac(1, true);
        script.binary.even_decision(true);
        script.ac(2, true);
        script.ac(2, true);
        for bin in ac_categories(true)..ac_categories(true) + 14 {
            script.ac(bin, true);
        }
        let (block, result) = script.decode();
        assert_eq!(result, Err(Malformed::ArithmeticMagnitude));
        assert_eq!(block[..3], [2, 0, 0]);
    }

    #[test]
    fn the_magnitude_that_no_coefficient_has_is_refused() {
        let mut script = Script::new();
        script.dc_of_two();
        script.ac(0, false);
        script.ac(1, true);
        script.binary.even_decision(true);
        script.ac(2, true);
        script.ac(2, true);
        let last = ac_categories(true) + 13;
        for bin in ac_categories(true)..last {
            script.ac(bin, true);
        }
        script.ac(last, false);
        for _ in 0..14 {
            script.ac(last + MAGNITUDE_BITS, true);
        }
        let (block, result) = script.decode();
        assert_eq!(result, Err(Malformed::CoefficientRange { value: -0x8000 }));
        assert_eq!(block[..3], [2, 0, 0]);
    }

    #[test]
    fn a_dc_coefficient_outside_its_type_is_refused() {
        let mut script = Script::new();
        // +0x8000: the largest category and all bits below it.
        for (bin, symbol) in [(0, true), (1, false), (2, true)] {
            script.dc(bin, symbol);
        }
        for bin in DC_CATEGORIES..DC_CATEGORIES + 14 {
            script.dc(bin, true);
        }
        script.dc(DC_CATEGORIES + 14, false);
        for _ in 0..14 {
            script.dc(DC_CATEGORIES + 14 + MAGNITUDE_BITS, true);
        }
        assert_eq!(
            script.decode(),
            ([0; 64], Err(Malformed::DcRange { value: 0x8000 }))
        );
    }

    #[test]
    fn a_refinement_that_outgrows_the_type_is_refused() {
        let conditioning = Conditioning::default();
        let mut binary = BinaryEncoder::new(Vec::new());
        binary.decision(&mut State::default(), true);
        let clean = unstuffed(&binary.finish());
        let mut block = [0; 64];
        block[1] = -0x7FFF;
        let result =
            BlockDecoder::new(&clean, &conditioning).ac_refinement(COMPONENT, &mut block, 1..=1, 1);
        assert_eq!(result, Err(Malformed::CoefficientRange { value: -0x8001 }));
        assert_eq!(block[1], -0x7FFF);
    }
}
