//! Gradients through the whole distiller: straight through, and by soft rounding.

use ndarray::{Array3, ArrayView3, Axis, NdFloat};

use crate::error::{ArgumentError, Result};
use crate::limits::try_reserve;
use crate::pixels::{ComponentPlanes, PixelPipeline, Plane, Real};
use crate::profile::Profile;

use super::SoftRounding;

/// The distiller of a profile on pictures of floats, with the gradients that attacks on it need.
///
/// Rounding has no useful derivative: gradients of a network behind the distiller vanish, and attacks
/// that follow them seem to fail. Two remedies are known, and a defence is to be tried with both before
/// a word is said of its robustness:
///
/// - BPDA (Athalye et al. 2018): the true distiller forwards, [`distill`](Self::distill), and the identity
///   in place of rounding backwards, [`straight_through_gradient`](Self::straight_through_gradient).
/// - A smooth surrogate: [`distill_softly`](Self::distill_softly) and its exact gradient,
///   [`soft_gradient`](Self::soft_gradient). The gradient goes well with the true distiller forwards, too.
///
/// The second is the stronger, by far so against two passes: the identity does not know which coefficients are
/// near a threshold. Measured with random linear classifiers (noise smoothed over 3x3 pixels) on ten photographs of 224x224,
/// published table in RGB, 30 sign steps of an eighth of `eps`, the best distilled score; in shares of what the same `eps`
/// does to the classifier undefended:
///
/// | gradient | one pass, eps 1, 2, 4 | two passes, eps 1, 2, 4 |
/// |---|---|---|
/// | straight through | 0.66, 0.68, 0.76 | 0.001, 0.009, 0.41 |
/// | soft, sharpness 1 | 0.97, 1.02, 1.06 | 0.006, 0.48, 0.66 |
/// | soft, sharpness 3 | 1.45, 1.31, 1.04 | 0.011, 0.29, 0.27 |
/// | soft, sharpness 3, least slope 0.1 | 1.43, 1.35, 1.18 | 0.011, 0.87, 0.94 |
///
/// (The table's radius is 1.56; what moves at 1 are blocks that clip. One pass can add to a perturbation.)
///
/// Arrays are rows, columns, channels (1 or 3), in single or double precision, samples in 8-bit pixel units,
/// 0 to 255, whole or not; for an array of channels, rows, columns pass
/// `view.permuted_axes([1, 2, 0])`. What follows in the network, normalization included, is the caller's:
/// `upstream` is the gradient of the loss by the distilled picture, and what comes back is the
/// gradient by the picture. The profile's colour space, sampling, upsampling, tables and padding of
/// edges are in both.
///
/// An attack by projected gradients on a linear classifier, `score = weights . picture`, behind the distiller:
///
/// ```
/// use feature_distillation::{DifferentiableDistiller, FeatureDistiller, QuantizationTable};
/// use ndarray::{Array3, Zip};
///
/// let table = QuantizationTable::uniform(24)?;
/// let distiller = FeatureDistiller::builder().tables(table).build()?;
/// let attacked = DifferentiableDistiller::new(distiller.profile())?;
///
/// let clean = Array3::from_shape_fn((16, 16, 3), |(y, x, _)| (90 + 3 * x + 2 * y + x * y % 7) as f32);
/// let weights = Array3::from_shape_fn((16, 16, 3), |(y, x, _)| if x > y { 0.01_f32 } else { -0.01 });
/// let score = |picture: &Array3<f32>| (picture * &weights).sum();
/// let before = score(&attacked.distill(clean.view())?);
///
/// // The distiller's own gradient is zero almost everywhere: a small step changes nothing.
/// assert_eq!(attacked.distill((&clean + &(&weights * 1e-3)).view())?, attacked.distill(clean.view())?);
///
/// // BPDA: steps of 1 along the sign of the straight-through gradient, within 4 of the clean picture.
/// let mut picture = clean.clone();
/// for _ in 0..8 {
///     // A network would give the gradient of its loss at `attacked.distill(picture.view())?`.
///     let upstream = weights.view();
///     let gradient = attacked.straight_through_gradient(picture.view(), upstream)?;
///     picture.zip_mut_with(&gradient, |sample, slope| *sample += slope.signum());
///     Zip::from(&mut picture).and(&clean).for_each(|sample, clean| {
///         *sample = sample.clamp(clean - 4.0, clean + 4.0).clamp(0.0, 255.0);
///     });
/// }
/// assert!(score(&attacked.distill(picture.view())?) > before + 3.0);
/// # Ok::<(), feature_distillation::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DifferentiableDistiller {
    profile: Profile,
    clips: bool,
}

