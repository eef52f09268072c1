use std::ffi::c_char;
use std::ptr::{null, null_mut, slice_from_raw_parts_mut};

use once_cell::sync::OnceCell;

use super::error::codex_error;
use super::handle::Out;
use super::status::codex_status;
use super::{panic, string};
use crate::engine::error::{Error, Status};
use crate::engine::json::{Kind, Tree};

/// What a JSON value is: one of CODEX_VALUE_*.
pub type codex_value_type = i32;

/// null, and what is absent.
pub const CODEX_VALUE_NULL: codex_value_type = 0;
/// true or false.
pub const CODEX_VALUE_BOOL: codex_value_type = 1;
/// A whole number of 64 bits.
pub const CODEX_VALUE_INT: codex_value_type = 2;
/// Any other number.
pub const CODEX_VALUE_DOUBLE: codex_value_type = 3;
/// A string.
pub const CODEX_VALUE_STRING: codex_value_type = 4;
/// An array.
pub const CODEX_VALUE_ARRAY: codex_value_type = 5;
/// An object.
pub const CODEX_VALUE_OBJECT: codex_value_type = 6;

/// A read-only view of a JSON value. Borrowed from what it was asked of, unless codex_value_parse made it.
pub struct codex_value {
    _private: [u8; 0],
}

/// One node of a tree, as C sees it.
struct View {
    tree: *const Tree,
    index: u32,
    belongs: Belongs,
}

/// Who frees the tree and its views.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Belongs {
    /// The handle that they were asked of, or the root of a parsed value.
    Elsewhere,
    /// Whoever holds this view: the root of a parsed value.
    ToHolder,
}

/// Makes one view for each node of a tree.
///
/// # Safety
/// The tree is valid for reading.
unsafe fn lay_out(tree: *const Tree) -> *mut [View] {
    // SAFETY: the caller's promise.
    let nodes = unsafe { &*tree }.nodes();
    let views = (0..).zip(nodes).map(|(index, _)| View { tree, index, belongs: Belongs::Elsewhere });
    Box::into_raw(views.collect())
}

/// The nodes of a tree, each with an address of its own. They live no longer than the tree.
pub(crate) struct Views(*mut [View]);

// SAFETY: views are never changed once they are made, and what they point to is a tree that is never changed either.
unsafe impl Send for Views {}
// SAFETY: as above.
unsafe impl Sync for Views {}

impl Views {
    /// The views of a tree that outlives them and does not move.
    pub(crate) fn new(tree: &Tree) -> Self {
        // SAFETY: a reference is valid.
        Self(unsafe { lay_out(tree) })
    }

    pub(crate) fn root(&self) -> *const codex_value {
        self.0.cast()
    }
}

impl Drop for Views {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `lay_out`, which made a box of it.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

/// The root of a tree as C sees it; NULL when there is no tree. `tree` must lie in the handle that holds the cell.
pub(crate) fn view(cell: &OnceCell<Option<Views>>, tree: Option<&Tree>) -> *const codex_value {
    cell.get_or_init(|| tree.map(Views::new)).as_ref().map_or(null(), Views::root)
}

/// The node behind a pointer, with what is needed to reach others of its tree.
struct Node<'a> {
    tree: &'a Tree,
    index: usize,
    root: *const View,
}

impl<'a> Node<'a> {
    /// # Safety
    /// The pointer is NULL or one that was handed out for a tree that lives during `'a`.
    unsafe fn of(value: *const codex_value) -> Option<Self> {
        let view = value.cast::<View>();
        // SAFETY: the caller's promise; the view of a node lies `index` places behind that of the root.
        unsafe {
            let View { tree, index, .. } = view.as_ref()?;
            let index = *index as usize;
            Some(Self { tree: &**tree, index, root: view.sub(index) })
        }
    }

    fn other(&self, index: usize) -> *const codex_value {
        debug_assert!(index < self.tree.nodes().len());
        // SAFETY: the views lie side by side, one for each node of the tree.
        unsafe { self.root.add(index) }.cast()
    }
}

/// ## Reading JSON
///
/// So that a program needs no JSON library. Values are views: looking is cheap, nothing is copied, and every pointer lives as
/// long as what its root was asked of. All these functions accept NULL, as an absent value, and may be called from any thread.
///
/// Parses a text. A whole number beyond 64 bits becomes a double; nesting is limited to 512 levels.
///
/// @param json  a JSON text
/// @param out   receives the value: owned, see [`codex_value_free`]
/// @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON with line and column
/// @note any thread; never waits; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_value_parse(
    json: *const c_char,
    out: *mut *mut codex_value,
    err: *mut *mut codex_error,
) -> codex_status {
    // SAFETY: the caller passes a NUL-terminated string and places, or NULL.
    unsafe {
        let out = Out::new(out, null_mut());
        panic::act(err, || {
            let out = out.required("out")?;
            let tree = Tree::parse(string::required(json, "json")?)
                .map_err(|error| Error::new(Status::InvalidJson, format!("the text is not valid JSON: {error}")))?;
            out.set(give_tree(tree));
            Ok(())
        })
    }
}

