//! JFIF's colour transform (ITU-R BT.601, full range), in libjpeg's integers and in floats.
//!
//! The floats are level-shifted, so that zero is mid-grey.

/// Fraction bits of the integer transform.
const BITS: u32 = 16;
const HALF: i32 = 1 << (BITS - 1);

/// libjpeg's RGB to YCbCr of one pixel.
///
/// Factors are round(0.29900 * 2^16) and so on; that of green in Y, 38470, is 2^16 less 27066, which fits
/// 16 bits as the others do. The offset of the chrominance rounds half down.
#[inline(always)]
pub(crate) fn ycbcr_from_rgb(r: u8, g: u8, b: u8) -> [u8; 3] {
    const OFFSET: i32 = (128 << BITS) + HALF - 1;
    let (r, g, b) = (i32::from(r), i32::from(g), i32::from(b));
    [
        byte(g + ((19595 * r - 27066 * g + 7471 * b + HALF) >> BITS)),
        byte((-11059 * r - 21709 * g + (b << 15) + OFFSET) >> BITS),
        byte(((r << 15) - 27439 * g - 5329 * b + OFFSET) >> BITS),
    ]
}

/// libjpeg's YCbCr to RGB of one pixel.
///
/// The factors 1.402, -0.714 and 1.772 times 2^16 are whole multiples of 2^16 and a rest that fits 16
/// bits, so that the high half of a 16-bit product does: R = Y + Cr + (26345 Cr + 2^15) / 2^16 and so on.
#[inline(always)]
pub(super) fn rgb_from_ycbcr(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (i16::from(y), i16::from(cb) - 128, i16::from(cr) - 128);
    let green = (-22554 * i32::from(cb) + 18734 * i32::from(cr) + HALF) >> BITS;
    // Within +-128.
    let green = green as i16;
    [
        byte_of_i16(y + cr + rounded_product(cr, 26345)),
        byte_of_i16(y - cr + green),
        byte_of_i16(y + 2 * cb + rounded_product(cb, -14942)),
    ]
}

/// (value * factor + 2^15) / 2^16, rounded down, for a value within +-128.
#[inline(always)]
fn rounded_product(value: i16, factor: i16) -> i16 {
    // Within +-128.
    let twice = ((i32::from(2 * value) * i32::from(factor)) >> BITS) as i16;
    (twice + 1) >> 1
}

/// YCbCr of RGB, all level-shifted floats.
#[inline(always)]
pub(crate) fn ycbcr_from_rgb_precise([r, g, b]: [f32; 3]) -> [f32; 3] {
    [
        0.299 * r + 0.587 * g + 0.114 * b,
        -0.168_735_89 * r - 0.331_264_1 * g + 0.5 * b,
        0.5 * r - 0.418_687_6 * g - 0.081_312_41 * b,
    ]
}

/// RGB of YCbCr, all level-shifted floats.
#[inline(always)]
pub(super) fn rgb_from_ycbcr_precise([y, cb, cr]: [f32; 3]) -> [f32; 3] {
    [
        y + 1.402 * cr,
        y - 0.344_136_3 * cb - 0.714_136_3 * cr,
        y + 1.772 * cb,
    ]
}

/// The luminance of a row of red, one of green and one of blue samples, rounded to 8 bits.
pub(crate) fn rounded_luminance(colour: &[u8], luminance: &mut [u8]) {
    let (red, rest) = colour.split_at(luminance.len());
    let (green, blue) = rest.split_at(luminance.len());
    for (((out, &r), &g), &b) in luminance.iter_mut().zip(red).zip(green).zip(blue) {
        *out =
            sample(ycbcr_from_rgb_precise([r, g, b].map(|channel| f32::from(channel) - 128.0))[0]);
    }
}

