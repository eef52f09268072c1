//! The file of this code, as Windows knows it.

use std::ffi::{OsString, c_void};
use std::os::windows::ffi::OsStringExt;
use std::path::PathBuf;
use std::ptr;

use windows_sys::Win32::System::LibraryLoader::{
    GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT, GetModuleFileNameW,
    GetModuleHandleExW,
};

/// The longest path that Windows has.
const LONGEST: u32 = 32_768;

/// The file that some code was loaded from.
pub(super) fn file_of(code: *const c_void) -> Option<PathBuf> {
    let how = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    let mut module = ptr::null_mut();
    // SAFETY: with these flags the name is an address, of anything; `module` outlives the call.
    if unsafe { GetModuleHandleExW(how, code.cast(), &mut module) } == 0 {
        return None;
    }
    let mut path = vec![0; LONGEST as usize];
    // SAFETY: the buffer has the length that is told, and the module is loaded for as long as its code runs.
    let length = unsafe { GetModuleFileNameW(module, path.as_mut_ptr(), LONGEST) };
    (length > 0).then(|| PathBuf::from(OsString::from_wide(&path[..length as usize])))
}
