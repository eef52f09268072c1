use std::ffi::{CStr, c_char};

use super::panic;
use super::string;

/// The major version of this header.
pub const CODEX_VERSION_MAJOR: u32 = 0;
/// The minor version of this header.
pub const CODEX_VERSION_MINOR: u32 = 1;
/// The patch version of this header.
pub const CODEX_VERSION_PATCH: u32 = 0;
/// The version of the binary interface: the suffix of the SONAME. Libraries with another one do not fit this header.
pub const CODEX_ABI_VERSION: u32 = 0;

const VERSION: &CStr = c"0.1.0";

/// The features of this build, by the names that [`codex_has_feature`] knows.
const FEATURES: &[&str] = &["stdio", "unix", "websocket", "replay", "wakeup-fd", "single-queue"];

/// Those that a build may lack.
const OPTIONAL: &[(&str, bool)] = &[("tls", cfg!(feature = "tls"))];

/// ## Version
///
/// The version of the library as text, like "0.1.0".
///
/// @return a static string, never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn codex_version() -> *const c_char {
    VERSION.as_ptr()
}

/// The version of the library as one number, to be compared with `CODEX_VERSION_NUMBER`: major << 16 | minor << 8 | patch.
///
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn codex_version_number() -> u32 {
    (CODEX_VERSION_MAJOR << 16) | (CODEX_VERSION_MINOR << 8) | CODEX_VERSION_PATCH
}

/// The version of the library's binary interface, to be compared with `CODEX_ABI_VERSION`. `codex_check_abi()` compares both.
///
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn codex_abi_version() -> u32 {
    CODEX_ABI_VERSION
}

/// Whether this build of the library has a feature.
///
/// @param name  the feature: "stdio", "unix", "websocket", "replay", "wakeup-fd", "single-queue", and "tls" if the library was built with
///              it; may be NULL
/// @return false also for an unknown name and for NULL, so that a program can ask for features of later versions
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_has_feature(name: *const c_char) -> bool {
    panic::value(false, || {
        // SAFETY: the caller passes a NUL-terminated string or NULL.
        let name = unsafe { string::required(name, "name") }.ok()?;
        Some(FEATURES.contains(&name) || OPTIONAL.contains(&(name, true)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_package() {
        assert_eq!(VERSION.to_str(), Ok(env!("CARGO_PKG_VERSION")));
    }
}
