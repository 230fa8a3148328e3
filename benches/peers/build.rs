//! Tells where tests/oracle/mod.rs may leave the shim that it compiles.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let folder = std::env::var("OUT_DIR").unwrap();
    println!("cargo::rustc-env=CARGO_TARGET_TMPDIR={folder}");
}
