//! JSON without a data model: checking and shortening texts, reading them in place, and building what is sent.
//!
//! `text` works on JSON as text, `probe` takes one thing out of it, `tree` reads all of it for a host that has no JSON
//! library, `object` builds one object out of members that stay as they were written, `secret` says what of it may be shown.

mod object;
mod probe;
mod secret;
mod text;
mod tree;

pub use object::{Object, ObjectError};
pub use probe::{member, spliced, string};
pub(crate) use secret::REMOVED;
pub use secret::{Shown, is_secret_name, without_secrets, without_secrets_telling};
pub(crate) use text::MAX_SENT_DEPTH;
pub use text::{
    Cursor, JsonError, Member, Members, decode_pointer_token, kind_name, members, minify, nesting, push_quoted, quote,
    quote_or_backslash, unescape, unescape_str, validate,
};
pub use tree::{Kind, Node, Tree};
