//! The pointers of the opaque C types: which Rust value lies behind each, and who owns it.

use std::sync::Arc;

use super::error::codex_error;
use super::panic;
use super::status::codex_status;
use crate::engine::error::{Error, Result};

/// An opaque C type whose pointer owns a value alone.
pub(crate) trait Boxed {
    /// What lies behind the pointer.
    type Value;
}

/// An opaque C type whose pointer holds a share of a value, so that a call that is under way outlives a `_free` elsewhere.
pub(crate) trait Shared {
    /// What lies behind the pointer.
    type Value;
    /// The name of the argument that passes it.
    const NAME: &'static str;
}

/// Hands a value to C, which owns it until it is freed.
pub(crate) fn give<C: Boxed>(value: C::Value) -> *mut C {
    give_box(Box::new(value))
}

/// Hands a boxed value to C, which owns it until it is freed.
pub(crate) fn give_box<C: Boxed>(value: Box<C::Value>) -> *mut C {
    Box::into_raw(value).cast()
}

/// Lets C look at a value for as long as the reference lives. C must not free it.
pub(crate) fn lend<C: Boxed>(value: &C::Value) -> *mut C {
    std::ptr::from_ref(value).cast_mut().cast()
}

/// Takes a value back from C; `None` for NULL.
///
/// # Safety
/// The pointer is NULL or came from [`give`] and was not taken back before.
pub(crate) unsafe fn take_back<C: Boxed>(pointer: *mut C) -> Option<Box<C::Value>> {
    // SAFETY: the caller's promise.
    (!pointer.is_null()).then(|| unsafe { Box::from_raw(pointer.cast()) })
}

/// Looks at a value that C owns; `None` for NULL.
///
/// # Safety
/// The pointer is NULL or came from [`give`], and is not freed during `'a`.
pub(crate) unsafe fn borrow<'a, C: Boxed>(pointer: *const C) -> Option<&'a C::Value> {
    // SAFETY: the caller's promise.
    unsafe { pointer.cast::<C::Value>().as_ref() }
}

/// Changes a value that C owns; `None` for NULL.
///
/// # Safety
/// As [`borrow`]; and nobody else uses the value during `'a`.
pub(crate) unsafe fn borrow_mut<'a, C: Boxed>(pointer: *mut C) -> Option<&'a mut C::Value> {
    // SAFETY: the caller's promise.
    unsafe { pointer.cast::<C::Value>().as_mut() }
}

/// Hands a share of a value to C, which holds it until it is freed.
pub(crate) fn share<C: Shared>(value: Arc<C::Value>) -> *mut C {
    Arc::into_raw(value).cast_mut().cast()
}

/// A share of our own of a value that C holds; `None` for NULL.
///
/// # Safety
/// The pointer is NULL or came from [`share`], and is not freed while this function runs.
pub(crate) unsafe fn shared<C: Shared>(pointer: *const C) -> Option<Arc<C::Value>> {
    if pointer.is_null() {
        return None;
    }
    let value = pointer.cast::<C::Value>();
    // SAFETY: the caller's promise: the pointer came from Arc::into_raw and its share is still held.
    unsafe {
        Arc::increment_strong_count(value);
        Some(Arc::from_raw(value))
    }
}

/// The same for a call that is under way, or the error that names the argument.
///
/// # Safety
/// As [`shared`].
pub(crate) unsafe fn held<C: Shared>(pointer: *const C) -> Result<Arc<C::Value>> {
    // SAFETY: the caller's promise.
    required(unsafe { shared(pointer) }, C::NAME)
}

/// Hands out a share of the value that `make` makes.
///
/// # Safety
/// The pointers are NULL or valid for writing.
pub(crate) unsafe fn hand_out<C: Shared>(
    out: *mut *mut C,
    err: *mut *mut codex_error,
    make: impl FnOnce() -> Result<C::Value>,
) -> codex_status {
    // SAFETY: the caller's promise.
    unsafe {
        let out = Out::new(out, std::ptr::null_mut());
        panic::act(err, || {
            let out = out.required("out")?;
            out.set(share(Arc::new(make()?)));
            Ok(())
        })
    }
}

/// Looks at a value that C holds; `None` for NULL.
///
/// # Safety
/// The pointer is NULL or came from [`share`], and is not freed during `'a`.
pub(crate) unsafe fn look<'a, C: Shared>(pointer: *const C) -> Option<&'a C::Value> {
    // SAFETY: the caller's promise.
    unsafe { pointer.cast::<C::Value>().as_ref() }
}

/// Takes the share back that C held; `None` for NULL.
///
/// # Safety
/// The pointer is NULL or came from [`share`] and was not taken back before.
pub(crate) unsafe fn unshare<C: Shared>(pointer: *mut C) -> Option<Arc<C::Value>> {
    // SAFETY: the caller's promise.
    (!pointer.is_null()).then(|| unsafe { Arc::from_raw(pointer.cast::<C::Value>().cast_const()) })
}

/// A required handle, or the error that names the argument.
pub(crate) fn required<T>(handle: Option<T>, what: &str) -> Result<T> {
    handle.ok_or_else(|| is_null(what))
}

/// The error of an argument that must not be NULL.
pub(crate) fn is_null(what: &str) -> Error {
    Error::invalid_argument(format!("the argument `{what}` is NULL; it is required"))
}

/// A place of the caller's for something that a call hands out. It holds NULL, or zero, until then.
pub(crate) struct Out<T>(*mut T);

impl<T: Copy> Out<T> {
    /// Writes `empty` there; a NULL place takes nothing.
    ///
    /// # Safety
    /// The pointer is NULL or valid for writing until this is dropped.
    pub(crate) unsafe fn new(place: *mut T, empty: T) -> Self {
        let out = Self(place);
        out.set(empty);
        out
    }

    /// The same, or the error that names the argument.
    pub(crate) fn required(self, what: &str) -> Result<Self> {
        if self.0.is_null() { Err(is_null(what)) } else { Ok(self) }
    }

    /// Whether the caller wants it.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.0.is_null()
    }

    /// Hands it out.
    pub(crate) fn set(&self, value: T) {
        if !self.0.is_null() {
            // SAFETY: the promise of whoever made this.
            unsafe { self.0.write(value) };
        }
    }
}
