//! The transforms in instructions of AVX2, operation by operation those of the portable forms.
//!
//! Closures are avoided: they would have to become part of their caller, which nothing makes sure.

pub(super) mod extent;
pub(super) mod integer;
pub(super) mod precise;
