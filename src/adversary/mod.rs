//! What an attacker who knows the defence can do with it, for honest evaluations: gradients through
//! the distiller, and distillation at random.

#[cfg(feature = "ndarray")]
mod gradient;
mod randomized;
#[cfg(feature = "ndarray")]
mod soft_rounding;

#[cfg(feature = "ndarray")]
pub use gradient::DifferentiableDistiller;
pub use randomized::{Randomization, RandomizedDistiller};
#[cfg(feature = "ndarray")]
pub use soft_rounding::SoftRounding;
