//! A file that can be read to its end.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::stdio::above_stdio;

/// Opens a file for reading. What has no end, or would wait for somebody to write it, is refused.
pub fn regular_file(path: &Path) -> io::Result<File> {
    // A pipe that nobody writes would wait for its writer.
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let file = File::from(above_stdio(OwnedFd::from(opened))?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a directory, a pipe or a device, and no file"));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::super::testing::{ScratchDir, fifo};
    use super::*;

    #[test]
    fn a_file_is_read_and_a_link_is_followed() {
        let scratch = ScratchDir::new();
        let [file, link] = ["file", "link"].map(|name| scratch.path().join(name));
        std::fs::write(&file, "text").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let mut text = String::new();
        regular_file(&link).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "text");
    }

    #[test]
    fn what_has_no_end_is_refused_and_not_waited_for() {
        let scratch = ScratchDir::new();
        let pipe = scratch.path().join("pipe");
        fifo(&pipe);
        for path in [pipe.as_path(), scratch.path(), Path::new("/dev/zero")] {
            assert_eq!(regular_file(path).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{path:?}");
        }
    }
}
