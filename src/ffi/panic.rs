//! The boundary that no panic crosses: every `extern "C"` function has its body run here.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use super::error::{codex_error, give_error};
use super::handle::Out;
use super::status::{CODEX_OK, codex_status};
use crate::engine::error::{Error, Result, Status};

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Runs the body of a function that returns a status and may hand out an error.
///
/// # Safety
/// `err` is NULL or valid for writing.
pub(crate) unsafe fn call(err: *mut *mut codex_error, body: impl FnOnce() -> Result<codex_status>) -> codex_status {
    // SAFETY: the caller's promise.
    let err = unsafe { Out::new(err, std::ptr::null_mut()) };
    match guarded(body) {
        Ok(status) => status,
        Err(error) => {
            let status = error.status().code();
            if err.is_wanted() {
                err.set(give_error(error));
            }
            status
        }
    }
}

/// Runs the body of a function that succeeds or fails, and may hand out an error.
///
/// # Safety
/// As [`call`].
pub(crate) unsafe fn act(err: *mut *mut codex_error, body: impl FnOnce() -> Result<()>) -> codex_status {
    // SAFETY: the caller's promise.
    unsafe { call(err, || body().map(|()| CODEX_OK)) }
}

/// Runs the body of a function that returns a status and hands out no error.
pub(crate) fn status(body: impl FnOnce() -> Result<()>) -> codex_status {
    match guarded(body) {
        Ok(()) => CODEX_OK,
        Err(error) => error.status().code(),
    }
}

/// Runs the body of a function that cannot fail; `None`, and a panic, give the fallback.
pub(crate) fn value<T>(fallback: T, body: impl FnOnce() -> Option<T>) -> T {
    guarded(|| Ok(body())).ok().flatten().unwrap_or(fallback)
}

/// Runs a body that hands nothing back.
pub(crate) fn run(body: impl FnOnce()) {
    value((), || {
        body();
        Some(())
    });
}

fn guarded<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    keep_quiet();
    let outer = INSIDE.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(body));
    INSIDE.set(outer);
    outcome.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<&str>().map(|words| (*words).to_owned());
        let words = words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(Error::new(Status::Internal, format!("a defect in libcodex was caught ({words}); please report it")))
    })
}

/// What is caught here is told as an error and not printed on the host's terminal. Panics of others are printed as before.
fn keep_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let own_thread = std::thread::current().name().is_some_and(|name| name.starts_with("codex"));
            if !INSIDE.get() && !own_thread {
                previous(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::error::{codex_error_free, codex_error_message};
    use crate::sys::testing::in_own_process;
    use std::ffi::CStr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_panic_becomes_an_error_and_not_an_abort() {
        let mut err = std::ptr::null_mut();
        // SAFETY: the error is a local variable, and freed once.
        unsafe {
            assert_eq!(call(&mut err, || panic!("number {}", 7)), Status::Internal.code());
            assert!(CStr::from_ptr(codex_error_message(err)).to_str().unwrap().contains("number 7"));
            codex_error_free(err);
        }
        assert_eq!(value(5, || panic!("no")), 5);
    }

    #[test]
    fn what_is_caught_is_not_printed_and_the_panics_of_others_are() {
        in_own_process(|| {
            static PRINTED: AtomicUsize = AtomicUsize::new(0);
            std::panic::set_hook(Box::new(|_| {
                PRINTED.fetch_add(1, Ordering::SeqCst);
            }));
            assert_eq!(value(5, || panic!("nobody may read this")), 5);
            assert_eq!(PRINTED.load(Ordering::SeqCst), 0);
            std::panic::catch_unwind(|| panic!("of somebody else")).unwrap_err();
            assert_eq!(PRINTED.load(Ordering::SeqCst), 1);
        });
    }

    #[test]
    fn an_error_that_nobody_wants_is_not_made() {
        // SAFETY: NULL is allowed.
        let status = unsafe { call(std::ptr::null_mut(), || Err(Error::closed())) };
        assert_eq!(status, Status::Closed.code());
    }
}
