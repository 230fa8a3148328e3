//! When threads share the work on one image.

use crate::coefficients::Geometry;

/// Pixels of an image that is worth sharing.
const LARGE: u64 = 1 << 20;

/// Whether the threads of the current pool share the work on an image.
pub(crate) fn share(geometry: &Geometry) -> bool {
    let pixels = u64::from(geometry.width) * u64::from(geometry.height);
    pixels >= LARGE && rayon::current_num_threads() > 1
}
