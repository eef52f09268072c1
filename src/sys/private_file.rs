//! A file that is written for its owner alone.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::stdio::above_stdio;

const OWNER_ONLY: u32 = 0o600;

/// An empty file that only its owner may read, and that nobody else makes empty as long as it is open. One that is there
/// becomes that.
pub fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // A pipe that nobody reads would wait for its reader.
    options.write(true).create(true).truncate(false).mode(OWNER_ONLY).custom_flags(libc::O_NONBLOCK);
    let file = File::from(above_stdio(OwnedFd::from(options.open(path)?))?);
    let metadata = file.metadata()?;
    if metadata.file_type().is_fifo() {
        // One whose reader goes away would end the host with SIGPIPE.
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a pipe"));
    }
    if metadata.is_file() {
        file.try_lock().map_err(not_ours)?;
        file.set_permissions(Permissions::from_mode(OWNER_ONLY))?;
        file.set_len(0)?;
    }
    Ok(file)
}

fn not_ours(error: TryLockError) -> io::Error {
    match error {
        TryLockError::WouldBlock => io::Error::new(io::ErrorKind::ResourceBusy, "somebody else is writing it"),
        TryLockError::Error(error) => error,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::os::fd::AsRawFd;

    use super::super::testing::{ScratchDir, fifo, in_own_process};
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn only_the_owner_may_read_it_whoever_could_before() {
        let scratch = ScratchDir::new();
        let path = scratch.path().join("file");
        private_file(&path).unwrap().write_all(b"old").unwrap();
        assert_eq!(mode(&path), OWNER_ONLY);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        private_file(&path).unwrap();
        assert_eq!((mode(&path), fs::read(&path).unwrap()), (OWNER_ONLY, Vec::new()));
    }

    #[test]
    fn a_file_that_is_being_written_is_left_alone() {
        let scratch = ScratchDir::new();
        let path = scratch.path().join("file");
        let mut first = private_file(&path).unwrap();
        first.write_all(b"kept").unwrap();
        assert_eq!(private_file(&path).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        assert_eq!(fs::read(&path).unwrap(), b"kept");
        drop(first);
        assert!(private_file(&path).is_ok());
    }

    #[test]
    fn its_descriptor_is_above_the_standard_streams() {
        in_own_process(|| {
            // SAFETY: this process is the test's own and does not use its stdin.
            unsafe { libc::close(0) };
            let scratch = ScratchDir::new();
            let path = scratch.path().join("file");
            assert!(private_file(&path).unwrap().as_raw_fd() > libc::STDERR_FILENO);
        });
    }

    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        let scratch = ScratchDir::new();
        let path = scratch.path().join("file");
        fifo(&path);
        assert!(private_file(&path).is_err());
        let _reader = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
        assert_eq!(private_file(&path).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
