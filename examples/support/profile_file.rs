//! Profiles as JSON files, as the `calibrate` example writes them.

use std::error::Error;
use std::fs;
use std::path::Path;

use feature_distillation::Profile;

/// Reads a profile; errors name the file.
pub(crate) fn read_profile(file: &Path) -> Result<Profile, Box<dyn Error>> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let profile =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(profile)
}
