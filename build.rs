//! Gives the shared library the name that programs record, and keeps it loaded and its exports its own.

use std::env;

/// The suffix of the shared library's name; `CODEX_ABI_VERSION` in the header says the same.
const ABI_VERSION: u32 = 0;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    for argument in link_arguments(&target) {
        println!("cargo::rustc-cdylib-link-arg={argument}");
    }
}

fn link_arguments(target: &str) -> Vec<String> {
    match target {
        "linux" => vec![
            format!("-Wl,-soname,libcodex.so.{ABI_VERSION}"),
            // The library's threads outlive a dlclose.
            "-Wl,-z,nodelete".to_owned(),
            // Without this, the C symbols of dependencies are exported too.
            "-Wl,--exclude-libs,ALL".to_owned(),
        ],
        "macos" => vec![format!("-Wl,-install_name,@rpath/libcodex.{ABI_VERSION}.dylib")],
        _ => Vec::new(),
    }
}
