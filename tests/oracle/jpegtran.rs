//! libjpeg-turbo's `jpegtran` as an oracle of lossless operations, run as a process.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::{REQUIRE, oracles_required};

/// Whether the program is on the search path, in a version that inserts and wipes.
///
/// # Panics
///
/// If it is not and `FEATURE_DISTILLATION_REQUIRE_ORACLES` is 1.
pub fn is_available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| match version() {
        Ok(version) if version >= (2, 1) => true,
        other => {
            assert!(!oracles_required(), "{REQUIRE}=1, but jpegtran: {other:?}");
            eprintln!("no live comparison with jpegtran was run: {other:?}");
            false
        }
    })
}

/// What the program writes for this file; its complaint where it fails.
pub fn run(arguments: &[String], file: &[u8]) -> Result<Vec<u8>, String> {
    let mut child = Command::new("jpegtran")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    // It reads all before it writes; if it stops reading early it says why on stderr.
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(file);
    }
    let output = child
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

/// A file for the program to read besides its input; its name tells processes and threads apart.
///
/// # Panics
///
/// If it cannot be written.
pub fn file(name: &str, bytes: &[u8]) -> String {
    let folder = option_env!("CARGO_TARGET_TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let thread = std::thread::current().id();
    let path = folder.join(format!("{}-{thread:?}-{name}", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

fn version() -> Result<(u32, u32), String> {
    let output = Command::new("jpegtran")
        .arg("-version")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let number = text
        .strip_prefix("libjpeg-turbo version ")
        .ok_or_else(|| format!("not libjpeg-turbo's: {text}"))?;
    let mut parts = number.split('.').map(str::parse);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok((major, minor)),
        _ => Err(format!("no version: {text}")),
    }
}
