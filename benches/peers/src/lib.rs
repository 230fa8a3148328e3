//! What both measurements share: the pictures, the contenders of each road, and the race between them.
//!
//! Contenders are added in `workloads.rs` and nowhere else.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "sides, samples and counts of pictures are small"
)]

#[path = "../../../examples/support/dead_leaves.rs"]
mod dead_leaves;
#[path = "../../../tests/oracle/mod.rs"]
mod oracle;
#[path = "../../common/ours.rs"]
mod ours;
mod pictures;
mod race;
mod workloads;

pub use oracle::Libjpeg;
pub use ours::{PIPELINES, distiller, one_pass};
pub use pictures::{Photo, Picture, Sizes, Sources, enlarged, photos, pictures};
use std::process::ExitCode;

pub use race::{Race, median, seconds};
pub use workloads::{Case, Contender, ROADS, Road, cases, decode_by};

/// libjpeg-turbo as the system has it, compiled against by `cc` at the first call.
///
/// # Errors
///
/// Says that there is no compiler or no libjpeg; the reason is on stderr.
pub fn libjpeg() -> Result<&'static Libjpeg, String> {
    Libjpeg::load().ok_or_else(|| {
        "a C compiler and libjpeg-turbo's headers are needed (Debian: gcc, libjpeg62-turbo-dev)"
            .to_owned()
    })
}

/// How a program ends: a reason for its failure goes to stderr.
pub fn exit(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

/// Name and version of everyone.
pub fn versions(libjpeg: &Libjpeg) -> String {
    const LOCK: &str = include_str!("../Cargo.lock");
    const CRATES: [&str; 5] = [
        "feature-distillation",
        "libjpeg-turbo-rs",
        "dct-io",
        "zune-jpeg",
        "jpeg-encoder",
    ];
    let version = libjpeg.version();
    let (major, minor, patch) = (version / 1_000_000, version / 1000 % 1000, version % 1000);
    let crates = CRATES.map(|name| {
        let entry = format!("name = \"{name}\"\nversion = \"");
        let version = LOCK
            .split_once(&entry)
            .and_then(|(_, rest)| rest.split('"').next());
        format!(", {name} {}", version.unwrap_or("of unknown version"))
    });
    format!("libjpeg-turbo {major}.{minor}.{patch}{}", crates.concat())
}
