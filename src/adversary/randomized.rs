//! Distillation at random.

use crate::error::{ArgumentError, Result};
use crate::pixels::{ComponentPlanes, PixelBuffer, PixelPipeline, PixelView, Real};
use crate::profile::Profile;
use crate::quantization::{QuantizationTables, Rounding};
use crate::random::Draws;

/// What is drawn at random, block by block.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Randomization {
    /// Each position of the grid of blocks takes one of these tables, each as likely: the local
    /// quantization of SHIELD (Das et al. 2018, arXiv 1802.06816), there with the tables of qualities 20, 40, 60
    /// and 80. Components that share a grid share the choice; the profile's own tables do not take part.
    Tables(Vec<QuantizationTables>),
    /// Each coefficient is quantized by a step of its own: an integer within this share of the profile's step,
    /// each as likely, 1 at least. A share of 0.25 makes 15 to 25 of a step of 20.
    Steps(f64),
    /// Subtractive dither: each coefficient is moved by a draw from half a step down to half a step up,
    /// quantized, and moved back. Thresholds lie anywhere, and the error is uniform whatever the picture
    /// is (Schuchman's condition), where that of plain quantization follows it. The price is noise of that
    /// size in every band, flat blocks included: a twelfth of the step's square.
    Offsets,
}

/// A distiller that draws its steps, tables or thresholds from a seed.
///
/// This is **randomization, not a guarantee**. It does not enlarge what two passes provably remove; it
/// voids it, since pass two no longer finds the levels of pass one. An attacker who averages gradients
/// over many seeds (expectation over transformation, EOT) attacks the average distiller, and most such
/// preprocessing has too little randomness to withstand even plain PGD (Gao et al. 2022, *On the Limitations
/// of Stochastic Pre-processing Defenses*, arXiv 2206.09491). It is here to be measured, with
/// seeds that the attacker does not know, against attacks that average over theirs.
///
/// Measured as in `DifferentiableDistiller`, in 8 bits: what the straight-through
/// gradient moves on average over seeds that it did not see, in shares of what it does undefended.
///
/// | | one pass, eps 1, 2, 4 | second of two passes, eps 1, 2, 4 |
/// |---|---|---|
/// | the profile's table, no randomization | 0.66, 0.68, 0.76 | 0.001, 0.010, 0.41 |
/// | tables of qualities 20, 40, 60, 80 | 0.73, 0.74, 0.77 | 0.51, 0.60, 0.72 |
/// | steps within half of the profile's | 0.68, 0.70, 0.76 | 0.36, 0.40, 0.59 |
/// | offsets | 0.93, 0.93, 0.93 | 0.94, 0.94, 0.94 |
///
/// The average over draws is nearly the identity: in the second of two passes randomization lets through what the
/// plain distiller removes. What it takes away are attacks that aim at fixed thresholds (soft gradients at one pass, eps
/// 2: 1.35 plain, 0.62, 0.77 and 0.63 at random).
///
/// Same picture and seed, same bits: on every platform. A defender takes a fresh secret seed for each
/// picture.
///
/// ```
/// use feature_distillation::{
///     FeatureDistiller, PixelBuffer, PixelFormat, QuantizationTables, Randomization, RandomizedDistiller,
/// };
/// let tables = [20, 40, 60, 80].map(QuantizationTables::annex_k);
/// let tables = tables.into_iter().collect::<Result<Vec<_>, _>>()?;
/// let profile = FeatureDistiller::builder().tables(tables[0].table(0).clone()).build()?.profile().clone();
/// let shield = RandomizedDistiller::new(&profile, Randomization::Tables(tables))?;
///
/// let samples: Vec<u8> = (0..32 * 32 * 3).map(|i| (i * i / 97 % 251) as u8).collect();
/// let picture = PixelBuffer::new(samples, 32, 32, PixelFormat::Rgb)?;
/// let distilled = shield.distill(picture.view(), 1)?;
/// assert_eq!(shield.distill(picture.view(), 1)?, distilled);
/// assert_ne!(shield.distill(picture.view(), 2)?, distilled);
///
/// // An attack by EOT: a classifier's mean score over seeds of the attacker's own. Its gradient is the mean of
/// // the gradients at the distilled pictures, each passed straight through: see `DifferentiableDistiller`.
/// let score = |picture: &PixelBuffer| -> f64 {
///     picture.as_slice().iter().zip([0.1, -0.2, 0.1].iter().cycle()).map(|(&s, w)| f64::from(s) * w).sum()
/// };
/// let mut mean = 0.0;
/// for seed in 100..116 {
///     mean += score(&shield.distill(picture.view(), seed)?) / 16.0;
/// }
/// assert!((mean - score(&picture)).abs() < (score(&distilled) - score(&picture)).abs());
/// # Ok::<(), feature_distillation::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RandomizedDistiller {
    profile: Profile,
    randomization: Randomization,
}

