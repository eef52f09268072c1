//! The file of this code, as Linux and the dynamic linkers of other systems know it.

use std::ffi::{CStr, OsStr, c_void};
use std::fs;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The file that some code was loaded from.
pub(super) fn file_of(code: *const c_void) -> Option<PathBuf> {
    mapped_file(code.addr()).or_else(|| loaded_file(code))
}

/// What the kernel says, where it does. It knows the file of a program whose name is a lie, and of a library that was loaded by
/// a relative path before the current directory changed.
fn mapped_file(address: usize) -> Option<PathBuf> {
    let maps = fs::read("/proc/self/maps").ok()?;
    let line = maps.split(|byte| *byte == b'\n').find(|line| is_mapping_of(address, line))?;
    let path = line.iter().position(|byte| *byte == b'/')?;
    Some(PathBuf::from(OsStr::from_bytes(&line[path..])))
}

/// Whether a line, such as `7f00-7fff r-xp …`, tells of the memory around `address`.
fn is_mapping_of(address: usize, line: &[u8]) -> bool {
    let range = line.split(|byte| *byte == b' ').next().and_then(|range| str::from_utf8(range).ok());
    let Some((start, end)) = range.and_then(|range| range.split_once('-')) else { return false };
    let (start, end) = (usize::from_str_radix(start, 16), usize::from_str_radix(end, 16));
    start.is_ok_and(|start| start <= address) && end.is_ok_and(|end| address < end)
}

/// What the dynamic linker says. A relative path is worth nothing: the current directory may be anybody's by now.
fn loaded_file(code: *const c_void) -> Option<PathBuf> {
    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: `info` outlives the call, which takes any address.
    if unsafe { libc::dladdr(code, info.as_mut_ptr()) } == 0 {
        return None;
    }
    // SAFETY: zeroes are a valid value, and the call filled it in.
    let name = unsafe { info.assume_init() }.dli_fname;
    if name.is_null() {
        return None;
    }
    // SAFETY: the linker's own copy of the name ends with a NUL, and lives as long as the code that runs here.
    let name = unsafe { CStr::from_ptr(name) };
    Some(PathBuf::from(OsStr::from_bytes(name.to_bytes()))).filter(|file| file.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_and_linker_know_a_shared_library() {
        let code = libc::malloc as *const c_void;
        let known = [mapped_file(code.addr()), loaded_file(code)].map(|file| file.unwrap().canonicalize().unwrap());
        assert!(known[0].file_name().unwrap().to_str().unwrap().starts_with("libc"), "{known:?}");
        assert_eq!(known[0], known[1]);
    }

    #[test]
    fn memory_that_belongs_to_no_file_lies_nowhere() {
        let allocated = Box::new(0_u8);
        let address: *const u8 = &*allocated;
        assert_eq!(mapped_file(address.addr()), None);
        assert_eq!(loaded_file(address.cast()), None);
    }
}