#[expect(clippy::needless_pass_by_value, reason = "a view is a reference")]
impl DifferentiableDistiller {
    /// The distiller of a profile.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Distiller`] for a profile of [`PixelPipeline::LibjpegEqual`], which rounds
    /// between all stages; the same profile with [`PixelPipeline::Precise`] serves for its gradients.
    pub fn new(profile: &Profile) -> Result<Self> {
        if profile.pipeline() != PixelPipeline::Precise {
            return Err(ArgumentError::Distiller(
                "gradients go through the precise pipeline; choose it in the profile",
            )
            .into());
        }
        Ok(Self {
            profile: profile.clone(),
            clips: true,
        })
    }

    /// Leaves out the last stage, that holds samples to 0 to 255.
    ///
    /// Clipping stops gradients: a sample that lies outside takes none back.
    #[must_use]
    pub const fn without_clipping(mut self) -> Self {
        self.clips = false;
        self
    }

    /// What is distilled.
    #[must_use]
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The distilled picture, before it is rounded to 8 bits: on integer samples, what
    /// [`FeatureDistiller::one_pass_pixels`](crate::FeatureDistiller::one_pass_pixels) rounds.
    ///
    /// Computed in single precision for either type, as the distiller does.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Components`] unless there are 1 or 3 channels, [`ArgumentError::ImageSize`] for sides
    /// outside 1..=65535, [`ArgumentError::Number`] for samples that are not finite or beyond
    /// +-65536, [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn distill<T>(&self, picture: ArrayView3<'_, T>) -> Result<Array3<T>>
    where
        T: NdFloat + Into<f64>,
    {
        let planes = self.planes_of(&picture)?;
        let distilled = self.distilled(&planes, &picture)?;
        self.to_picture(&planes, distilled.into_iter().map(f64::from))
    }

    /// The gradient by the picture with the identity in place of each rounding: for BPDA.
    ///
    /// All else is differentiated as it is. So without subsampling and clipping `upstream` comes back as it
    /// is; subsampled chrominance is averaged; and where [`distill`](Self::distill) clips a sample, its
    /// gradient is 0 (see [`without_clipping`](Self::without_clipping) for the plain identity).
    ///
    /// # Errors
    ///
    /// As [`distill`](Self::distill), and [`ArgumentError::Shape`] unless `upstream` has the shape of the
    /// distilled picture.
    pub fn straight_through_gradient<T>(
        &self,
        picture: ArrayView3<'_, T>,
        upstream: ArrayView3<'_, T>,
    ) -> Result<Array3<T>>
    where
        T: NdFloat + Into<f64>,
    {
        let planes = self.planes_of(&picture)?;
        let mut gradient = upstream_samples(&planes, &upstream)?;
        if self.clips {
            let distilled = self.distilled(&planes, &picture)?;
            stop_where_clipped(&mut gradient, distilled.into_iter().map(f64::from));
        }
        // The block transform and its inverse cancel.
        let gradient = if planes.is_lossless() {
            gradient
        } else {
            planes.split_adjoint(&planes.join_adjoint(&gradient)?)?
        };
        to_array(planes.input_shape(), gradient.into_iter())
    }