impl RandomizedDistiller {
    /// A distiller with the profile's colour space, sampling, rounding and upsampling.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Distiller`] for a profile of [`PixelPipeline::LibjpegEqual`];
    /// [`ArgumentError::Components`] where there are no tables to choose from, or more tables in one of them than
    /// components; [`ArgumentError::Number`] for a share of the step outside 0 to 1.
    pub fn new(profile: &Profile, randomization: Randomization) -> Result<Self> {
        if profile.pipeline() != PixelPipeline::Precise {
            return Err(ArgumentError::Distiller(
                "distillation at random has the precise pipeline; choose it in the profile",
            )
            .into());
        }
        match &randomization {
            Randomization::Tables(choices) => {
                let components = profile.color_space().components().unwrap_or(1);
                if choices.is_empty() {
                    return Err(ArgumentError::Components {
                        expected: "at least one set of tables",
                        actual: 0,
                    }
                    .into());
                }
                if let Some(actual) = choices
                    .iter()
                    .map(|tables| tables.as_slice().len())
                    .find(|&count| count > components)
                {
                    return Err(ArgumentError::Components {
                        expected: "no more tables than components",
                        actual,
                    }
                    .into());
                }
            }
            Randomization::Steps(share) if !(0.0..=1.0).contains(share) => {
                return Err(ArgumentError::Number {
                    what: "share of the step",
                    value: *share,
                }
                .into());
            }
            Randomization::Steps(_) | Randomization::Offsets => {}
        }
        Ok(Self {
            profile: profile.clone(),
            randomization,
        })
    }

    /// The picture distilled with draws from a seed.
    ///
    /// # Errors
    ///
    /// As [`FeatureDistiller::one_pass_pixels`](crate::FeatureDistiller::one_pass_pixels).
    pub fn distill(&self, pixels: PixelView<'_>, seed: u64) -> Result<PixelBuffer> {
        let planes = ComponentPlanes::for_view(
            pixels,
            self.profile.color_space(),
            self.profile.subsampling(),
            self.profile.upsampling(),
        )?;
        let mut components = planes.split(&planes.samples(pixels)?)?;
        for (index, component) in components.iter_mut().enumerate() {
            // A stream for each component; choices of tables, for each grid of blocks.
            let grid = u64::from(planes.is_subsampled(index));
            let mut draws = match &self.randomization {
                Randomization::Tables(_) => Draws::new(seed, grid),
                Randomization::Steps(_) | Randomization::Offsets => Draws::new(seed, index as u64),
            };
            let quantizers = Quantizers::new(&self.randomization, &self.profile, index);
            component.map_blocks(|_, block| {
                let mut coefficients = f32::forward_dct(&block);
                quantizers.quantize(
                    coefficients.as_flattened_mut(),
                    self.profile.rounding(),
                    &mut draws,
                );
                f32::inverse_dct(&coefficients)
            });
        }
        planes.pixels(&planes.join(components)?)
    }
}

/// What a block of one component may be quantized with.
#[expect(clippy::large_enum_variant, reason = "one a component, on the stack")]
enum Quantizers {
    /// One of these tables.
    Tables(Vec<[f32; 64]>),
    /// A step of at least the first, and below the second more, for each band.
    Steps([(u16, u32); 64]),
    /// These steps, moved.
    Offsets([f32; 64]),
}

impl Quantizers {
    fn new(randomization: &Randomization, profile: &Profile, component: usize) -> Self {
        let steps = profile.tables().table(component).to_natural();
        match randomization {
            Randomization::Tables(choices) => Self::Tables(
                choices
                    .iter()
                    .map(|tables| tables.table(component).to_natural().map(f32::from))
                    .collect(),
            ),
            Randomization::Steps(share) => Self::Steps(steps.map(|step| {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a share of a step is at most a step"
                )]
                let reach = (f64::from(step) * share).round() as u16;
                let least = (step - reach).max(1);
                (
                    least,
                    u32::from(step) + u32::from(reach) - u32::from(least) + 1,
                )
            })),
            Randomization::Offsets => Self::Offsets(steps.map(f32::from)),
        }
    }

    fn quantize(&self, coefficients: &mut [f32], rounding: Rounding, draws: &mut Draws) {
        let quantized = |value: f32, step: f32| f32::from(rounding.divide_real(value, step)) * step;
        match self {
            Self::Tables(choices) => {
                let choice = draws.below(u32::try_from(choices.len()).unwrap_or(u32::MAX));
                for (value, &step) in coefficients.iter_mut().zip(&choices[choice as usize]) {
                    *value = quantized(*value, step);
                }
            }
            Self::Steps(ranges) => {
                for (value, &(least, count)) in coefficients.iter_mut().zip(ranges) {
                    // Below 2^17, hence exact.
                    #[expect(clippy::cast_precision_loss, reason = "shown above")]
                    let step = (u32::from(least) + draws.below(count)) as f32;
                    *value = quantized(*value, step);
                }
            }
            Self::Offsets(steps) => {
                for (value, &step) in coefficients.iter_mut().zip(steps) {
                    let offset = draws.centred() * step;
                    *value = quantized(*value + offset, step) - offset;
                }
            }
        }
    }
}
