//! Whether a file can be run.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::check;

/// Whether `path` is a file, or a link to one, that this user may execute.
pub fn is_executable_file(path: &Path) -> bool {
    path.is_file() && check_execute(path).is_ok()
}

/// Whether the effective user may execute the file, or enter the directory; the system's reason if not.
pub(super) fn check_execute(path: &Path) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: the path ends with a NUL and outlives the call.
    check(unsafe { libc::faccessat(libc::AT_FDCWD, path.as_ptr(), libc::X_OK, libc::AT_EACCESS) })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::super::testing::ScratchDir;
    use super::*;

    #[test]
    fn only_files_with_permission_to_execute_are_executable() {
        let scratch = ScratchDir::new();
        let file = scratch.path().join("program");
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        assert!(!is_executable_file(&file));
        fs::set_permissions(&file, Permissions::from_mode(0o755)).unwrap();
        assert!(is_executable_file(&file));
        assert!(!is_executable_file(scratch.path()));
        assert!(!is_executable_file(&scratch.path().join("missing")));
        assert!(!is_executable_file(Path::new("a\0b")));
    }

    #[test]
    fn a_link_counts_as_what_it_points_to() {
        let scratch = ScratchDir::new();
        let (good, dangling) = (scratch.path().join("sh"), scratch.path().join("nothing"));
        symlink("/bin/sh", &good).unwrap();
        symlink("missing", &dangling).unwrap();
        assert!(is_executable_file(&good));
        assert!(!is_executable_file(&dangling));
    }
}
