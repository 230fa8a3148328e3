//! What DAC segments define: how contexts are told apart (T.81 B.2.4.3).

use crate::error::Malformed;

/// The conditioning of each DC and AC table destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::jpeg) struct Conditioning {
    /// L and U.
    dc: [(u8, u8); 4],
    /// Kx.
    ac: [u8; 4],
}

/// Class of DC destinations, Tc.
const DC_CLASS: u8 = 0;
/// Class of AC destinations, Tc.
const AC_CLASS: u8 = 1;

impl Conditioning {
    /// Sets the value Cs of one destination (Tb) of a class (Tc), as a DAC segment gives them.
    ///
    /// # Errors
    ///
    /// [`Malformed::ConditioningClass`], [`Malformed::TableDestination`],
    /// [`Malformed::ConditioningValue`]; nothing is changed then.
    pub(in crate::jpeg) fn set(
        &mut self,
        class: u8,
        destination: u8,
        value: u8,
    ) -> Result<(), Malformed> {
        if class > AC_CLASS {
            return Err(Malformed::ConditioningClass { class });
        }
        let index = usize::from(destination);
        if index >= self.dc.len() {
            return Err(Malformed::TableDestination { destination });
        }
        let (lower, upper) = (value & 15, value >> 4);
        if class == DC_CLASS && lower <= upper {
            self.dc[index] = (lower, upper);
        } else if class == AC_CLASS && (1..=63).contains(&value) {
            self.ac[index] = value;
        } else {
            return Err(Malformed::ConditioningValue { class, value });
        }
        Ok(())
    }

    /// The payload of the DAC segment that libjpeg writes before a scan: (Tc, Tb) and Cs of each
    /// destination in use, by increasing Tb and DC before AC. Empty where the scan uses none.
    pub(in crate::jpeg) fn payload(&self, dc_in_use: &[u8], ac_in_use: &[u8]) -> Vec<u8> {
        let mut payload = Vec::new();
        for (destination, (&(lower, upper), &threshold)) in
            (0_u8..).zip(self.dc.iter().zip(&self.ac))
        {
            if dc_in_use.contains(&destination) {
                payload.extend_from_slice(&[DC_CLASS << 4 | destination, upper << 4 | lower]);
            }
            if ac_in_use.contains(&destination) {
                payload.extend_from_slice(&[AC_CLASS << 4 | destination, threshold]);
            }
        }
        payload
    }

    /// Which class the next DC difference is conditioned on by one whose magnitude less one has
    /// `category` as its highest bit (T.81 F.1.4.4.1.2).
    #[inline(always)]
    pub(super) fn dc_class(&self, destination: u8, negative: bool, category: u32) -> DcClass {
        let (lower, upper) = self.dc[usize::from(destination & 3)];
        if category < (1 << lower) >> 1 {
            return DcClass::Zero;
        }
        match (category > (1 << upper) >> 1, negative) {
            (false, false) => DcClass::SmallPositive,
            (false, true) => DcClass::SmallNegative,
            (true, false) => DcClass::LargePositive,
            (true, true) => DcClass::LargeNegative,
        }
    }

    /// Whether a zig-zag index is among the low frequencies, K <= Kx (T.81 F.1.4.4.2).
    #[inline(always)]
    pub(super) fn is_low(&self, destination: u8, position: u32) -> bool {
        position <= u32::from(self.ac[usize::from(destination & 3)])
    }
}

impl Default for Conditioning {
    /// L = 0, U = 1, Kx = 5, in force from the start of an image (T.81 F.1.4.4.1.4, F.1.4.4.2.1).
    fn default() -> Self {
        Self {
            dc: [(0, 1); 4],
            ac: [5; 4],
        }
    }
}

/// The class of a DC difference, on which the next one of its component is conditioned
/// (T.81 F.1.4.4.1.2). The value is the first of its four bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum DcClass {
    #[default]
    Zero = 0,
    SmallPositive = 4,
    SmallNegative = 8,
    LargePositive = 12,
    LargeNegative = 16,
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Any conditioning that DAC segments can define.
    pub(in super::super) fn any_conditioning() -> impl Strategy<Value = Conditioning> {
        let dc = (0_u8..16, 0_u8..16).prop_map(|(a, b)| (a.min(b), a.max(b)));
        (prop::array::uniform4(dc), prop::array::uniform4(1_u8..=63))
            .prop_map(|(dc, ac)| Conditioning { dc, ac })
    }

    #[test]
    fn values_outside_the_rules_are_refused_and_change_nothing() {
        let mut conditioning = Conditioning::default();
        for (class, destination, value, expected) in [
            (2, 0, 0x10, Malformed::ConditioningClass { class: 2 }),
            (0, 4, 0x10, Malformed::TableDestination { destination: 4 }),
            (1, 15, 5, Malformed::TableDestination { destination: 15 }),
            (
                0,
                0,
                0x12,
                Malformed::ConditioningValue {
                    class: 0,
                    value: 0x12,
                },
            ),
            (1, 0, 0, Malformed::ConditioningValue { class: 1, value: 0 }),
            (
                1,
                0,
                64,
                Malformed::ConditioningValue {
                    class: 1,
                    value: 64,
                },
            ),
        ] {
            assert_eq!(conditioning.set(class, destination, value), Err(expected));
        }
        assert_eq!(conditioning, Conditioning::default());
    }

    /// T.81 F.1.4.4.1.2: zero up to 2^(L - 1), small up to 2^U; L = 0 makes 0 alone zero.
    #[test]
    fn differences_are_classed_by_the_bounds_of_the_standard() {
        for (lower, upper) in (0..16).flat_map(|lower| (lower..16).map(move |upper| (lower, upper)))
        {
            let mut conditioning = Conditioning::default();
            conditioning.set(0, 2, upper << 4 | lower).unwrap();
            for magnitude in (1..70).chain((6..16).flat_map(|bit| [1 << bit, (1 << bit) + 1])) {
                let category = u32::checked_ilog2(magnitude - 1).map_or(0, |bit| 1 << bit);
                let class = conditioning.dc_class(2, true, category);
                let zero_bound = if lower == 0 { 0 } else { 1 << (lower - 1) };
                let expected = if magnitude <= zero_bound {
                    DcClass::Zero
                } else if magnitude <= 1 << upper {
                    DcClass::SmallNegative
                } else {
                    DcClass::LargeNegative
                };
                assert_eq!(class, expected, "{magnitude} under {lower}, {upper}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_payload_sets_what_it_was_made_of(original in any_conditioning()) {
            let mut copy = Conditioning::default();
            let payload = original.payload(&[0, 1, 2, 3], &[3, 2, 1, 0]);
            prop_assert_eq!(payload.len(), 16);
            for pair in payload.chunks(2) {
                copy.set(pair[0] >> 4, pair[0] & 15, pair[1]).unwrap();
            }
            prop_assert_eq!(copy, original);
        }
    }
}
