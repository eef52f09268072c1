//! Compiles programs against the library that was built with this test.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the library and the stand-in of the runtime were built.
pub fn built() -> PathBuf {
    let test = env::current_exe().expect("this test is a program");
    test.ancestors().nth(2).expect("target/debug/deps").to_owned()
}

/// The compiler for a source file, and its standard.
fn compiler_of(source: &Path) -> (String, &'static str) {
    let is_cpp = source.extension().is_some_and(|extension| extension == "cpp");
    let (variable, usual, standard) = if is_cpp { ("CXX", "c++", "-std=c++17") } else { ("CC", "cc", "-std=c99") };
    (env::var(variable).unwrap_or_else(|_| usual.to_owned()), standard)
}

/// Compiles an example from its sources against the library in a directory, with the flags of the packages that it needs.
pub fn compile(sources: &[PathBuf], flags: &[String], library: &Path, program: &Path) {
    let (compiler, standard) = compiler_of(&sources[0]);
    let done = Command::new(&compiler)
        .args([standard, "-Wall", "-Wextra", "-Wpedantic", "-Werror"])
        .args(sources)
        .arg(format!("-I{}", Path::new(env!("CARGO_MANIFEST_DIR")).join("include").display()))
        .args(flags)
        .arg(format!("-L{}", library.display()))
        .arg(format!("-Wl,-rpath,{}", library.display()))
        .args(["-lcodex", "-o"])
        .arg(program)
        .output()
        .unwrap_or_else(|error| panic!("{compiler} cannot be run: {error}; install a C and a C++ compiler"));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
