//! Gives the shared library the name that programs record, and keeps it loaded and its exports its own.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the version of the binary interface is written, which is the suffix of the shared library's name.
const VERSION: &str = include_str!("src/ffi/version.rs");

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/ffi/version.rs");
    let target = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    for argument in link_arguments(&target).into_iter().chain(own_unwinder(&target)) {
        println!("cargo::rustc-cdylib-link-arg={argument}");
    }
}

/// Links the unwinder of GCC statically, so that a release needs no libgcc_s beside libc. Debug builds keep the system's, which
/// the sanitizers watch. The compiler asks for libgcc_s by name, and gets the first of that name.
fn own_unwinder(target: &str) -> Option<String> {
    let is_gnu = env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "gnu");
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if target != "linux" || !is_gnu || !is_release {
        return None;
    }
    let unwinder = path_of_unwinder()?;
    let directory = PathBuf::from(env::var_os("OUT_DIR")?).join("unwinder");
    fs::create_dir_all(&directory).expect("cargo's own directory can be written");
    let script = format!("INPUT({})\n", unwinder.display());
    fs::write(directory.join("libgcc_s.so"), script).expect("cargo's own directory can be written");
    Some(format!("-L{}", directory.display()))
}

fn path_of_unwinder() -> Option<PathBuf> {
    let linker = env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let answer = Command::new(linker).arg("-print-file-name=libgcc_eh.a").output().ok()?;
    let path = Path::new(String::from_utf8(answer.stdout).ok()?.trim()).to_owned();
    path.is_absolute().then_some(path)
}

fn abi_version() -> &'static str {
    let written = VERSION.lines().find_map(|line| line.strip_prefix("pub const CODEX_ABI_VERSION: u32 = "));
    written.and_then(|rest| rest.strip_suffix(';')).expect("src/ffi/version.rs has a line with CODEX_ABI_VERSION")
}

fn link_arguments(target: &str) -> Vec<String> {
    let abi = abi_version();
    match target {
        "linux" => vec![
            format!("-Wl,-soname,libcodex.so.{abi}"),
            // The library's threads outlive a dlclose.
            "-Wl,-z,nodelete".to_owned(),
            // Without this, the C symbols of dependencies are exported too.
            "-Wl,--exclude-libs,ALL".to_owned(),
        ],
        "macos" => vec![format!("-Wl,-install_name,@rpath/libcodex.{abi}.dylib")],
        _ => Vec::new(),
    }
}
