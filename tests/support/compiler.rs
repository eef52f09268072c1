//! Compiles programs against the library that was built with this test.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the library and the stand-in of the runtime were built.
pub fn built() -> PathBuf {
    let test = env::current_exe().expect("this test is a program");
    test.ancestors().nth(2).expect("target/debug/deps").to_owned()
}

/// Compiles an example from its sources, with the flags of the packages that it needs.
pub fn compile(sources: &[PathBuf], flags: &[String], program: &Path) {
    let cc = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let done = Command::new(&cc)
        .args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"])
        .args(sources)
        .arg(format!("-I{}", Path::new(env!("CARGO_MANIFEST_DIR")).join("include").display()))
        .args(flags)
        .arg(format!("-L{}", built().display()))
        .arg(format!("-Wl,-rpath,{}", built().display()))
        .args(["-lcodex", "-o"])
        .arg(program)
        .output()
        .unwrap_or_else(|error| panic!("{cc} cannot be run: {error}; install a C compiler"));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
