//! Where this code lies in the file system.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::ffi::c_void;
use std::path::{Path, PathBuf};

#[cfg(unix)]
use unix::file_of;
#[cfg(windows)]
use windows::file_of;

/// The directory of the shared library, or of the program, that this code is part of.
pub fn own_directory() -> Option<PathBuf> {
    file_of(own_directory as *const c_void)?.parent().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;

    #[test]
    fn code_in_a_program_lies_beside_it() {
        let program = env::current_exe().unwrap().canonicalize().unwrap();
        assert_eq!(own_directory().as_deref(), program.parent());
    }
}
