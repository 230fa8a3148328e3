//! The bins of the statistical models: where they lie and which decisions they count
//! (T.81 tables F.4 and F.5, G.1.3).

use super::conditioning::DcClass;
use super::state::State;

/// A component of a scan, as its coder tells it from the others.
#[derive(Debug, Clone, Copy)]
pub(in crate::jpeg) struct CodedComponent {
    /// Its place among the components of the scan, 0..=3.
    pub(in crate::jpeg) slot: usize,
    /// Destination of its DC conditioning, which is also its DC statistics area, 0..=3.
    pub(in crate::jpeg) dc_destination: u8,
    /// Destination of its AC conditioning, which is also its AC statistics area, 0..=3.
    pub(in crate::jpeg) ac_destination: u8,
}

/// Bins of DC differences. The table has 49; a power of two lets indices be masked.
pub(super) type DcArea = [State; 64];

/// Bins of AC coefficients. The table has 245; a power of two lets indices be masked.
pub(super) type AcArea = [State; 256];

/// First bin of the magnitude categories of DC differences, X1.
pub(super) const DC_CATEGORIES: usize = 20;

/// First bin of the magnitude categories of low and high frequencies, X2.
const AC_LOW_CATEGORIES: usize = 189;
const AC_HIGH_CATEGORIES: usize = 217;

/// From the bin that ended the category to the bin of the bits below it, X to M.
pub(super) const MAGNITUDE_BITS: usize = 14;

/// Everything that the coding of a restart interval has learnt.
#[derive(Debug, Clone)]
pub(super) struct Statistics {
    pub(super) dc: [DcArea; 4],
    pub(super) ac: [AcArea; 4],
    pub(super) dc_states: [DcState; 4],
}

/// What the next DC difference of a component hangs on.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DcState {
    /// DC value of the block before, less its lowest bits in progressive scans.
    pub(super) prediction: i32,
    pub(super) class: DcClass,
}

impl Statistics {
    /// The start of a scan or restart interval (T.81 F.1.4.4.1.4, F.1.4.4.2.1).
    pub(super) fn new() -> Self {
        Self {
            dc: [[State::default(); 64]; 4],
            ac: [[State::default(); 256]; 4],
            dc_states: [DcState::default(); 4],
        }
    }

    /// The DC area and DC state of a component.
    #[inline(always)]
    pub(super) fn dc_of(&mut self, component: CodedComponent) -> (&mut DcArea, &mut DcState) {
        (
            &mut self.dc[usize::from(component.dc_destination) & 3],
            &mut self.dc_states[component.slot & 3],
        )
    }

    /// The AC area of a component.
    #[inline(always)]
    pub(super) fn ac_of(&mut self, component: CodedComponent) -> &mut AcArea {
        &mut self.ac[usize::from(component.ac_destination) & 3]
    }
}

/// The four bins of a DC class (T.81 table F.4).
#[derive(Debug, Clone, Copy)]
pub(super) struct DcBins {
    /// S0: whether the difference is not zero.
    pub(super) nonzero: usize,
    /// SS: whether it is negative.
    pub(super) sign: usize,
    /// SP: whether a positive one is above 1.
    pub(super) above_one: usize,
    /// SN: whether a negative one is below -1.
    pub(super) below_minus_one: usize,
}

impl DcBins {
    #[inline(always)]
    pub(super) const fn of(class: DcClass) -> Self {
        let first = class as usize;
        Self {
            nonzero: first,
            sign: first + 1,
            above_one: first + 2,
            below_minus_one: first + 3,
        }
    }
}

/// The three bins of a zig-zag index (T.81 table F.5, G.1.3.3).
#[derive(Debug, Clone, Copy)]
pub(super) struct AcBins {
    /// SE: whether the block or band ends before this index.
    pub(super) end: usize,
    /// S0: whether the coefficient is not zero, or turns nonzero in a refinement scan.
    pub(super) nonzero: usize,
    /// SP, SN, X1: whether the magnitude is above 1, and then whether it is above 2.
    pub(super) above_one: usize,
}

impl AcBins {
    /// SC: the correction bit of a coefficient that is nonzero already. It shares a bin, since a scan
    /// has the one or the other.
    #[inline(always)]
    pub(super) const fn correction(self) -> usize {
        self.above_one
    }

    /// Bins of zig-zag index `position`, 1..=63.
    #[inline(always)]
    pub(super) const fn of(position: u32) -> Self {
        // The mask changes nothing, and tells that the bins are inside their area.
        let first = 3 * (position.wrapping_sub(1) as usize & 63);
        Self {
            end: first,
            nonzero: first + 1,
            above_one: first + 2,
        }
    }
}

/// First bin of the magnitude categories above 2.
#[inline(always)]
pub(super) const fn ac_categories(is_low: bool) -> usize {
    if is_low {
        AC_LOW_CATEGORIES
    } else {
        AC_HIGH_CATEGORIES
    }
}