    /// The picture distilled with soft rounding in place of rounding.
    ///
    /// Computed in double precision for either type.
    ///
    /// # Errors
    ///
    /// As [`distill`](Self::distill).
    pub fn distill_softly<T>(
        &self,
        picture: ArrayView3<'_, T>,
        rounding: SoftRounding,
    ) -> Result<Array3<T>>
    where
        T: NdFloat + Into<f64>,
    {
        let planes = self.planes_of(&picture)?;
        let components = planes.split(&samples(&picture)?)?;
        let distilled = self.softly_distilled(&planes, components, rounding)?;
        self.to_picture(&planes, distilled.into_iter())
    }

    /// The gradient of [`distill_softly`](Self::distill_softly) by the picture, exact but for the rounding of
    /// floats: the product of `upstream` with the Jacobian.
    ///
    /// # Errors
    ///
    /// As [`straight_through_gradient`](Self::straight_through_gradient).
    pub fn soft_gradient<T>(
        &self,
        picture: ArrayView3<'_, T>,
        rounding: SoftRounding,
        upstream: ArrayView3<'_, T>,
    ) -> Result<Array3<T>>
    where
        T: NdFloat + Into<f64>,
    {
        let planes = self.planes_of(&picture)?;
        let mut gradient = upstream_samples(&planes, &upstream)?;
        let components = planes.split(&samples(&picture)?)?;
        if self.clips {
            let distilled = self.softly_distilled(&planes, components.clone(), rounding)?;
            stop_where_clipped(&mut gradient, distilled.into_iter());
        }
        let mut gradients = planes.join_adjoint(&gradient)?;
        for (index, (gradient, component)) in gradients.iter_mut().zip(&components).enumerate() {
            let steps = self.steps::<f64>(index);
            let wide = component.blocks_wide();
            gradient.map_blocks(|position, block| {
                // The transform is orthonormal, so it is the adjoint of its inverse. Of
                // step * round(coefficient / step) the steps cancel in the derivative.
                let mut slopes = f64::forward_dct(&block);
                let coefficients =
                    f64::forward_dct(&component.block(position % wide, position / wide));
                let values = coefficients.as_flattened().iter().zip(&steps);
                for (slope, (coefficient, step)) in slopes.as_flattened_mut().iter_mut().zip(values)
                {
                    *slope *= rounding.slope(coefficient / step);
                }
                f64::inverse_dct(&slopes)
            });
        }
        let gradient = planes.split_adjoint(&gradients)?;
        to_array(planes.input_shape(), gradient.into_iter())
    }

    fn planes_of<T>(&self, picture: &ArrayView3<'_, T>) -> Result<ComponentPlanes> {
        ComponentPlanes::for_array(
            picture,
            self.profile.color_space(),
            self.profile.subsampling(),
            self.profile.upsampling(),
        )
    }

    /// Level-shifted, before clipping.
    fn distilled<T>(
        &self,
        planes: &ComponentPlanes,
        picture: &ArrayView3<'_, T>,
    ) -> Result<Vec<f32>>
    where
        T: NdFloat + Into<f64>,
    {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the distiller's own precision"
        )]
        let single: Vec<f32> = samples(picture)?
            .into_iter()
            .map(|sample| sample as f32)
            .collect();
        let mut components = planes.split(&single)?;
        let rounding = self.profile.rounding();
        for (index, component) in components.iter_mut().enumerate() {
            quantize(component, &self.steps(index), |coefficient: f32, step| {
                f32::from(rounding.divide_real(coefficient, step)) * step
            });
        }
        planes.join(components)
    }

    /// Level-shifted, before clipping.
    fn softly_distilled(
        &self,
        planes: &ComponentPlanes,
        mut components: Vec<Plane<f64>>,
        rounding: SoftRounding,
    ) -> Result<Vec<f64>> {
        for (index, component) in components.iter_mut().enumerate() {
            quantize(component, &self.steps(index), |coefficient: f64, step| {
                rounding.round(coefficient / step) * step
            });
        }
        planes.join(components)
    }

    fn to_picture<T: NdFloat>(
        &self,
        planes: &ComponentPlanes,
        shifted: impl Iterator<Item = f64>,
    ) -> Result<Array3<T>> {
        let samples = shifted.map(|value| value + 128.0);
        if self.clips {
            to_array(
                planes.output_shape(),
                samples.map(|value| value.clamp(0.0, 255.0)),
            )
        } else {
            to_array(planes.output_shape(), samples)
        }
    }

    fn steps<T: Real + From<u16>>(&self, component: usize) -> [T; 64] {
        let table = self.profile.tables().table(component);
        table.to_natural().map(T::from)
    }
}

