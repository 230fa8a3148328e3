//! Rows of components to a row of pixels: colour, rounding, interleaving.

#[cfg(target_arch = "x86_64")]
use crate::vectors::Avx2;
use crate::vectors::Kernel;

use super::inverse::Rendering;

/// The step from components to channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conversion {
    None,
    RepeatGrey,
    LuminanceOnly,
    FromYCbCr,
    FromYcck,
}

type Rows<'a, T> = [&'a [T]; 3];
type RowsMut<'a> = [&'a mut [u8]; 3];

/// One row of pixels, first channel by channel, then interleaved.
pub(super) struct OutputRow<'a, T> {
    pub(super) conversion: Conversion,
    /// A row of each component, `width` samples; empty rows for components that there are not.
    pub(super) components: [&'a [T]; 4],
    /// Room for one row of each channel.
    pub(super) channels: &'a mut [u8],
    pub(super) out: &'a mut [u8],
    pub(super) width: usize,
}

impl<T: Rendering> Kernel for OutputRow<'_, T> {
    #[inline(always)]
    fn portable(mut self) {
        if let Some((components, channels)) = self.colour() {
            T::rgb_rows(components, channels);
        }
        self.finish();
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn avx2(mut self, v: Avx2) {
        if let Some((components, channels)) = self.colour() {
            T::rgb_rows_avx2(v, components, channels);
        }
        self.finish();
    }
}

impl<T: Rendering> OutputRow<'_, T> {
    /// The rows that are YCbCr, and those to be RGB.
    #[inline(always)]
    fn colour(&mut self) -> Option<(Rows<'_, T>, RowsMut<'_>)> {
        let [y, cb, cr, _] = self.components;
        match self.conversion {
            Conversion::FromYCbCr | Conversion::FromYcck => {
                let (red, rest) = self.channels.split_at_mut(self.width);
                let (green, rest) = rest.split_at_mut(self.width);
                Some(([y, cb, cr], [red, green, &mut rest[..self.width]]))
            }
            _ => None,
        }
    }

    /// Fills the other channels and interleaves all.
    #[inline(always)]
    fn finish(self) {
        let Self {
            conversion,
            components,
            channels,
            out,
            width,
        } = self;
        match conversion {
            Conversion::FromYCbCr => {}
            Conversion::FromYcck => {
                let (colours, black) = channels.split_at_mut(3 * width);
                for sample in colours {
                    *sample = 255 - *sample;
                }
                samples(components[3], black);
            }
            Conversion::RepeatGrey => {
                for channel in channels.chunks_exact_mut(width) {
                    samples(components[0], channel);
                }
            }
            Conversion::None | Conversion::LuminanceOnly => {
                for (channel, row) in channels.chunks_exact_mut(width).zip(components) {
                    samples(row, channel);
                }
            }
        }
        interleave(channels, out, width);
    }
}

#[inline(always)]
fn samples<T: Rendering>(row: &[T], channel: &mut [u8]) {
    for (sample, &value) in channel.iter_mut().zip(row) {
        *sample = value.sample();
    }
}

/// Brings the channels of each pixel together.
#[inline(always)]
fn interleave(channels: &[u8], out: &mut [u8], width: usize) {
    let (first, rest) = channels.split_at(width);
    let (second, rest) = rest.split_at(width.min(rest.len()));
    let (third, fourth) = rest.split_at(width.min(rest.len()));
    if second.is_empty() {
        out.copy_from_slice(first);
    } else if fourth.is_empty() {
        let samples = first.iter().zip(second).zip(third);
        for (pixel, ((&a, &b), &c)) in out.as_chunks_mut().0.iter_mut().zip(samples) {
            *pixel = [a, b, c];
        }
    } else {
        let samples = first.iter().zip(second).zip(third).zip(fourth);
        for (pixel, (((&a, &b), &c), &d)) in out.as_chunks_mut().0.iter_mut().zip(samples) {
            *pixel = [a, b, c, d];
        }
    }
}
