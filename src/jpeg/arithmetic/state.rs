//! The probability estimation state machine of the arithmetic coder (T.81 D.1.5, table D.3).

/// What a bin knows: an index of table D.3 and the sense of the more probable symbol.
///
/// The default is index 0 with 0 as the more probable symbol, the state at the start of every scan
/// and restart interval (T.81 F.1.4.4.1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct State(u8);

/// Where a state leads, and the width of its less probable symbol's interval.
#[derive(Debug, Clone, Copy)]
pub(super) struct Transitions {
    /// Qe: at most 0x5B12, and never 0.
    pub(super) estimate: u16,
    pub(super) after_less_probable: State,
    pub(super) after_more_probable: State,
}

impl State {
    /// Probability one half for ever: the bin of signs and correction bits (T.81 F.1.4.4.2, G.1.3.1).
    pub(super) const FIXED: Self = Self(FIXED_INDEX);

    /// The more probable symbol.
    #[inline(always)]
    pub(super) const fn more_probable(self) -> bool {
        self.0 & SENSE != 0
    }

    #[inline(always)]
    pub(super) const fn transitions(self) -> &'static Transitions {
        &TRANSITIONS[self.0 as usize]
    }
}

/// The bit of a state that holds the more probable symbol; the others hold the index.
const SENSE: u8 = 0x80;

/// One past table D.3: Qe of index 0, without adaptation.
const FIXED_INDEX: u8 = 113;

/// By the value of the state, so that a look-up needs no arithmetic and no bound check.
static TRANSITIONS: [Transitions; 256] = {
    // Values that no transition reaches stay fixed.
    let mut transitions = [Transitions {
        estimate: TABLE_D3[0].estimate,
        after_less_probable: State::FIXED,
        after_more_probable: State::FIXED,
    }; 256];
    let mut index = 0;
    while index < TABLE_D3.len() {
        let row = &TABLE_D3[index];
        let switch = if row.switch_sense { SENSE } else { 0 };
        transitions[index] = Transitions {
            estimate: row.estimate,
            after_less_probable: State(row.next_less_probable | switch),
            after_more_probable: State(row.next_more_probable),
        };
        transitions[index | SENSE as usize] = Transitions {
            estimate: row.estimate,
            after_less_probable: State((row.next_less_probable | SENSE) ^ switch),
            after_more_probable: State(row.next_more_probable | SENSE),
        };
        index += 1;
    }
    transitions
};

/// A row of table D.3.
#[derive(Debug, Clone, Copy)]
struct Row {
    estimate: u16,
    next_less_probable: u8,
    next_more_probable: u8,
    switch_sense: bool,
}

/// `Qe_Value`, `Next_Index_LPS`, `Next_Index_MPS`, `Switch_MPS`.
const fn row(
    estimate: u16,
    next_less_probable: u8,
    next_more_probable: u8,
    switch_sense: bool,
) -> Row {
    Row {
        estimate,
        next_less_probable,
        next_more_probable,
        switch_sense,
    }
}

