//! The caller's functions with their user data.

use std::ffi::c_void;

/// Called once with the `user_data` that was registered beside it, after the last call of the callback that uses it; also
/// when registering failed. May run on any thread, possibly inside the call that failed. May be NULL.
pub type codex_destroy_fn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// A pointer of the host's, let go exactly once.
#[derive(Debug)]
pub(crate) struct UserData {
    pointer: *mut c_void,
    destroy: codex_destroy_fn,
}

// SAFETY: the host promises, by registering it, that its callbacks may be called with the pointer on any thread.
unsafe impl Send for UserData {}
// SAFETY: the library only hands the pointer on, and never looks behind it.
unsafe impl Sync for UserData {}

impl UserData {
    /// Takes over a pointer with what lets go of it.
    pub(crate) fn new(pointer: *mut c_void, destroy: codex_destroy_fn) -> Self {
        Self { pointer, destroy }
    }

    /// The pointer.
    pub(crate) fn pointer(&self) -> *mut c_void {
        self.pointer
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: the host's function, with the host's pointer, for the only time.
            unsafe { destroy(self.pointer) };
        }
    }
}