/// Hands a tree to C, which owns it through the view of its root.
fn give_tree(tree: Tree) -> *mut codex_value {
    let tree = Box::into_raw(Box::new(tree));
    // SAFETY: the tree was just made, and lives until the root is freed.
    let root = unsafe { lay_out(tree) }.cast::<View>();
    // SAFETY: every tree has a root, and nobody else knows these views yet.
    unsafe { (*root).belongs = Belongs::ToHolder };
    root.cast()
}

/// Frees a value that codex_value_parse made, with all that was borrowed from it. A borrowed value is left alone.
///
/// @param value  owned; may be NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_value_free(value: *mut codex_value) {
    panic::run(|| {
        // SAFETY: the caller passes a value that is not freed, or NULL. One that says so is the root that give_tree handed
        // out: it points to both boxes, and as its owner frees it, nobody uses them any more. Others are only read.
        unsafe {
            let root = value.cast::<View>();
            let Some(&View { tree, belongs: Belongs::ToHolder, .. }) = root.as_ref() else { return };
            let tree = Box::from_raw(tree.cast_mut());
            drop(Box::from_raw(slice_from_raw_parts_mut(root, tree.nodes().len())));
        }
    });
}

/// What a value is: one of CODEX_VALUE_*. NULL is CODEX_VALUE_NULL.
///
/// @param value  may be NULL: CODEX_VALUE_NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_value_get_type(value: *const codex_value) -> codex_value_type {
    panic::value(CODEX_VALUE_NULL, || {
        // SAFETY: the caller passes a value that is not freed, or NULL.
        let node = unsafe { Node::of(value) }?;
        Some(match node.tree.kind(node.index)? {
            Kind::Null => CODEX_VALUE_NULL,
            Kind::Bool => CODEX_VALUE_BOOL,
            Kind::Int => CODEX_VALUE_INT,
            Kind::Double => CODEX_VALUE_DOUBLE,
            Kind::String => CODEX_VALUE_STRING,
            Kind::Array => CODEX_VALUE_ARRAY,
            Kind::Object => CODEX_VALUE_OBJECT,
        })
    })
}

/// Looks up a place in a value.
///
/// @param value    may be NULL: NULL
/// @param pointer  a JSON Pointer (RFC 6901): "/items/0/text"; "" is the value itself. `/` in a key is written ~1, `~` is ~0
/// @return borrowed; NULL when there is nothing at that place
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_value_at(value: *const codex_value, pointer: *const c_char) -> *const codex_value {
    panic::value(null(), || {
        // SAFETY: the caller passes a value that is not freed, and a NUL-terminated string, or NULL.
        let (node, pointer) = unsafe { (Node::of(value)?, string::required(pointer, "pointer").ok()?) };
        Some(node.other(node.tree.at(node.index, pointer)?))
    })
}

/// The text of a string, unescaped.
///
/// @param value  may be NULL: NULL
/// @param len    receives its length in bytes, which counts a NUL inside the text too; may be NULL
/// @return borrowed; NULL when the value is no string
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_value_string(value: *const codex_value, len: *mut usize) -> *const c_char {
    // SAFETY: the caller passes a place or NULL.
    let len = unsafe { Out::new(len, 0) };
    panic::value(null(), || {
        // SAFETY: the caller passes a value that is not freed, or NULL.
        let node = unsafe { Node::of(value) }?;
        Some(string::measured(node.tree.string_z(node.index)?, &len))
    })
}

/// A whole number; a double that is whole and fits counts too.
///
/// @param value     may be NULL: `fallback`
/// @param fallback  what to return when the value is none
/// @return the number, or the fallback
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_value_int(value: *const codex_value, fallback: i64) -> i64 {
    panic::value(fallback, || {
        // SAFETY: the caller passes a value that is not freed, or NULL.
        let node = unsafe { Node::of(value) }?;
        node.tree.int(node.index)
    })
}

/// Any number.
///
/// @param value     may be NULL: `fallback`
/// @param fallback  what to return when the value is none
/// @return the number, or the fallback
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_value_double(value: *const codex_value, fallback: f64) -> f64 {
    panic::value(fallback, || {
        // SAFETY: the caller passes a value that is not freed, or NULL.
        let node = unsafe { Node::of(value) }?;
        node.tree.double(node.index)
    })
}