/// The transpose of [`ycbcr_from_rgb_precise`].
#[inline(always)]
pub(super) fn ycbcr_from_rgb_transposed([y, cb, cr]: [f32; 3]) -> [f32; 3] {
    [
        0.299 * y - 0.168_735_89 * cb + 0.5 * cr,
        0.587 * y - 0.331_264_1 * cb - 0.418_687_6 * cr,
        0.114 * y + 0.5 * cb - 0.081_312_41 * cr,
    ]
}

/// The transpose of [`rgb_from_ycbcr_precise`].
#[inline(always)]
pub(super) fn rgb_from_ycbcr_transposed([r, g, b]: [f32; 3]) -> [f32; 3] {
    [
        r + g + b,
        -0.344_136_3 * g + 1.772 * b,
        1.402 * r - 0.714_136_3 * g,
    ]
}

/// The nearest 8-bit sample of a level-shifted float, halves upwards.
#[inline(always)]
pub(super) fn sample(value: f32) -> u8 {
    // From 2^23 on a float has no fraction, so the sum's low bits are an integer next to the value, at most
    // half away; one above means that it was rounded up. Unlike a cast this vectorizes.
    const TWO_23: f32 = 8_388_608.0;
    let shifted = (value + 128.5).clamp(0.0, 255.5);
    let sum = shifted + TWO_23;
    let above = u32::from(sum - TWO_23 > shifted);
    #[expect(clippy::cast_possible_truncation, reason = "0..=255 after the clamp")]
    {
        (sum.to_bits() - above) as u8
    }
}

#[inline(always)]
fn byte_of_i16(value: i16) -> u8 {
    #[expect(clippy::cast_sign_loss, reason = "0..=255 after the clamp")]
    {
        value.clamp(0, 255) as u8
    }
}

#[inline(always)]
fn byte(value: i32) -> u8 {
    #[expect(clippy::cast_sign_loss, reason = "0..=255 after the clamp")]
    {
        value.clamp(0, 255) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_floats_agree_to_rounding() {
        for colour in 0..4096_u32 {
            let channel = |shift: u32| (17 * (colour >> shift & 15)) as u8;
            let (r, g, b) = (channel(8), channel(4), channel(0));
            let [y, cb, cr] = ycbcr_from_rgb(r, g, b);
            let shifted = [r, g, b].map(|value| f32::from(value) - 128.0);
            let precise = ycbcr_from_rgb_precise(shifted);
            for (found, expected) in [y, cb, cr].into_iter().zip(precise) {
                assert!(
                    (f32::from(found) - (expected + 128.0).min(255.0)).abs() <= 0.502,
                    "{r} {g} {b}"
                );
            }
            for (found, expected) in rgb_from_ycbcr_precise(precise).into_iter().zip(shifted) {
                assert!((found - expected).abs() < 1e-4);
            }
            for (found, expected) in rgb_from_ycbcr(y, cb, cr).into_iter().zip([r, g, b]) {
                assert!(found.abs_diff(expected) <= 2);
            }
        }
    }

    #[test]
    fn sixteen_bits_are_enough_for_the_colours() {
        for chroma in 0..=u16::MAX {
            let [cb, cr] = chroma.to_le_bytes();
            let (blue, red) = (i32::from(cb) - 128, i32::from(cr) - 128);
            for y in [0, 1, 77, 128, 200, 254, 255] {
                let expected = [
                    (91881 * red + HALF) >> BITS,
                    (-22554 * blue - 46802 * red + HALF) >> BITS,
                    (116_130 * blue + HALF) >> BITS,
                ]
                .map(|difference| byte(i32::from(y) + difference));
                assert_eq!(rgb_from_ycbcr(y, cb, cr), expected, "{y} {cb} {cr}");
            }
        }
    }

    #[test]
    fn samples_round_half_up_and_saturate() {
        assert_eq!(
            [-128.6, -127.5, 0.49, 0.5, 127.4, 300.0].map(sample),
            [0, 1, 128, 129, 255, 255]
        );
    }
}