fn quantize<T: Real>(plane: &mut Plane<T>, steps: &[T; 64], quantized: impl Fn(T, T) -> T) {
    plane.map_blocks(|_, block| {
        let mut coefficients = T::forward_dct(&block);
        for (coefficient, &step) in coefficients.as_flattened_mut().iter_mut().zip(steps) {
            *coefficient = quantized(*coefficient, step);
        }
        T::inverse_dct(&coefficients)
    });
}

/// The samples of a picture, level-shifted.
fn samples<T>(picture: &ArrayView3<'_, T>) -> Result<Vec<f64>>
where
    T: NdFloat + Into<f64>,
{
    let mut samples = Vec::new();
    try_reserve(&mut samples, picture.len())?;
    for &sample in picture {
        let value: f64 = sample.into();
        if !(-LARGEST_SAMPLE..=LARGEST_SAMPLE).contains(&value) {
            return Err(ArgumentError::Number {
                what: "sample",
                value,
            }
            .into());
        }
        samples.push(value - 128.0);
    }
    Ok(samples)
}

/// Coefficients of samples up to here are far from the end of a float's range.
const LARGEST_SAMPLE: f64 = 65536.0;

/// The samples of a gradient by the distilled picture.
fn upstream_samples<T>(planes: &ComponentPlanes, upstream: &ArrayView3<'_, T>) -> Result<Vec<f64>>
where
    T: NdFloat + Into<f64>,
{
    let shape = planes.output_shape();
    for (axis, what) in [
        "rows of the gradient",
        "columns of the gradient",
        "channels of the gradient",
    ]
    .into_iter()
    .enumerate()
    {
        let actual = upstream.len_of(Axis(axis));
        if actual != shape[axis] {
            return Err(ArgumentError::Shape {
                what,
                expected: shape[axis] as u64,
                actual: actual as u64,
            }
            .into());
        }
    }
    let mut samples = Vec::new();
    try_reserve(&mut samples, upstream.len())?;
    samples.extend(upstream.iter().map(|&value| -> f64 { value.into() }));
    Ok(samples)
}

/// Zeroes the gradient of samples, level-shifted, that clipping holds.
///
/// Black and white that floats miss by a little are not clipped.
fn stop_where_clipped(gradient: &mut [f64], samples: impl Iterator<Item = f64>) {
    const SLACK: f64 = 1e-3;
    for (slope, sample) in gradient.iter_mut().zip(samples) {
        if !(-128.0 - SLACK..=127.0 + SLACK).contains(&sample) {
            *slope = 0.0;
        }
    }
}

fn to_array<T: NdFloat>(shape: [usize; 3], values: impl Iterator<Item = f64>) -> Result<Array3<T>> {
    let mut samples = Vec::new();
    try_reserve(&mut samples, shape.iter().product())?;
    samples.extend(values.map(|value| T::from(value).unwrap_or_else(T::nan)));
    let actual = samples.len() as u64;
    Array3::from_shape_vec(shape, samples).map_err(|_| {
        ArgumentError::Shape {
            what: "number of samples",
            expected: shape.iter().product::<usize>() as u64,
            actual,
        }
        .into()
    })
}
