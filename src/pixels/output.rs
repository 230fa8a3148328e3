//! Rows of components to a row of pixels: colour, rounding, interleaving.

use crate::vectors::Kernel;

use super::inverse::Pipeline;

/// The step from components to channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conversion {
    None,
    RepeatGrey,
    LuminanceOnly,
    FromYCbCr,
    FromYcck,
}

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

impl<T: Pipeline> Kernel for OutputRow<'_, T> {
    #[inline(always)]
    fn portable(self) {
        let Self {
            conversion,
            components,
            channels,
            out,
            width,
        } = self;
        match conversion {
            Conversion::FromYCbCr => rgb(components, channels, width),
            Conversion::FromYcck => {
                rgb(components, channels, width);
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
fn rgb<T: Pipeline>([y, cb, cr, _]: [&[T]; 4], channels: &mut [u8], width: usize) {
    let (red, rest) = channels.split_at_mut(width);
    let (green, blue) = rest.split_at_mut(width);
    let inputs = y.iter().zip(cb).zip(cr);
    let outputs = red.iter_mut().zip(green).zip(blue);
    for (((&y, &cb), &cr), ((red, green), blue)) in inputs.zip(outputs) {
        [*red, *green, *blue] = T::rgb([y, cb, cr]);
    }
}

#[inline(always)]
fn samples<T: Pipeline>(row: &[T], channel: &mut [u8]) {
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