#[rustfmt::skip]
const TABLE_D3: [Row; 113] = [
    row(0x5A1D, 1, 1, true),
    row(0x2586, 14, 2, false),
    row(0x1114, 16, 3, false),
    row(0x080B, 18, 4, false),
    row(0x03D8, 20, 5, false),
    row(0x01DA, 23, 6, false),
    row(0x00E5, 25, 7, false),
    row(0x006F, 28, 8, false),
    row(0x0036, 30, 9, false),
    row(0x001A, 33, 10, false),
    row(0x000D, 35, 11, false),
    row(0x0006, 9, 12, false),
    row(0x0003, 10, 13, false),
    row(0x0001, 12, 13, false),
    row(0x5A7F, 15, 15, true),
    row(0x3F25, 36, 16, false),
    row(0x2CF2, 38, 17, false),
    row(0x207C, 39, 18, false),
    row(0x17B9, 40, 19, false),
    row(0x1182, 42, 20, false),
    row(0x0CEF, 43, 21, false),
    row(0x09A1, 45, 22, false),
    row(0x072F, 46, 23, false),
    row(0x055C, 48, 24, false),
    row(0x0406, 49, 25, false),
    row(0x0303, 51, 26, false),
    row(0x0240, 52, 27, false),
    row(0x01B1, 54, 28, false),
    row(0x0144, 56, 29, false),
    row(0x00F5, 57, 30, false),
    row(0x00B7, 59, 31, false),
    row(0x008A, 60, 32, false),
    row(0x0068, 62, 33, false),
    row(0x004E, 63, 34, false),
    row(0x003B, 32, 35, false),
    row(0x002C, 33, 9, false),
    row(0x5AE1, 37, 37, true),
    row(0x484C, 64, 38, false),
    row(0x3A0D, 65, 39, false),
    row(0x2EF1, 67, 40, false),
    row(0x261F, 68, 41, false),
    row(0x1F33, 69, 42, false),
    row(0x19A8, 70, 43, false),
    row(0x1518, 72, 44, false),
    row(0x1177, 73, 45, false),
    row(0x0E74, 74, 46, false),
    row(0x0BFB, 75, 47, false),
    row(0x09F8, 77, 48, false),
    row(0x0861, 78, 49, false),
    row(0x0706, 79, 50, false),
    row(0x05CD, 48, 51, false),
    row(0x04DE, 50, 52, false),
    row(0x040F, 50, 53, false),
    row(0x0363, 51, 54, false),
    row(0x02D4, 52, 55, false),
    row(0x025C, 53, 56, false),
    row(0x01F8, 54, 57, false),
    row(0x01A4, 55, 58, false),
    row(0x0160, 56, 59, false),
    row(0x0125, 57, 60, false),
    row(0x00F6, 58, 61, false),
    row(0x00CB, 59, 62, false),
    row(0x00AB, 61, 63, false),
    row(0x008F, 61, 32, false),
    row(0x5B12, 65, 65, true),
    row(0x4D04, 80, 66, false),
    row(0x412C, 81, 67, false),
    row(0x37D8, 82, 68, false),
    row(0x2FE8, 83, 69, false),
    row(0x293C, 84, 70, false),
    row(0x2379, 86, 71, false),
    row(0x1EDF, 87, 72, false),
    row(0x1AA9, 87, 73, false),
    row(0x174E, 72, 74, false),
    row(0x1424, 72, 75, false),
    row(0x119C, 74, 76, false),
    row(0x0F6B, 74, 77, false),
    row(0x0D51, 75, 78, false),
    row(0x0BB6, 77, 79, false),
    row(0x0A40, 77, 48, false),
    row(0x5832, 80, 81, true),
    row(0x4D1C, 88, 82, false),
    row(0x438E, 89, 83, false),
    row(0x3BDD, 90, 84, false),
    row(0x34EE, 91, 85, false),
    row(0x2EAE, 92, 86, false),
    row(0x299A, 93, 87, false),
    row(0x2516, 86, 71, false),
    row(0x5570, 88, 89, true),
    row(0x4CA9, 95, 90, false),
    row(0x44D9, 96, 91, false),
    row(0x3E22, 97, 92, false),
    row(0x3824, 99, 93, false),
    row(0x32B4, 99, 94, false),
    row(0x2E17, 93, 86, false),
    row(0x56A8, 95, 96, true),
    row(0x4F46, 101, 97, false),
    row(0x47E5, 102, 98, false),
    row(0x41CF, 103, 99, false),
    row(0x3C3D, 104, 100, false),
    row(0x375E, 99, 93, false),
    row(0x5231, 105, 102, false),
    row(0x4C0F, 106, 103, false),
    row(0x4639, 107, 104, false),
    row(0x415E, 103, 99, false),
    row(0x5627, 105, 106, true),
    row(0x50E7, 108, 107, false),
    row(0x4B85, 109, 103, false),
    row(0x5597, 110, 109, false),
    row(0x504F, 111, 107, false),
    row(0x5A10, 110, 111, true),
    row(0x5522, 112, 109, false),
    row(0x59EB, 112, 111, true),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_is_reached_from_the_first() {
        let mut reached = [false; 256];
        let mut pending = vec![State::default()];
        while let Some(state) = pending.pop() {
            if !std::mem::replace(&mut reached[usize::from(state.0)], true) {
                let next = state.transitions();
                pending.extend([next.after_less_probable, next.after_more_probable]);
            }
        }
        let indices = |sense: usize| (0..113).filter(|index| reached[index | sense]).count();
        // With the other sense all but the first, to which nothing leads back.
        assert_eq!((indices(0), indices(0x80)), (113, 112));
        assert!(reached.iter().skip(113).take(15).all(|reached| !reached));
    }

    #[test]
    fn the_fixed_state_stays_at_one_half() {
        let fixed = State::FIXED.transitions();
        assert_eq!(fixed.estimate, 0x5A1D);
        assert_eq!(fixed.after_less_probable, State::FIXED);
        assert_eq!(fixed.after_more_probable, State::FIXED);
        assert!(!State::FIXED.more_probable());
    }

    #[test]
    fn an_interval_is_never_exhausted() {
        for transitions in &TRANSITIONS {
            assert!((1..0x8000).contains(&transitions.estimate));
        }
    }

    /// The sense turns exactly where the table says, whichever it was.
    #[test]
    fn the_two_senses_mirror_each_other() {
        for index in 0..113 {
            let (zero, one) = (TRANSITIONS[index], TRANSITIONS[index | 0x80]);
            assert_eq!(zero.estimate, one.estimate);
            assert_eq!(zero.after_less_probable.0 ^ 0x80, one.after_less_probable.0);
            assert_eq!(zero.after_more_probable.0 ^ 0x80, one.after_more_probable.0);
        }
    }
}
