use std::ffi::c_char;
use std::ptr::null;
use std::sync::Arc;

use once_cell::sync::OnceCell;

use super::handle::{self, Boxed, Out};
use super::value::{Views, codex_value, codex_value_at, codex_value_item, view};
use super::{panic, string};
use crate::engine::result::TurnResult;

/// What a turn did. Owned by the caller, who frees it with [`codex_turn_result_free`].
pub struct codex_turn_result {
    _private: [u8; 0],
}

impl Boxed for codex_turn_result {
    type Value = ResultHandle;
}

pub(crate) struct ResultHandle {
    result: Arc<TurnResult>,
    value: OnceCell<Option<Views>>,
    output: OnceCell<Option<Views>>,
}

impl ResultHandle {
    fn root(&self) -> *const codex_value {
        view(&self.value, self.result.value())
    }
}

/// Hands a result to C.
pub(crate) fn give_result(result: Arc<TurnResult>) -> *mut codex_turn_result {
    handle::give(ResultHandle { result, value: OnceCell::new(), output: OnceCell::new() })
}

/// ## Results
///
/// A TurnResult is what a turn did, collected from its events. There is one for every turn that started, also when it failed,
/// was interrupted, or lost its connection.
///
/// The whole as a JSON object: id, threadId, status, error, startedAt, completedAt, durationMs, finalResponse, items, usage,
/// endedBy, partialResponse. What the runtime said is in it verbatim, but for secrets in `error`; what is unknown is null.
/// `items` are the items that were completed; `usage` is the last that the runtime reported, and its `turn` is what this turn
/// itself used; `endedBy` is "completed", "failed", "interrupted", "timeout", "idleTimeout", "tokenLimit", "toolLimit" or
/// "transportClosed"; `partialResponse` is the text of a message that was not completed.
///
/// @param result  may be NULL: ""
/// @param len     receives the length in bytes without the NUL; may be NULL
/// @return borrowed from the result; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_turn_result_json(result: *const codex_turn_result, len: *mut usize) -> *const c_char {
    // SAFETY: the caller passes a result that is not freed and a place for the length, or NULL.
    unsafe {
        let len = Out::new(len, 0);
        panic::value(c"".as_ptr(), || Some(string::measured(handle::borrow(result)?.result.json().with_nul(), &len)))
    }
}

/// What [`codex_turn_result_json`] gives, parsed when it is first asked for.
///
/// @param result  may be NULL: NULL
/// @return borrowed from the result; NULL when the JSON cannot be read
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_turn_result_value(result: *const codex_turn_result) -> *const codex_value {
    // SAFETY: the caller passes a result that is not freed, or NULL.
    panic::value(null(), || Some(unsafe { handle::borrow(result) }?.root()))
}

/// The id of the turn.
///
/// @param result  may be NULL: ""
/// @return borrowed from the result; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_turn_result_id(result: *const codex_turn_result) -> *const c_char {
    // SAFETY: the caller passes a result that is not freed, or NULL.
    panic::value(c"".as_ptr(), || Some(string::borrowed(unsafe { handle::borrow(result) }?.result.id())))
}

/// The status that the runtime gave the turn: "completed", "failed", "interrupted"; "inProgress" when it never told how the
/// turn ended.
///
/// @param result  may be NULL: ""
/// @return borrowed from the result; never NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_turn_result_status(result: *const codex_turn_result) -> *const c_char {
    // SAFETY: the caller passes a result that is not freed, or NULL.
    panic::value(c"".as_ptr(), || Some(string::borrowed(unsafe { handle::borrow(result) }?.result.status())))
}

/// The last word of the agent: the text of the newest message that is a final answer, else of the newest without a phase.
///
/// @param result  may be NULL: NULL
/// @param len     receives the length in bytes without the NUL at the end; the text may hold others. May be NULL
/// @return borrowed from the result; "" is an answer that is empty; NULL when there is none
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_turn_result_final_response(
    result: *const codex_turn_result,
    len: *mut usize,
) -> *const c_char {
    // SAFETY: the caller passes a result that is not freed and a place for the length, or NULL.
    unsafe {
        let len = Out::new(len, 0);
        panic::value(null(), || {
            let text = handle::borrow(result)?.result.final_response()?;
            Some(string::measured(text.with_nul(), &len))
        })
    }
}

/// The last word of the agent as JSON, for turns with an outputSchema. Parsed when it is first asked for.
///
/// @param result  may be NULL: NULL
/// @return borrowed from the result; NULL when there is none and when it is not JSON
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_turn_result_output(result: *const codex_turn_result) -> *const codex_value {
    panic::value(null(), || {
        // SAFETY: the caller passes a result that is not freed, or NULL.
        let handle = unsafe { handle::borrow(result) }?;
        Some(view(&handle.output, handle.result.output()))
    })
}

/// Why the turn did not complete, in a sentence.
///
/// @param result  may be NULL: NULL
/// @return borrowed from the result; NULL when there is none
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_turn_result_error_message(result: *const codex_turn_result) -> *const c_char {
    // SAFETY: the caller passes a result that is not freed, or NULL.
    panic::value(null(), || Some(string::borrowed(unsafe { handle::borrow(result) }?.result.error_message()?)))
}

/// How long the turn took, as the runtime measured it.
///
/// @param result  may be NULL: -1
/// @return milliseconds; -1 when unknown
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_turn_result_duration_ms(result: *const codex_turn_result) -> i64 {
    // SAFETY: the caller passes a result that is not freed, or NULL.
    panic::value(-1, || unsafe { handle::borrow(result) }?.result.duration_ms())
}

/// How many tokens the model requests of this turn used together.
///
/// @param result  may be NULL: -1
/// @return -1 when unknown
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_turn_result_total_tokens(result: *const codex_turn_result) -> i64 {
    // SAFETY: the caller passes a result that is not freed, or NULL.
    panic::value(-1, || unsafe { handle::borrow(result) }?.result.total_tokens())
}

/// How many items of the turn were completed.
///
/// @param result  may be NULL: 0
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_turn_result_item_count(result: *const codex_turn_result) -> usize {
    // SAFETY: the caller passes a result that is not freed, or NULL.
    panic::value(0, || Some(unsafe { handle::borrow(result) }?.result.item_count()))
}

/// One item of the turn, in the order in which they were completed.
///
/// @param result  may be NULL: NULL
/// @param index   from 0
/// @return borrowed from the result; NULL when there is no such item
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_turn_result_item(result: *const codex_turn_result, index: usize) -> *const codex_value {
    // SAFETY: the caller passes a result that is not freed, or NULL; the values live as long as it.
    panic::value(null(), || unsafe {
        let items = codex_value_at(handle::borrow(result)?.root(), c"/items".as_ptr());
        Some(codex_value_item(items, index))
    })
}

/// Frees a result, with all that was borrowed from it.
///
/// @param result  owned; may be NULL
/// @note any thread; since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codex_turn_result_free(result: *mut codex_turn_result) {
    // SAFETY: the caller owns the result.
    panic::run(|| drop(unsafe { handle::take_back(result) }));
}
