//! What the fuzz targets share: a counting allocator, small limits, and values drawn from an input.

pub mod allocation;
pub mod draw;
pub mod jpeg;
pub mod picture;
pub mod writing;