/// True or false.
///
/// @param value     may be NULL: `fallback`
/// @param fallback  what to return when the value is neither
/// @return what it is, or the fallback
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_value_bool(value: *const codex_value, fallback: bool) -> bool {
    panic::value(fallback, || {
        // SAFETY: the caller passes a value that is not freed, or NULL.
        let node = unsafe { Node::of(value) }?;
        node.tree.bool(node.index)
    })
}

/// How many elements an array has, or members an object; 0 for everything else.
///
/// @param value  may be NULL: 0
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_value_count(value: *const codex_value) -> usize {
    panic::value(0, || {
        // SAFETY: the caller passes a value that is not freed, or NULL.
        let node = unsafe { Node::of(value) }?;
        Some(node.tree.count(node.index))
    })
}

/// An element of an array, or the value of an object's member, in the order of the text.
///
/// @param value  may be NULL: NULL
/// @param index  from 0
/// @return borrowed; NULL when there is none
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_value_item(value: *const codex_value, index: usize) -> *const codex_value {
    panic::value(null(), || {
        // SAFETY: the caller passes a value that is not freed, or NULL.
        let node = unsafe { Node::of(value) }?;
        Some(node.other(node.tree.child(node.index, index)?))
    })
}

/// A value as text, exactly as it was written.
///
/// @param value  may be NULL: NULL
/// @return owned, see [`codex_string_free`]; NULL for NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_value_json(value: *const codex_value) -> *mut c_char {
    panic::value(null_mut(), || {
        // SAFETY: the caller passes a value that is not freed, or NULL.
        let node = unsafe { Node::of(value) }?;
        Some(string::owned(node.tree.json(node.index)?.to_owned()))
    })
}

/// The key of an object's member, unescaped.
///
/// @param value  may be NULL: NULL
/// @param index  from 0
/// @return borrowed; NULL when there is none
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_value_key(value: *const codex_value, index: usize) -> *const c_char {
    panic::value(null(), || {
        // SAFETY: the caller passes a value that is not freed, or NULL.
        let node = unsafe { Node::of(value) }?;
        Some(string::terminated(node.tree.key_z(node.index, index)?))
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    fn tree() -> Tree {
        Tree::parse(r#"{"a":[1,{"b":"text"}],"c":true}"#).unwrap()
    }

    #[test]
    fn a_view_stays_small() {
        assert!(size_of::<View>() <= 16);
    }

    #[test]
    fn every_node_has_one_address_from_which_the_others_are_reached() {
        let tree = tree();
        let cell = OnceCell::new();
        let root = view(&cell, Some(&tree));
        // SAFETY: the tree and its views live as long as this function.
        unsafe {
            let array = codex_value_at(root, c"/a".as_ptr());
            let inner = codex_value_item(array, 1);
            assert_eq!(codex_value_at(root, c"/a/1".as_ptr()), inner);
            let text = codex_value_string(codex_value_at(inner, c"/b".as_ptr()), null_mut());
            assert_eq!(CStr::from_ptr(text), c"text");
            assert_eq!(codex_value_at(array, c"".as_ptr()), array);
        }
        assert_eq!(view(&cell, Some(&tree)), root);
        assert!(view(&OnceCell::new(), None).is_null());
    }

    #[test]
    fn a_borrowed_value_outlives_an_attempt_to_free_it() {
        let tree = tree();
        let cell = OnceCell::new();
        let borrowed = view(&cell, Some(&tree));
        let parsed = give_tree(Tree::parse("[[7]]").unwrap());
        // SAFETY: the tree and its views live as long as this function; the parsed root is freed once.
        unsafe {
            codex_value_free(borrowed.cast_mut());
            assert_eq!(codex_value_count(borrowed), 2);
            codex_value_free(codex_value_item(parsed, 0).cast_mut());
            assert_eq!(codex_value_int(codex_value_at(parsed, c"/0/0".as_ptr()), 0), 7);
            codex_value_free(parsed);
            codex_value_free(null_mut());
        }
    }

    #[test]
    fn a_value_that_is_parsed_is_freed_on_another_thread() {
        let address = give_tree(tree()).expose_provenance();
        let freeing = std::thread::spawn(move || {
            let value = std::ptr::with_exposed_provenance_mut::<codex_value>(address);
            // SAFETY: the value was handed to this thread alone.
            unsafe {
                assert_eq!(codex_value_count(value), 2);
                codex_value_free(value);
            }
        });
        freeing.join().unwrap();
    }
}
