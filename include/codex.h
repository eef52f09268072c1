/* libcodex: the Codex agent in any native program.
 *
 * Made from the Rust source by cbindgen; do not edit. See README.md for the first program.
 *
 * Rules that hold for every function:
 *
 *   Strings    Every string that is passed in is NUL-terminated UTF-8 and is copied before the call returns. Every string that
 *              is handed out is NUL-terminated UTF-8.
 *   Owned      What a function hands out as owned, the caller frees with the function named.
 *   Borrowed   What is borrowed lives as long as the handle that it was asked of, and is never freed by the caller.
 *   Errors     The last parameter `codex_error **err` may be NULL. It is set to NULL when the call begins, and receives an
 *              owned error when the status is negative. Every `*out` is set to NULL when the call begins.
 *   Statuses   Beside those that its @return names, every function with a status may return CODEX_ERROR_INVALID_ARGUMENT,
 *              CODEX_ERROR_FORKED and CODEX_ERROR_INTERNAL, and every one that `waits` CODEX_ERROR_WOULD_DEADLOCK: in a callback
 *              that must return before the wait can end, or, with the reason "queueFull", when events that nobody reads fill
 *              the queues.
 *   Lost       When the connection is over, functions that need it return what ended it: CODEX_ERROR_CLOSED,
 *              CODEX_ERROR_TRANSPORT, CODEX_ERROR_PROTOCOL; when it was never ready, what codex_client_connect returns.
 *   NULL       A required pointer that is NULL gives CODEX_ERROR_INVALID_ARGUMENT; functions without a status return NULL, "",
 *              0 or the fallback. Every *_free function accepts NULL, never blocks, and may be called in every callback.
 *   Threads    Options and params are used by one thread at a time; everything else by any. No handle may be freed while
 *              another thread is entering a call with it; a thread that already waits inside is fine.
 *   Waiting    Where the note says `waits`, a call may wait: for the runtime's answer, for as long as its timeout says, or for
 *              what its text names. All others return at once, and are fit for an event loop.
 *   Order      Handles are reference-counted inside and may be freed in any order.
 *   Callbacks  A callback must not leave by longjmp or a C++ exception.
 *   fork()     In the child of a fork, calls with the parent's handles return CODEX_ERROR_FORKED.
 *   Unloading  The library is never unloaded once it is loaded.
 */

#ifndef CODEX_H
#define CODEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** As long as it takes. All times are milliseconds; what 0 means, and whether it is allowed, is said where a time is passed. */
#define CODEX_WAIT_FOREVER (-1)
/**
 * The usual time: for whatever a client, a thread, a turn or a login waits for, that of codex_client_options_set_request_timeout_ms,
 * 60,000 unless it is set; for codex_client_close 5,000; for an option its default.
 */
#define CODEX_WAIT_DEFAULT (-2)

/** The version of this header as one number: compare it with codex_version_number(). */
#define CODEX_VERSION_NUMBER ((CODEX_VERSION_MAJOR << 16) | (CODEX_VERSION_MINOR << 8) | CODEX_VERSION_PATCH)

/** Whether the library that is loaded fits this header. */
#define codex_check_abi() (codex_abi_version() == CODEX_ABI_VERSION && codex_version_number() >= CODEX_VERSION_NUMBER)

/**
 * The major version of this header.
 */
#define CODEX_VERSION_MAJOR 0

/**
 * The minor version of this header.
 */
#define CODEX_VERSION_MINOR 1

/**
 * The patch version of this header.
 */
#define CODEX_VERSION_PATCH 0

/**
 * The version of the binary interface: the suffix of the SONAME. Libraries with another one do not fit this header.
 */
#define CODEX_ABI_VERSION 0

/**
 * No log messages.
 */
#define CODEX_LOG_OFF 0

/**
 * Something is broken.
 */
#define CODEX_LOG_ERROR 1

/**
 * Something is odd.
 */
#define CODEX_LOG_WARN 2

/**
 * Something happened; includes each line of the runtime's standard error.
 */
#define CODEX_LOG_INFO 3

/**
 * For whoever looks for a defect.
 */
#define CODEX_LOG_DEBUG 4

/**
 * Everything.
 */
#define CODEX_LOG_TRACE 5

/**
 * The message goes to the runtime.
 */
#define CODEX_TRACE_SENT 0

/**
 * The message comes from the runtime.
 */
#define CODEX_TRACE_RECEIVED 1

/**
 * What a codex_event_fn returns for the next event.
 */
#define CODEX_CONTINUE 0

/**
 * What a codex_event_fn returns when it wants no more events: the turn is interrupted.
 */
#define CODEX_INTERRUPT 1

/**
 * A connection to one runtime. Owned by the caller; used by any thread.
 */
typedef struct codex_client codex_client;

/**
 * How a client is made. Owned by the caller; used by one thread at a time.
 */
typedef struct codex_client_options codex_client_options;

/**
 * What went wrong. Owned by the caller, who frees it with codex_error_free.
 */
typedef struct codex_error codex_error;

/**
 * Something that happened. Owned by the caller, who frees it with codex_event_free; in a codex_event_fn borrowed.
 */
typedef struct codex_event codex_event;

/**
 * A login that a person completes elsewhere. Owned by the caller; used by any thread.
 */
typedef struct codex_login codex_login;

/**
 * A builder of the params of a call. Owned by the caller; used by one thread at a time.
 */
typedef struct codex_params codex_params;

/**
 * A question of the runtime, which waits for the answer. Owned by the caller, who frees it with codex_request_free; used
 * by any thread.
 */
typedef struct codex_request codex_request;

/**
 * A conversation, on which turns run. Owned by the caller; used by any thread.
 */
typedef struct codex_thread codex_thread;

/**
 * The agent's work on one input. Owned by the caller; used by any thread.
 */
typedef struct codex_turn codex_turn;

/**
 * What a turn did. Owned by the caller, who frees it with codex_turn_result_free.
 */
typedef struct codex_turn_result codex_turn_result;

/**
 * A read-only view of a JSON value. Borrowed from what it was asked of, unless codex_value_parse made it.
 */
typedef struct codex_value codex_value;

/**
 * What a call returns: 0 or more is success, less than 0 an error. An open integer: later versions may add values.
 */
typedef int32_t codex_status;

/**
 * What a JSON value is: one of CODEX_VALUE_*.
 */
typedef int32_t codex_value_type;

/**
 * Takes a log message. Runs on the library's log thread, one call at a time. `target` names the part of the library;
 * both strings live during the call.
 */
typedef void (*codex_log_fn)(void *user_data, int32_t level, const char *target, const char *message);

/**
 * Called once with the `user_data` that was registered beside it, after the last call of the callback that uses it; also
 * when registering failed. May run on any thread, possibly inside the call that failed. May be NULL.
 */
typedef void (*codex_destroy_fn)(void *user_data);

/**
 * Takes a message as it goes over the wire, with secrets removed. `direction` is CODEX_TRACE_SENT or CODEX_TRACE_RECEIVED.
 * Runs on the library's log thread, one call at a time; `line` lives during the call.
 */
typedef void (*codex_trace_fn)(void *user_data, int32_t direction, const char *line, size_t len);

/**
 * Takes a request of the runtime: owned, see codex_request_free. It is answered now or later, from any thread.
 */
typedef void (*codex_request_fn)(void *user_data, struct codex_request *request);

/**
 * Tells the program that something happened. May run on any thread, with no lock of the library held: set a flag or post a
 * message, and return. No codex_ function but a *_free may be called inside.
 */
typedef void (*codex_wakeup_fn)(void *user_data);

/**
 * Takes an event of a turn, on the thread that called. The event is borrowed and lives during the call; its request can be
 * taken. Returns CODEX_CONTINUE or CODEX_INTERRUPT; any other value is CODEX_INTERRUPT.
 */
typedef int32_t (*codex_event_fn)(void *user_data, struct codex_event *event);

/**
 * What an event is about. An open integer: later versions may add values.
 */
typedef int32_t codex_event_kind;

/**
 * What is asked. An open integer: later versions may add values.
 */
typedef int32_t codex_request_kind;

/**
 * Success.
 */
#define CODEX_OK 0

/**
 * Nothing came within the time given, or the wait was woken. Only from waits; there is no codex_error.
 */
#define CODEX_TIMEOUT 1

/**
 * The stream has ended; nothing will ever come again. Not an error; there is no codex_error.
 */
#define CODEX_END 2

/**
 * A required argument is NULL, malformed or out of range.
 */
#define CODEX_ERROR_INVALID_ARGUMENT -1

/**
 * A text that must be JSON is not; the message tells the line and the column.
 */
#define CODEX_ERROR_INVALID_JSON -2

/**
 * No executable of the runtime was found; the message lists every place that was searched.
 */
#define CODEX_ERROR_RUNTIME_NOT_FOUND -10

/**
 * The runtime could not be started, or ended before it was ready; carries its exit status and standard error.
 */
#define CODEX_ERROR_RUNTIME_START -11

/**
 * The runtime is too old or too new for what was asked.
 */
#define CODEX_ERROR_RUNTIME_UNSUPPORTED -12

/**
 * The connection was lost, or one to a socket could not be made; carries the runtime's exit status and the end of its standard
 * error, if it was started here.
 */
#define CODEX_ERROR_TRANSPORT -13

/**
 * The runtime broke the protocol, or required events are missing.
 */
#define CODEX_ERROR_PROTOCOL -14

/**
 * The runtime asks for a login; behind a socket, for another token.
 */
#define CODEX_ERROR_AUTH -15

/**
 * A call was not answered in time. The runtime may still act on it.
 */
#define CODEX_ERROR_TIMED_OUT -16

/**
 * The runtime answered with an error: see its reason, its JSON-RPC code and its data.
 */
#define CODEX_ERROR_RPC -20

/**
 * The runtime was still overloaded after the retries that the deadline allowed, or does not read what it is told.
 */
#define CODEX_ERROR_OVERLOADED -21

/**
 * The turn failed. Its TurnResult is handed out all the same: items, usage, error.
 */
#define CODEX_ERROR_TURN_FAILED -30

/**
 * The turn was interrupted. Its TurnResult is handed out all the same.
 */
#define CODEX_ERROR_TURN_INTERRUPTED -31

/**
 * A deadline of the turn passed and it was interrupted. Its TurnResult is handed out all the same.
 */
#define CODEX_ERROR_TURN_TIMED_OUT -32

/**
 * A budget of the turn ran out and it was interrupted. Its TurnResult is handed out all the same.
 */
#define CODEX_ERROR_LIMIT -33

/**
 * The client was closed.
 */
#define CODEX_ERROR_CLOSED -40

/**
 * The call would wait for ever: it cannot be made from this callback, or behind events that nobody reads.
 */
#define CODEX_ERROR_WOULD_DEADLOCK -41

/**
 * The handle belongs to the parent process; after fork() a child makes clients of its own.
 */
#define CODEX_ERROR_FORKED -42

/**
 * The request was answered before, or needs no answer any more.
 */
#define CODEX_ERROR_ALREADY_ANSWERED -43

/**
 * A defect of the library: a panic was caught at the boundary.
 */
#define CODEX_ERROR_INTERNAL -99

/**
 * null, and what is absent.
 */
#define CODEX_VALUE_NULL 0

/**
 * true or false.
 */
#define CODEX_VALUE_BOOL 1

/**
 * A whole number of 64 bits.
 */
#define CODEX_VALUE_INT 2

/**
 * Any other number.
 */
#define CODEX_VALUE_DOUBLE 3

/**
 * A string.
 */
#define CODEX_VALUE_STRING 4

/**
 * An array.
 */
#define CODEX_VALUE_ARRAY 5

/**
 * An object.
 */
#define CODEX_VALUE_OBJECT 6

/**
 * Anything that has no kind of its own; its method and JSON say what it is.
 */
#define CODEX_EVENT_OTHER 0

/**
 * A turn began.
 */
#define CODEX_EVENT_TURN_STARTED 1

/**
 * The runtime says that a turn is over. CODEX_EVENT_TURN_ENDED follows, and is the one to rely on.
 */
#define CODEX_EVENT_TURN_COMPLETED 2

/**
 * An item of a turn began: a message, a command, a file change, a tool call.
 */
#define CODEX_EVENT_ITEM_STARTED 3

/**
 * An item of a turn is complete; the text is that of a message.
 */
#define CODEX_EVENT_ITEM_COMPLETED 4

/**
 * More text of a message of the agent.
 */
#define CODEX_EVENT_MESSAGE_DELTA 5

/**
 * More text of the agent's reasoning.
 */
#define CODEX_EVENT_REASONING_DELTA 6

/**
 * More output of a command or a file change.
 */
#define CODEX_EVENT_OUTPUT_DELTA 7

/**
 * The plan of the turn changed.
 */
#define CODEX_EVENT_PLAN_UPDATED 8

/**
 * The diff of the turn changed.
 */
#define CODEX_EVENT_DIFF_UPDATED 9

/**
 * Tokens were used.
 */
#define CODEX_EVENT_USAGE 10

/**
 * The runtime asks something and waits for the answer: see codex_event_take_request.
 */
#define CODEX_EVENT_REQUEST 11

/**
 * A request needs no answer any more. Comes once for every request, also where the runtime sends none.
 */
#define CODEX_EVENT_REQUEST_RESOLVED 12

/**
 * The answer to a call that was begun.
 */
#define CODEX_EVENT_RESPONSE 13

/**
 * An error of the runtime; it may try again by itself.
 */
#define CODEX_EVENT_ERROR 14

/**
 * A warning of the runtime.
 */
#define CODEX_EVENT_WARNING 15

/**
 * The connection is over; the last event of the client queue.
 */
#define CODEX_EVENT_CLOSED 16

/**
 * The connection is ready.
 */
#define CODEX_EVENT_CONNECTED 17

/**
 * The turn has ended. Exactly one, the last event of every turn handle, however the turn ended; codex_event_status says
 * how.
 */
#define CODEX_EVENT_TURN_ENDED 18

/**
 * A thread that was begun is ready, or could not be made.
 */
#define CODEX_EVENT_THREAD_READY 19

/**
 * Anything that has no kind of its own; its method and JSON say what it is.
 */
#define CODEX_REQUEST_OTHER 0

/**
 * May this command run?
 */
#define CODEX_REQUEST_COMMAND 1

/**
 * May these files be changed?
 */
#define CODEX_REQUEST_FILE_CHANGE 2

/**
 * May these permissions be granted?
 */
#define CODEX_REQUEST_PERMISSIONS 3

/**
 * May this tool of an MCP server be called?
 */
#define CODEX_REQUEST_MCP_TOOL 4

/**
 * Questions to the user.
 */
#define CODEX_REQUEST_QUESTION 5

/**
 * A form of an MCP server.
 */
#define CODEX_REQUEST_ELICITATION 6

/**
 * A tool of the program is called.
 */
#define CODEX_REQUEST_TOOL_CALL 7

/**
 * A fresh access token is needed.
 */
#define CODEX_REQUEST_AUTH_REFRESH 8

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * ## Version
 *
 * The version of the library as text, like "0.1.0".
 *
 * @return a static string, never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_version(void);

/**
 * The version of the library as one number, to be compared with `CODEX_VERSION_NUMBER`: major << 16 | minor << 8 | patch.
 *
 * @note any thread; since 0.1.0
 */
uint32_t codex_version_number(void);

/**
 * The version of the library's binary interface, to be compared with `CODEX_ABI_VERSION`. `codex_check_abi()` compares both.
 *
 * @note any thread; since 0.1.0
 */
uint32_t codex_abi_version(void);

/**
 * Whether this build of the library has a feature.
 *
 * @param name  the feature: "stdio", "unix", "websocket", "replay", "wakeup-fd", "single-queue", and "tls" if the library was built with
 *              it; may be NULL
 * @return false also for an unknown name and for NULL, so that a program can ask for features of later versions
 * @note any thread; since 0.1.0
 */
bool codex_has_feature(const char *name);

/**
 * ## Status
 *
 * The name of a status, like "CODEX_ERROR_TRANSPORT".
 *
 * @param status  any status; one that this version does not know is called "CODEX_UNKNOWN"
 * @return a static string, never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_status_name(codex_status status);

/**
 * ## Errors
 *
 * Functions that can fail return a codex_status and take, as their last parameter, a `codex_error **err`. It may be NULL. It
 * is set to NULL when the call begins, and receives an error that the caller owns when the status is negative.
 *
 * The status of an error: what the call that made it returned.
 *
 * @param error  may be NULL: CODEX_OK
 * @return a negative status
 * @note any thread; never waits; since 0.1.0
 */
codex_status codex_error_status(const struct codex_error *error);

/**
 * One readable sentence: what happened, with which value, what to do.
 *
 * @param error  may be NULL: ""
 * @return borrowed from the error; UTF-8; never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_error_message(const struct codex_error *error);

/**
 * One stable word for the cause, where the status alone does not tell it: "threadNotFound", "noActiveTurn", "connectionLost",
 * "replayMismatch" and so on. The guide docs/guides/errors-and-deadlines.md lists them all; what the runtime reports of a turn,
 * like "usageLimitExceeded", comes as it is. Later versions may have more.
 *
 * @param error  may be NULL: ""
 * @return borrowed from the error; "" when there is none; never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_error_reason(const struct codex_error *error);

/**
 * The JSON-RPC code that the runtime answered with. It uses -32600 for nearly everything: see codex_error_reason.
 *
 * @param error  may be NULL: 0
 * @return 0 when the runtime did not answer with an error
 * @note any thread; since 0.1.0
 */
int64_t codex_error_rpc_code(const struct codex_error *error);

/**
 * Whether the same call may succeed when it is made again later: a runtime that is overloaded, a connection of the runtime
 * that broke, or a refusal whose data says `"retryable":true`. Where the runtime itself has tried in vain as often as it may,
 * the answer is false. A turn that failed this way has still happened.
 *
 * @param error  may be NULL: false
 * @note any thread; since 0.1.0
 */
bool codex_error_is_retryable(const struct codex_error *error);

/**
 * Everything that is known, as a JSON object: status, message, reason, rpcCode, retryable, data, codexErrorInfo, exitStatus,
 * stderrTail. The data and the codexErrorInfo are the runtime's own. What is unknown is null, a reason "" and an rpcCode 0.
 * API keys and tokens that the runtime repeats are not in it, nor in the message: `[removed]` stands in their place.
 *
 * @param error  may be NULL: ""
 * @return borrowed from the error; never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_error_json(const struct codex_error *error);

/**
 * Frees an error, with all that was borrowed from it.
 *
 * @param error  owned; may be NULL
 * @note any thread; since 0.1.0
 */
void codex_error_free(struct codex_error *error);

/**
 * Frees a string that a function handed out as owned. Never use free() of the C library for that.
 *
 * @param string  owned; may be NULL
 * @note any thread; since 0.1.0
 */
void codex_string_free(char *string);

/**
 * ## Reading JSON
 *
 * So that a program needs no JSON library. Values are views: looking is cheap, nothing is copied, and every pointer lives as
 * long as what its root was asked of. All these functions accept NULL, as an absent value, and may be called from any thread.
 *
 * Parses a text. A whole number beyond 64 bits becomes a double; nesting is limited to 512 levels.
 *
 * @param json  a JSON text
 * @param out   receives the value: owned, see codex_value_free
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON with line and column
 * @note any thread; never waits; since 0.1.0
 */
codex_status codex_value_parse(const char *json,
                               struct codex_value **out,
                               struct codex_error **err);

/**
 * Frees a value that codex_value_parse made, with all that was borrowed from it. A borrowed value is left alone.
 *
 * @param value  owned; may be NULL
 * @note any thread; since 0.1.0
 */
void codex_value_free(struct codex_value *value);

/**
 * What a value is: one of CODEX_VALUE_*. NULL is CODEX_VALUE_NULL.
 *
 * @param value  may be NULL: CODEX_VALUE_NULL
 * @note any thread; since 0.1.0
 */
codex_value_type codex_value_get_type(const struct codex_value *value);

/**
 * Looks up a place in a value.
 *
 * @param value    may be NULL: NULL
 * @param pointer  a JSON Pointer (RFC 6901): "/items/0/text"; "" is the value itself. `/` in a key is written ~1, `~` is ~0
 * @return borrowed; NULL when there is nothing at that place
 * @note any thread; since 0.1.0
 */
const struct codex_value *codex_value_at(const struct codex_value *value,
                                         const char *pointer);

/**
 * The text of a string, unescaped.
 *
 * @param value  may be NULL: NULL
 * @param len    receives its length in bytes, which counts a NUL inside the text too; may be NULL
 * @return borrowed; NULL when the value is no string
 * @note any thread; since 0.1.0
 */
const char *codex_value_string(const struct codex_value *value, size_t *len);

/**
 * A whole number; a double that is whole and fits counts too.
 *
 * @param value     may be NULL: `fallback`
 * @param fallback  what to return when the value is none
 * @return the number, or the fallback
 * @note any thread; since 0.1.0
 */
int64_t codex_value_int(const struct codex_value *value, int64_t fallback);

/**
 * Any number.
 *
 * @param value     may be NULL: `fallback`
 * @param fallback  what to return when the value is none
 * @return the number, or the fallback
 * @note any thread; since 0.1.0
 */
double codex_value_double(const struct codex_value *value, double fallback);

/**
 * True or false.
 *
 * @param value     may be NULL: `fallback`
 * @param fallback  what to return when the value is neither
 * @return what it is, or the fallback
 * @note any thread; since 0.1.0
 */
bool codex_value_bool(const struct codex_value *value, bool fallback);

/**
 * How many elements an array has, or members an object; 0 for everything else.
 *
 * @param value  may be NULL: 0
 * @note any thread; since 0.1.0
 */
size_t codex_value_count(const struct codex_value *value);

/**
 * An element of an array, or the value of an object's member, in the order of the text.
 *
 * @param value  may be NULL: NULL
 * @param index  from 0
 * @return borrowed; NULL when there is none
 * @note any thread; since 0.1.0
 */
const struct codex_value *codex_value_item(const struct codex_value *value, size_t index);

/**
 * A value as text, exactly as it was written.
 *
 * @param value  may be NULL: NULL
 * @return owned, see codex_string_free; NULL for NULL
 * @note any thread; since 0.1.0
 */
char *codex_value_json(const struct codex_value *value);

/**
 * The key of an object's member, unescaped.
 *
 * @param value  may be NULL: NULL
 * @param index  from 0
 * @return borrowed; NULL when there is none
 * @note any thread; since 0.1.0
 */
const char *codex_value_key(const struct codex_value *value, size_t index);

/**
 * ## Writing JSON
 *
 * The params of every call are JSON text; this builds it safely from C. A key that begins with `/` is a JSON Pointer and creates
 * the objects on its way: "/limits/timeoutMs". Setting a field again replaces it. A setter that fails changes nothing, and the
 * call that is given the JSON returns the first failure: the statuses of setters need not be checked one by one.
 *
 * Params without fields.
 *
 * @return owned, see codex_params_free; never NULL
 * @note any thread; since 0.1.0
 */
struct codex_params *codex_params_new(void);

/**
 * Frees params, with the JSON that was borrowed from it.
 *
 * @param params  owned; may be NULL
 * @note any thread; since 0.1.0
 */
void codex_params_free(struct codex_params *params);

/**
 * Sets a field to a string.
 *
 * @param params  required
 * @param key     the name of a field, or a JSON Pointer
 * @param value   required
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_params_set_string(struct codex_params *params, const char *key, const char *value);

/**
 * Sets a field to a whole number.
 *
 * @param params  required
 * @param key     the name of a field, or a JSON Pointer
 * @param value   the number
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_params_set_int(struct codex_params *params, const char *key, int64_t value);

/**
 * Sets a field to a number.
 *
 * @param params  required
 * @param key     the name of a field, or a JSON Pointer
 * @param value   finite
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_params_set_double(struct codex_params *params, const char *key, double value);

/**
 * Sets a field to true or false.
 *
 * @param params  required
 * @param key     the name of a field, or a JSON Pointer
 * @param value   true or false
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_params_set_bool(struct codex_params *params, const char *key, bool value);

/**
 * Sets a field to any JSON value, whose numbers and strings stay as they are written.
 *
 * @param params  required
 * @param key     the name of a field, or a JSON Pointer
 * @param json    a JSON text
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_params_set_json(struct codex_params *params, const char *key, const char *json);

/**
 * Adds a text to the input of a turn. Input items are sent in the order in which they are added, behind the text of the call.
 *
 * @param params  required
 * @param text    required
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_params_add_text(struct codex_params *params,
                                   const char *text);

/**
 * Adds an image by its URL. The runtime takes data URLs only, and refuses http and https.
 *
 * @param params  required
 * @param url     a data URL; required
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_params_add_image_url(struct codex_params *params, const char *url);

/**
 * Adds an image from a file, which the runtime reads.
 *
 * @param params  required
 * @param path    a path; a relative one starts from the directory of the runtime's process
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_params_add_image_file(struct codex_params *params, const char *path);

/**
 * Adds an image from memory. No file is made.
 *
 * @param params     required
 * @param bytes      the contents of an image file; copied
 * @param len        how many bytes, at least 1
 * @param mime_type  like "image/png"
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_params_add_image_bytes(struct codex_params *params,
                                          const uint8_t *bytes,
                                          size_t len,
                                          const char *mime_type);

/**
 * Adds a skill that the agent is to use.
 *
 * @param params  required
 * @param name    its name; required
 * @param path    the file of the skill; the runtime ignores one that it does not know
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_params_add_skill(struct codex_params *params, const char *name, const char *path);

/**
 * Adds a mention of an app or a plugin.
 *
 * @param params  required
 * @param name    what the person calls it; required
 * @param path    what is meant: "app://" and the id of an app, or "plugin://", the name of a plugin, "@" and its marketplace;
 *                required
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_params_add_mention(struct codex_params *params,
                                      const char *name,
                                      const char *path);

/**
 * Begins the turn with a message of a tool or a system instead of a person's input: the protocol's `toolOutput`. Such params hold
 * no input.
 *
 * @param params          required
 * @param tool_name       where the message comes from, its `name`; not blank
 * @param tool_namespace  its `namespace`; may be NULL
 * @param content         what it says, its `output`; required
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_params_set_external_message(struct codex_params *params,
                                               const char *tool_name,
                                               const char *tool_namespace,
                                               const char *content);

/**
 * The params as JSON, for the call that they are made for.
 *
 * @param params  required
 * @return borrowed until the next call with these params; "" for NULL. When a setter failed it is no JSON: the call that it is
 *         passed to fails with the error of that setter
 * @note one thread at a time; since 0.1.0
 */
const char *codex_params_json(struct codex_params *params);

/**
 * ## Client options
 *
 * Options are copied when a client connects, and may be reused or freed at once. A setter that fails changes nothing, and
 * connecting with the options returns the first failure: the statuses of setters need not be checked one by one. The
 * user_data of a callback is shared by the options and all clients made from them; its destroy function runs once, when the
 * last of them lets go.
 *
 * Options with their defaults: start the `codex` that is found, and decline whatever nobody answers.
 *
 * @return owned, see codex_client_options_free; never NULL
 * @note any thread; since 0.1.0
 */
struct codex_client_options *codex_client_options_new(void);

/**
 * Frees options. Clients that were made from them are not affected.
 *
 * @param options  owned; may be NULL
 * @note any thread; since 0.1.0
 */
void codex_client_options_free(struct codex_client_options *options);

/**
 * Says where the runtime is. Default: "stdio:".
 *
 * - `stdio:` starts it as a child process.
 * - `unix:/path` goes to one that listens on a socket of the file system: `codex app-server --listen unix:///path`.
 * - `ws://host:port` goes to one that listens on a port. Without encryption only on this machine, unless
 *   codex_client_options_set_allow_insecure allows more.
 * - `wss://host` is the same with encryption, on port 443 unless another is named, if the library was built with it:
 *   codex_has_feature("tls"). It trusts whom the system trusts, or the file that the variable SSL_CERT_FILE names.
 * - `replay:file.jsonl` plays back what codex_client_options_set_record recorded, with no runtime. A call that was not
 *   recorded, or another decision on a request, ends the connection with CODEX_ERROR_PROTOCOL, reason "replayMismatch".
 *   The guide docs/guides/replay.md says what must match.
 *
 * A runtime behind a socket was started by somebody else: connecting fails with CODEX_ERROR_INVALID_ARGUMENT when options say
 * how to start one (its executable, command, home, directory, environment, configuration). Closing the client does not end it,
 * nor the turns that run there. A client never connects again by itself: connect a new one, then resume the thread.
 *
 * @param options  required
 * @param url      one of these
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_endpoint(struct codex_client_options *options,
                                               const char *url);

/**
 * Gives the token that a runtime behind a socket wants to see: `codex app-server --ws-auth`. It goes out in the header
 * `Authorization: Bearer` and is shown nowhere: not in logs, traces, recordings nor errors.
 *
 * @param options  required
 * @param token    one word of visible ASCII characters
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_bearer_token(struct codex_client_options *options,
                                                   const char *token);

/**
 * Whether `ws://`, which encrypts nothing, may lead to another machine than this one. Default: false. Whoever is on the way
 * then reads the token and everything that is said, and can answer in the place of the runtime.
 *
 * @param options  required
 * @param allow    true: it may
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_allow_insecure(struct codex_client_options *options,
                                                     bool allow);

/**
 * Names the executable of the runtime. Without it, and without a command, the variable CODEX_PATH names it; else it is the one
 * that is shipped beside the library (codex/bin/codex, or ../libexec/codex/bin/codex, from its directory), and else the `codex`
 * on the PATH. A script by which npm starts the executable is followed to it.
 *
 * @param options  required
 * @param path     a path; nothing is searched for
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_codex_path(struct codex_client_options *options,
                                                 const char *path);

/**
 * Gives the whole command line of the runtime instead: a wrapper, a container, another build. The configuration overrides
 * of codex_client_options_add_config are not added to it. It must speak the app-server protocol over its standard streams.
 *
 * @param options  required
 * @param argv     the program, searched for on the PATH unless it holds a slash, and its arguments
 * @param argc     how many, at least 1
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_command(struct codex_client_options *options,
                                              const char *const *argv,
                                              size_t argc);

/**
 * Sets the runtime's home directory: its configuration, login and sessions. It must exist. Without this the runtime decides:
 * CODEX_HOME of its environment, else ~/.codex.
 *
 * @param options  required
 * @param path     a directory
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_codex_home(struct codex_client_options *options,
                                                 const char *path);

/**
 * Sets the directory that the runtime starts in, which is the default directory of new threads. Without this it is the one of
 * this process.
 *
 * @param options  required
 * @param path     a directory
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_cwd(struct codex_client_options *options,
                                          const char *path);

/**
 * Sets or unsets a variable of the runtime's environment. The environment of this process is never changed.
 *
 * @param options  required
 * @param name     a name without `=`
 * @param value    its value; NULL unsets the variable
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_env(struct codex_client_options *options,
                                          const char *name,
                                          const char *value);

/**
 * Whether the runtime gets the environment of this process, which is read when the client connects. Default: true.
 *
 * @param options  required
 * @param inherit  false: it gets the variables of codex_client_options_set_env and CODEX_HOME only
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_inherit_env(struct codex_client_options *options,
                                                  bool inherit);

/**
 * Overrides one value of the runtime's configuration. May be called any number of times.
 *
 * @param options        required
 * @param toml_override  `key=value`, the value in TOML: `model_reasoning_effort="high"`
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_add_config(struct codex_client_options *options, const char *toml_override);

/**
 * Says who the program is. Default: "libcodex" with its version.
 *
 * @param options  required
 * @param name     a short word without blanks; it becomes the originator of requests to the model's provider
 * @param title    a name for people; may be NULL
 * @param version  the version of the program
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_client_info(struct codex_client_options *options,
                                                  const char *name,
                                                  const char *title,
                                                  const char *version);

/**
 * Whether the experimental part of the protocol may be used. Default: true.
 *
 * @param options  required
 * @param enabled  false: the runtime refuses what is experimental
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_experimental_api(struct codex_client_options *options, bool enabled);

/**
 * Asks the runtime not to send a notification. May be called any number of times. Refused are those by which the library learns
 * of ends and makes results: `turn/started`, `turn/completed`, `item/started`, `item/completed`, `thread/tokenUsage/updated`,
 * `thread/goal/updated`, `thread/goal/cleared`, `serverRequest/resolved`, `account/login/completed` and `error`. Without
 * `item/agentMessage/delta` a TurnResult has no partialResponse. What does not come is no event for the limits of a turn.
 *
 * @param options  required
 * @param method   the exact method, like "item/agentMessage/delta"
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_add_notification_opt_out(struct codex_client_options *options,
                                                           const char *method);

/**
 * How long connecting may take. Default: 60,000.
 *
 * @param options     required
 * @param timeout_ms  milliseconds from 1, CODEX_WAIT_FOREVER, or CODEX_WAIT_DEFAULT for the default; 0 is refused
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_connect_timeout_ms(struct codex_client_options *options,
                                                         int64_t timeout_ms);

/**
 * How long the runtime may take to answer a call that has no time of its own. Default: 60,000. The runtime may need 6 seconds
 * to start a thread while it is offline.
 *
 * @param options     required
 * @param timeout_ms  milliseconds from 1, CODEX_WAIT_FOREVER, or CODEX_WAIT_DEFAULT
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_request_timeout_ms(struct codex_client_options *options,
                                                         int64_t timeout_ms);

/**
 * How long the program may take to answer a request of the runtime that it has received; then it is declined. Default: for
 * ever. A request that nobody receives is declined after 60 seconds in any case.
 *
 * @param options     required
 * @param timeout_ms  milliseconds from 1, CODEX_WAIT_FOREVER, or CODEX_WAIT_DEFAULT for the default; 0 is refused
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_answer_timeout_ms(struct codex_client_options *options,
                                                        int64_t timeout_ms);

/**
 * The longest message that is taken from the runtime. A longer one is skipped and reported, and fails the call that it
 * answers. Default: 256 MiB.
 *
 * @param options  required
 * @param bytes    1 to 2 GiB
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_max_message_bytes(struct codex_client_options *options,
                                                        size_t bytes);

/**
 * How much all queues of a client may hold together. At the ceiling the runtime is held back until events are read; a call
 * that waits for its answer reads on for a while, and then fails with CODEX_ERROR_WOULD_DEADLOCK. Default: 64 MiB.
 *
 * As much again, and 8 MiB at least, may wait to be written: what is beyond that fails with CODEX_ERROR_OVERLOADED until the
 * runtime reads; answers and interrupts always pass. As much again may the requests occupy that wait for their answers, of
 * which there are 1,024 at most: the runtime is refused what is beyond.
 *
 * @param options  required
 * @param bytes    at least 1
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_max_queued_bytes(struct codex_client_options *options,
                                                       size_t bytes);

/**
 * Whether the events of all turns are read from the client queue, in the order in which they come, instead of from a queue of
 * each turn handle. Default: false. Then codex_turn_next_event returns CODEX_ERROR_INVALID_ARGUMENT.
 *
 * @param options  required
 * @param enabled  true: from the client queue
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_single_queue(struct codex_client_options *options,
                                                   bool enabled);

/**
 * Sets the limits of turns that have none of their own: those that neither the params of their thread nor their own set.
 *
 * @param options      required
 * @param limits_json  an object like `limits` of a turn's params: timeoutMs, idleTimeoutMs, silenceMs, maxTokens, maxToolCalls;
 *                     0 switches one off, and what is absent keeps its default
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_limits(struct codex_client_options *options,
                                             const char *limits_json);

/**
 * Whether codex_turn_interrupt, and a callback that returns CODEX_INTERRUPT, also end the commands that the turn began and
 * that still run. Default: false: they run on, for they may be servers or watchers that the developer wants to keep. A turn that
 * crosses a limit always ends its commands. The result waits up to two seconds for the items of commands that are ended. Needs
 * the experimental API.
 *
 * @param options  required
 * @param enabled  true: they end with the turn
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_interrupt_ends_commands(struct codex_client_options *options,
                                                              bool enabled);

/**
 * Hands log messages to a function. The library itself never writes to standard output or standard error.
 *
 * @param options    required
 * @param level      one of CODEX_LOG_*: messages of this level and of the graver ones are wanted; CODEX_LOG_OFF for none
 * @param fn         may be NULL: none
 * @param user_data  passed to every call
 * @param destroy    see codex_destroy_fn
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_log(struct codex_client_options *options,
                                          int32_t level,
                                          codex_log_fn fn,
                                          void *user_data,
                                          codex_destroy_fn destroy);

/**
 * Hands every message to and from the runtime to a function. Secrets are taken out of it.
 *
 * @param options    required
 * @param fn         may be NULL: none
 * @param user_data  passed to every call
 * @param destroy    see codex_destroy_fn
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_trace(struct codex_client_options *options,
                                            codex_trace_fn fn,
                                            void *user_data,
                                            codex_destroy_fn destroy);

/**
 * Writes everything that is said on the connection, in both directions, to a file, which the endpoint `replay:` plays back. A
 * file that is there is replaced. Only its owner may read it, and API keys, tokens, the codes of a login and answers to questions
 * that say `isSecret` are not in it; everything else is: prompts, code, the output of commands.
 *
 * Without this, the variable CODEX_RECORD names the file; CODEX_REPLAY names one that is played back where a runtime would be
 * started. In both, `%n` is the number of the client in this process, from 1 on: two clients cannot be recorded in one file.
 *
 * Lines are written before the program sees what they hold, so that a crash loses none. If the file cannot be made, connecting
 * fails. If it cannot be written later, the recording ends there and the connection goes on: a log message and a
 * CODEX_EVENT_WARNING in the client queue tell so.
 *
 * @param options  required
 * @param path     a file, one for each client; NULL: none
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_record(struct codex_client_options *options,
                                             const char *path);

/**
 * Hands the requests of the runtime to a function, before any reader of events is asked. It runs on the callback threads
 * of the client and may keep the request and return: it is answered from any thread, at any time. Inside it, calls that wait
 * for a turn or an event return CODEX_ERROR_WOULD_DEADLOCK.
 *
 * @param options    required
 * @param fn         may be NULL: none
 * @param user_data  passed to every call
 * @param destroy    see codex_destroy_fn
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_request_handler(struct codex_client_options *options,
                                                      codex_request_fn fn,
                                                      void *user_data,
                                                      codex_destroy_fn destroy);

/**
 * On how many threads of a client its request handler and the functions of its tools run: each thread runs one at a time.
 * Default: 1, so that no two of them ever run at once. A function that keeps its request and returns needs no thread of its own.
 *
 * @param options  required
 * @param count    1 to 256
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note one thread at a time; never waits; since 0.1.0
 */
codex_status codex_client_options_set_callback_threads(struct codex_client_options *options,
                                                       uint32_t count);

/**
 * ## Client
 *
 * A client is one connection to a runtime, `codex app-server`: one that the library starts, or one that listens on a socket.
 * Calls may be made from any number of threads at once, and any number of turns may run. A runtime that the library starts is
 * a child process in a process group of its own, which inherits no open file of this process; it and the commands that it runs
 * end with the client.
 *
 * Starts the runtime, or goes to the one that codex_client_options_set_endpoint names, and waits until it is ready.
 *
 * @param options  may be NULL: the defaults
 * @param out      receives the client: owned, see codex_client_free
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT and CODEX_ERROR_INVALID_JSON for options that cannot be used,
 *         CODEX_ERROR_RUNTIME_NOT_FOUND, CODEX_ERROR_RUNTIME_START, CODEX_ERROR_TIMED_OUT, CODEX_ERROR_RPC,
 *         CODEX_ERROR_PROTOCOL; with a socket CODEX_ERROR_TRANSPORT and CODEX_ERROR_AUTH
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_client_connect(const struct codex_client_options *options,
                                  struct codex_client **out,
                                  struct codex_error **err);

/**
 * Starts the runtime, or goes to the one that codex_client_options_set_endpoint names, and returns at once. Calls that are
 * made before it is ready wait inside; CODEX_EVENT_CONNECTED in the client queue tells that it is, CODEX_EVENT_CLOSED that it
 * will not be.
 *
 * @param options  may be NULL: the defaults
 * @param out      receives the client: owned, see codex_client_free
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT and CODEX_ERROR_INVALID_JSON for options that cannot be used,
 *         CODEX_ERROR_RUNTIME_NOT_FOUND, CODEX_ERROR_RUNTIME_START; the rest comes as the error of CODEX_EVENT_CLOSED
 * @note any thread; never waits; since 0.1.0
 */
codex_status codex_client_begin(const struct codex_client_options *options,
                                struct codex_client **out,
                                struct codex_error **err);

/**
 * Closes a client and waits until the runtime is gone. Running turns end with CODEX_ERROR_CLOSED and their TurnResult, callers
 * that wait return that too, requests are declined, and handlers that run are waited for, for as long as the runtime may take.
 * Events that are queued stay readable; then comes CODEX_EVENT_CLOSED, then CODEX_END. A runtime that was not started by this
 * client lives on.
 *
 * @param client      required
 * @param timeout_ms  how long the runtime may take to end by itself before it is killed; 0 kills it at once;
 *                    CODEX_WAIT_DEFAULT is 5,000. Of several calls, the one that has it killed first counts
 * @return CODEX_OK, also when it was closed before; CODEX_ERROR_WOULD_DEADLOCK from a request handler
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_client_close(struct codex_client *client,
                                int64_t timeout_ms,
                                struct codex_error **err);

/**
 * Frees a client. The connection ends with the last handle of the client, its threads, its turns and its logins; a turn that
 * runs does not keep it. Ending goes on behind this call. A connection that is lost is never opened
 * again: make a new client and resume.
 *
 * @param client  owned; may be NULL
 * @note any thread; since 0.1.0
 */
void codex_client_free(struct codex_client *client);

/**
 * Who the runtime is, as a JSON object: name, version, userAgent, codexHome, platformFamily, platformOs, endpoint, pid,
 * executable. The name is that of its user agent, which begins with the name of codex_client_options_set_client_info. The
 * endpoint is what codex_client_options_set_endpoint names, without a query; pid and executable are null for a runtime that
 * this client did not start.
 *
 * @param client  may be NULL: ""
 * @return borrowed from the client; "" until the runtime is ready, then one string that never changes; never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_client_info_json(const struct codex_client *client);

/**
 * Figures about the connection, as a JSON object of whole numbers. Totals: receivedMessages, receivedBytes, malformedLines,
 * oversizedMessages, sentMessages, sentBytes, turnsBegun, tokensUsed (by turns of this client), requestsReceived, callsRetried,
 * eventsQueued, eventsDropped, deltasMerged, logMessagesDropped. Now: turnsOpen, requestsOpen, callsOutstanding,
 * queuedBytes. At most: peakQueuedBytes (all queues together), peakTurnQueueBytes, peakClientQueueBytes.
 *
 * @param client  may be NULL: NULL
 * @return owned, see codex_string_free; NULL for NULL
 * @note any thread; since 0.1.0
 */
char *codex_client_stats_json(struct codex_client *client);

/**
 * Calls any method of the runtime and waits for its result. A call that the runtime refuses because it is overloaded is made
 * again until the time is up; a call that is not answered never is.
 *
 * @param client           required
 * @param method           like "model/list"
 * @param params_json      a JSON object; NULL is the empty one
 * @param timeout_ms       milliseconds from 1, CODEX_WAIT_FOREVER, or CODEX_WAIT_DEFAULT; 0 is refused
 * @param out_result_json  receives the result, byte for byte: owned, see codex_string_free; may be NULL
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON, CODEX_ERROR_RUNTIME_UNSUPPORTED for params that the
 *         runtime does not know or has retired, CODEX_ERROR_RPC, CODEX_ERROR_AUTH, CODEX_ERROR_OVERLOADED,
 *         CODEX_ERROR_TIMED_OUT, CODEX_ERROR_PROTOCOL with the reason "messageTooLong" for an answer longer than
 *         max_message_bytes and "replayMismatch" for a call that was not recorded, CODEX_ERROR_TRANSPORT, CODEX_ERROR_CLOSED;
 *         CODEX_ERROR_WOULD_DEADLOCK with the reason "queueFull"
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_client_call(struct codex_client *client,
                               const char *method,
                               const char *params_json,
                               int64_t timeout_ms,
                               char **out_result_json,
                               struct codex_error **err);

/**
 * Calls any method of the runtime without waiting. The answer is a CODEX_EVENT_RESPONSE in the client queue, whose JSON is the
 * result or the error, and whose codex_event_status says which.
 *
 * @param client       required
 * @param method       like "model/list"
 * @param params_json  a JSON object; NULL is the empty one
 * @param timeout_ms   milliseconds from 1, CODEX_WAIT_FOREVER, or CODEX_WAIT_DEFAULT; 0 is refused
 * @param user_data    what codex_event_user_data of the answer gives
 * @param out_call_id  receives what codex_event_call_id of the answer gives; may be NULL
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON, CODEX_ERROR_RUNTIME_UNSUPPORTED for params that the
 *         runtime does not know or has retired, CODEX_ERROR_PROTOCOL, CODEX_ERROR_TRANSPORT, CODEX_ERROR_CLOSED; the rest, as of
 *         codex_client_call, comes as the error of the CODEX_EVENT_RESPONSE
 * @note any thread; never waits; since 0.1.0
 */
codex_status codex_client_begin_call(struct codex_client *client,
                                     const char *method,
                                     const char *params_json,
                                     int64_t timeout_ms,
                                     void *user_data,
                                     uint64_t *out_call_id,
                                     struct codex_error **err);

/**
 * Sends a notification to the runtime. It is never answered.
 *
 * @param client       required
 * @param method       its name
 * @param params_json  a JSON object; NULL sends none
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON, CODEX_ERROR_PROTOCOL, CODEX_ERROR_TRANSPORT,
 *         CODEX_ERROR_CLOSED; CODEX_ERROR_OVERLOADED while too much waits to be written
 * @note any thread; never waits; since 0.1.0
 */
codex_status codex_client_notify(struct codex_client *client,
                                 const char *method,
                                 const char *params_json,
                                 struct codex_error **err);

/**
 * Takes the next event that belongs to no turn handle; with codex_client_options_set_single_queue, the next event of all.
 * The client queue keeps nothing until this is first called, or something asks for it: codex_client_set_wakeup,
 * codex_client_wakeup_fd, a client, a thread or a call that was begun, or the single queue. From then on notifications take
 * at most a quarter of max_queued_bytes: beyond that the oldest are dropped and counted, warnings and errors last of all. Answers,
 * requests, and what is told of a turn, a thread or the connection, are never dropped. The last event is CODEX_EVENT_CLOSED, behind every CODEX_EVENT_TURN_ENDED. Several threads may call it; each event goes to
 * one of them.
 *
 * @param client      required
 * @param timeout_ms  milliseconds, CODEX_WAIT_FOREVER, or CODEX_WAIT_DEFAULT; 0 takes what is there
 * @param out         receives the event: owned, see codex_event_free
 * @return CODEX_OK; CODEX_TIMEOUT when there was none in that time and when codex_client_wake was called; CODEX_END after
 *         CODEX_EVENT_CLOSED; CODEX_ERROR_INVALID_ARGUMENT; CODEX_ERROR_WOULD_DEADLOCK from a request handler
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_client_next_event(struct codex_client *client,
                                     int64_t timeout_ms,
                                     struct codex_event **out,
                                     struct codex_error **err);

/**
 * Makes a codex_client_next_event that waits now, or else the next one, return CODEX_TIMEOUT.
 *
 * @param client  may be NULL
 * @note any thread; since 0.1.0
 */
void codex_client_wake(struct codex_client *client);

/**
 * Calls a function each time the client queue goes from empty to not empty, and at once if it is not empty now: once for
 * each time, so that a program which reads until CODEX_TIMEOUT misses nothing. For programs with an event loop.
 *
 * @param client     required
 * @param fn         see codex_wakeup_fn; NULL: none. The former one runs no more when this call returns: if it runs now, its
 *                   end is waited for. So hold no lock that it takes
 * @param user_data  passed to every call
 * @param destroy    see codex_destroy_fn
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_FORKED
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_client_set_wakeup(struct codex_client *client,
                                     codex_wakeup_fn fn,
                                     void *user_data,
                                     codex_destroy_fn destroy);

/**
 * A descriptor for poll, epoll or select: readable while codex_client_next_event with a time of 0 would not return
 * CODEX_TIMEOUT. Watch it, and never read, write or close it.
 *
 * @param client  may be NULL: -1
 * @return the same descriptor at every call, valid until the client is freed; -1 where the system has none to give
 * @note any thread; since 0.1.0
 */
int codex_client_wakeup_fd(struct codex_client *client);

/**
 * ## Tools
 *
 * A tool is a function of the program that the agent can call. Each call is a request of the kind CODEX_REQUEST_TOOL_CALL, with
 * its arguments at /arguments of codex_request_value; the runtime does not hold them against the schema. It is answered with
 * codex_request_respond_text, codex_request_respond_items or codex_request_respond_json, inside the function or later
 * from any thread; the agent may call several at once. A call that is freed without an answer, or not answered within
 * answer_timeout_ms, tells the agent so.
 *
 * Gives the agent a tool. Threads that are started from now on have it, unless the member `tools` of their params, an array of
 * names, leaves it out; so do those threads when they are resumed, as long as the client that resumes them has added a tool of
 * this name. Needs the experimental API, which is on unless the options turn it off.
 *
 * @param client             required
 * @param name               1 to 128 letters, digits, _ and -; no name that the runtime has for a tool of its own
 * @param description        what the agent reads about it: what it does, and when to use it; required
 * @param input_schema_json  a JSON Schema of its arguments, with "type":"object"; NULL: it has none
 * @param fn                 runs on the callback threads of the client; see codex_request_fn. NULL: its calls go to the request
 *                           handler, or else arrive as CODEX_EVENT_REQUEST
 * @param user_data          passed to every call
 * @param destroy            see codex_destroy_fn
 * @return CODEX_OK; CODEX_ERROR_INVALID_ARGUMENT for a name that cannot be used or is taken, and for what is no schema;
 *         CODEX_ERROR_INVALID_JSON; CODEX_ERROR_RUNTIME_START when the system gives no thread for `fn`; CODEX_ERROR_PROTOCOL,
 *         CODEX_ERROR_TRANSPORT, CODEX_ERROR_CLOSED
 * @note any thread; never waits; since 0.1.0
 */
codex_status codex_client_add_tool(struct codex_client *client,
                                   const char *name,
                                   const char *description,
                                   const char *input_schema_json,
                                   codex_request_fn fn,
                                   void *user_data,
                                   codex_destroy_fn destroy,
                                   struct codex_error **err);

/**
 * ## Account and models
 *
 * The runtime keeps one login, in its home directory. When it changes, the client queue is told: "account/login/completed" and
 * "account/updated" are events of the kind CODEX_EVENT_OTHER. So is "account/rateLimits/updated", which comes with every answer
 * of the model; codex_client_call with "account/rateLimits/read" asks for the limits.
 *
 * Logs in with an API key. The runtime stores the key without trying it: whether it is good is found out by the first turn.
 *
 * @param client   required
 * @param api_key  required; never empty
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_RPC, CODEX_ERROR_AUTH, CODEX_ERROR_OVERLOADED,
 *         CODEX_ERROR_TIMED_OUT, CODEX_ERROR_PROTOCOL, CODEX_ERROR_TRANSPORT, CODEX_ERROR_CLOSED
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_client_login_api_key(struct codex_client *client,
                                        const char *api_key,
                                        struct codex_error **err);

/**
 * Asks the runtime who is logged in. The answer has the member "account": null when nobody is, or when the model provider needs
 * no login; else an object whose "type" is "apiKey", "chatgpt" or another.
 *
 * @param client         required
 * @param refresh_token  whether the runtime is to renew its token first
 * @param out_json       receives the answer, byte for byte: owned, see codex_string_free
 * @return as codex_client_login_api_key
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_client_account(struct codex_client *client,
                                  bool refresh_token,
                                  char **out_json,
                                  struct codex_error **err);

/**
 * Logs out, and ends a login that is under way. Harmless when nobody is logged in.
 *
 * @param client  required
 * @return as codex_client_login_api_key
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_client_logout(struct codex_client *client, struct codex_error **err);

/**
 * Asks the runtime for a page of its models. The answer has the members "data", an array of models, and "nextCursor", which is
 * null on the last page and else the member "cursor" of the params that ask for the next one.
 *
 * @param client       required
 * @param params_json  a JSON object with "includeHidden", "limit", "cursor", as the protocol has them; NULL is the empty one
 * @param out_json     receives the answer, byte for byte: owned, see codex_string_free
 * @return as codex_client_call
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_client_models(struct codex_client *client,
                                 const char *params_json,
                                 char **out_json,
                                 struct codex_error **err);

/**
 * Begins a login with ChatGPT in a browser on this machine: open codex_login_url, then call codex_login_wait. The
 * runtime listens on a loopback port for the browser to come back.
 *
 * The runtime has one login under way at a time: beginning another ends this one, which codex_login_wait then tells.
 *
 * @param client  required
 * @param out     receives the login: owned, see codex_login_free
 * @return as codex_client_login_api_key
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_client_login_chatgpt(struct codex_client *client,
                                        struct codex_login **out,
                                        struct codex_error **err);

/**
 * Begins a login with ChatGPT on another device, for a machine without a browser: show codex_login_url and
 * codex_login_user_code to the person, then call codex_login_wait.
 *
 * @param client  required
 * @param out     receives the login: owned, see codex_login_free
 * @return as codex_client_login_chatgpt
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_client_login_device_code(struct codex_client *client,
                                            struct codex_login **out,
                                            struct codex_error **err);

/**
 * The id of the login, which "account/login/completed" in the client queue names.
 *
 * @param login  may be NULL: ""
 * @return borrowed from the login; never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_login_id(const struct codex_login *login);

/**
 * Where the person completes the login: to open in a browser, or to show beside the code.
 *
 * @param login  may be NULL: ""
 * @return borrowed from the login; never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_login_url(const struct codex_login *login);

/**
 * What the person types there.
 *
 * @param login  may be NULL: ""
 * @return borrowed from the login; "" for a login in a browser; never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_login_user_code(const struct codex_login *login);

/**
 * Waits for the end of the login. Any number of times and threads: each is told the same end.
 *
 * @param login       required
 * @param timeout_ms  milliseconds, CODEX_WAIT_FOREVER, or CODEX_WAIT_DEFAULT; 0 only looks. A person may need minutes, more
 *                    than CODEX_WAIT_DEFAULT gives
 * @return CODEX_OK when the person has logged in; CODEX_TIMEOUT, and the login goes on; CODEX_ERROR_AUTH with the reason
 *         "loginCancelled" when it was cancelled or another one took its place, "loginFailed" when it did not succeed;
 *         CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_PROTOCOL, CODEX_ERROR_TRANSPORT, CODEX_ERROR_CLOSED
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_login_wait(struct codex_login *login,
                              int64_t timeout_ms,
                              struct codex_error **err);

/**
 * Gives the login up. Harmless when it has ended.
 *
 * @param login  required
 * @return as codex_client_login_api_key
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_login_cancel(struct codex_login *login, struct codex_error **err);

/**
 * Frees the handle. A login that is under way goes on: cancel it first if it should not.
 *
 * @param login  owned; may be NULL
 * @note any thread; since 0.1.0
 */
void codex_login_free(struct codex_login *login);

/**
 * ## Threads
 *
 * A thread is a conversation with the agent, which the runtime stores. One turn runs on it at a time; any number of threads
 * may be at work at once.
 *
 * The calls that open a thread take, on top of what the protocol has: "approvalMode", which is "ask", "autoReview" or
 * "denyAll"; "sandbox", which is "read-only", "workspace-write" or "danger-full-access"; "includeTurns", a boolean;
 * "limits", an object, for turns that have none of their own; "tools", an array of names of the client's tools, all of them when
 * absent, for threads that are started; and "raw", an object of fields that are handed to the runtime untouched. All other
 * fields are handed to the runtime as they are.
 *
 * The limits of a turn, each a whole number, 0 for none: "timeoutMs", for the whole of it, default none; "idleTimeoutMs", without
 * an event but announcements that the runtime tries again, default 600,000: it stands still while a request waits for its answer
 * or a command or tool call is in progress; "silenceMs", without any event, default 60,000: then the runtime is asked whether
 * the turn still runs; "maxTokens", that its model requests use, and "maxToolCalls", default none. A turn that crosses one is
 * interrupted, and its commands are ended.
 *
 * Starts a new thread.
 *
 * @param client       required
 * @param params_json  a JSON object; NULL is the empty one
 * @param out          receives the thread: owned, see codex_thread_free
 * @return as codex_client_call
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_thread_start(struct codex_client *client,
                                const char *params_json,
                                struct codex_thread **out,
                                struct codex_error **err);

/**
 * Starts a new thread without waiting. CODEX_EVENT_THREAD_READY in the client queue has the outcome; turns may be begun on the
 * thread at once.
 *
 * @param client       required
 * @param params_json  a JSON object; NULL is the empty one
 * @param out          receives the thread: owned, see codex_thread_free
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON, CODEX_ERROR_RUNTIME_UNSUPPORTED for params that the
 *         runtime does not know or has retired, CODEX_ERROR_PROTOCOL, CODEX_ERROR_TRANSPORT, CODEX_ERROR_CLOSED; the rest, as of
 *         codex_thread_start, comes as the error of the CODEX_EVENT_THREAD_READY
 * @note any thread; never waits; since 0.1.0
 */
codex_status codex_thread_begin(struct codex_client *client,
                                const char *params_json,
                                struct codex_thread **out,
                                struct codex_error **err);

/**
 * Goes on with a thread that the runtime has stored.
 *
 * @param client       required
 * @param thread_id    its id, which wins over one in the params
 * @param params_json  a JSON object; NULL is the empty one
 * @param out          receives the thread: owned, see codex_thread_free
 * @return as codex_thread_start; CODEX_ERROR_RPC with the reason "threadNotFound" when there is no such thread
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_thread_resume(struct codex_client *client,
                                 const char *thread_id,
                                 const char *params_json,
                                 struct codex_thread **out,
                                 struct codex_error **err);

/**
 * Goes on with a thread that the runtime has stored, without waiting: as codex_thread_begin.
 *
 * @param client       required
 * @param thread_id    its id, which wins over one in the params
 * @param params_json  a JSON object; NULL is the empty one
 * @param out          receives the thread: owned, see codex_thread_free
 * @return as codex_thread_begin
 * @note any thread; never waits; since 0.1.0
 */
codex_status codex_thread_resume_begin(struct codex_client *client,
                                       const char *thread_id,
                                       const char *params_json,
                                       struct codex_thread **out,
                                       struct codex_error **err);

/**
 * Makes a new thread that begins as a copy of a stored one. The runtime resets its model and effort to the configured ones, unless
 * the params name others.
 *
 * @param client       required
 * @param thread_id    the id of the one to copy, which wins over one in the params
 * @param params_json  a JSON object; NULL is the empty one
 * @param out          receives the thread: owned, see codex_thread_free
 * @return as codex_thread_resume
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_thread_fork(struct codex_client *client,
                               const char *thread_id,
                               const char *params_json,
                               struct codex_thread **out,
                               struct codex_error **err);

/**
 * Makes a copy of a stored thread without waiting: as codex_thread_begin.
 *
 * @param client       required
 * @param thread_id    the id of the one to copy, which wins over one in the params
 * @param params_json  a JSON object; NULL is the empty one
 * @param out          receives the thread: owned, see codex_thread_free
 * @return as codex_thread_begin
 * @note any thread; never waits; since 0.1.0
 */
codex_status codex_thread_fork_begin(struct codex_client *client,
                                     const char *thread_id,
                                     const char *params_json,
                                     struct codex_thread **out,
                                     struct codex_error **err);

/**
 * Waits until a thread that was begun is ready.
 *
 * @param thread      required
 * @param timeout_ms  milliseconds, CODEX_WAIT_FOREVER, or CODEX_WAIT_DEFAULT; 0 only looks
 * @return CODEX_OK; CODEX_TIMEOUT; why it could not be opened, as codex_thread_start returns it
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_thread_wait(struct codex_thread *thread, int64_t timeout_ms, struct codex_error **err);

/**
 * A handle of a thread that the runtime has loaded already, like that of a sub-agent. Nothing is asked of the runtime: whether
 * there is such a thread is found out by the first call that uses it.
 *
 * @param client     required
 * @param thread_id  its id
 * @param out        receives the thread: owned, see codex_thread_free
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_PROTOCOL, CODEX_ERROR_TRANSPORT, CODEX_ERROR_CLOSED
 * @note any thread; never waits; since 0.1.0
 */
codex_status codex_thread_from_id(struct codex_client *client,
                                  const char *thread_id,
                                  struct codex_thread **out,
                                  struct codex_error **err);

/**
 * The id of the thread, to resume it with later.
 *
 * @param thread  may be NULL: ""
 * @return borrowed from the thread; "" until it is known, then one string that never changes; never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_thread_id(const struct codex_thread *thread);

/**
 * Attaches a pointer, which turns that are started from now on inherit, with their events and requests. The library never
 * looks behind it.
 *
 * @param thread     may be NULL
 * @param user_data  instead of the one before; may be NULL
 * @note any thread; since 0.1.0
 */
void codex_thread_set_user_data(struct codex_thread *thread,
                                void *user_data);

/**
 * What the runtime answered when the thread was opened, as a JSON object: the thread, its model, its directory, its policies.
 *
 * @param thread  may be NULL: ""
 * @return borrowed from the thread; "" until it is open, then one string that never changes: "{}" for a thread of
 *         codex_thread_from_id; never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_thread_info_json(const struct codex_thread *thread);

/**
 * Asks the runtime what it knows of the thread. This and the calls below wait for a thread that was begun to be open.
 *
 * @param thread         required
 * @param include_turns  whether the turns and their items are wanted too
 * @param out_json       receives the answer, byte for byte: owned, see codex_string_free
 * @return as codex_thread_set_name
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_thread_read(struct codex_thread *thread,
                               bool include_turns,
                               char **out_json,
                               struct codex_error **err);

/**
 * Gives the thread a name.
 *
 * @param thread  required
 * @param name    required
 * @return as codex_client_login_api_key; why the thread could not be opened, as codex_thread_start returns it
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_thread_set_name(struct codex_thread *thread,
                                   const char *name,
                                   struct codex_error **err);

/**
 * Puts the thread away: it is listed apart, and can only be opened again after codex_thread_unarchive. A turn that runs on
 * it is interrupted.
 *
 * @param thread  required
 * @return as codex_thread_set_name; CODEX_ERROR_RPC with the reason "threadNotFound" for an ephemeral thread
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_thread_archive(struct codex_thread *thread,
                                  struct codex_error **err);

/**
 * Takes a thread back that was archived. It is not opened: see codex_thread_resume.
 *
 * @param client     required
 * @param thread_id  its id
 * @return as codex_thread_set_name; CODEX_ERROR_RPC with the reason "threadNotArchived" or "activeWriter" when it is
 *         not archived
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_thread_unarchive(struct codex_client *client,
                                    const char *thread_id,
                                    struct codex_error **err);

/**
 * Has the runtime forget the thread for good. A turn that runs on it is interrupted.
 *
 * @param thread  required
 * @return as codex_thread_set_name; CODEX_ERROR_RPC with the reason "threadEphemeral" for an ephemeral thread
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_thread_delete(struct codex_thread *thread,
                                 struct codex_error **err);

/**
 * Asks the runtime for a page of the threads that it has stored, the newest first. A thread is stored with its first turn. The
 * answer has the members "data", an array of threads, and "nextCursor", which is null on the last page and else the member
 * "cursor" of the params that ask for the next one.
 *
 * @param client       required
 * @param params_json  a JSON object with "archived", "cwd", "searchTerm", "sortKey", "limit", "cursor" and more, as the protocol
 *                     has them; NULL is the empty one
 * @param out_json     receives the answer, byte for byte: owned, see codex_string_free
 * @return as codex_client_call
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_thread_list(struct codex_client *client,
                               const char *params_json,
                               char **out_json,
                               struct codex_error **err);

/**
 * Lets the runtime unload the thread when it is idle: from now on it tells this client nothing about its turns, and turns cannot
 * be started on it. codex_thread_resume undoes that, also for this handle.
 *
 * @param thread  required
 * @return as codex_thread_set_name; CODEX_ERROR_INVALID_ARGUMENT with the reason "turnRunning" while a turn that has a
 *         handle runs on it
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_thread_unsubscribe(struct codex_thread *thread,
                                      struct codex_error **err);

/**
 * Frees the handle. The thread stays with the runtime, and turns that run go on.
 *
 * @param thread  owned; may be NULL
 * @note any thread; since 0.1.0
 */
void codex_thread_free(struct codex_thread *thread);

/**
 * ## Running turns
 *
 * A turn is the agent's work on one input: `text` comes first, then the items of the member "input" of `params_json`; one of
 * the two must be there. The params take "approvalMode", "sandbox", "limits" and "raw" as those of a thread do; all other
 * fields are handed to the runtime as they are. The sandbox "workspace-write" has the network, the writable roots and the
 * excluded directories that the runtime is configured with, or that the thread was started with; to say them for a turn, pass
 * the protocol's own "sandboxPolicy".
 *
 * On a thread where a turn runs already, a new one joins it: its input is added to the turn that runs, both handles have the same
 * turn id and the same result, and the limits of both hold. To run one after the other, wait for the first, or call the
 * runtime's "thread/queue/add".
 *
 * Runs a turn to its end. What the runtime asks meanwhile, and the request handler does not answer, is declined.
 *
 * @param thread       required
 * @param text         the input; may be NULL
 * @param params_json  a JSON object; NULL is the empty one
 * @param out          receives what the turn did, also when it did not complete: owned, see codex_turn_result_free; NULL when
 *                     the turn never started
 * @return CODEX_OK; with a result CODEX_ERROR_TURN_FAILED, CODEX_ERROR_TURN_INTERRUPTED, CODEX_ERROR_TURN_TIMED_OUT,
 *         CODEX_ERROR_LIMIT, CODEX_ERROR_AUTH; with or without one CODEX_ERROR_TRANSPORT, CODEX_ERROR_CLOSED,
 *         CODEX_ERROR_PROTOCOL; without one CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON, CODEX_ERROR_RPC,
 *         CODEX_ERROR_OVERLOADED, CODEX_ERROR_TIMED_OUT, CODEX_ERROR_RUNTIME_UNSUPPORTED for params that the runtime does not
 *         know or has retired, and CODEX_ERROR_WOULD_DEADLOCK from a request handler
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_thread_run(struct codex_thread *thread,
                              const char *text,
                              const char *params_json,
                              struct codex_turn_result **out,
                              struct codex_error **err);

/**
 * Runs a turn to its end and passes each of its events to a function, on the calling thread. When the function returns
 * CODEX_INTERRUPT it is not called again: the turn is interrupted, and the call returns when it has ended.
 *
 * @param thread       required
 * @param text         the input; may be NULL
 * @param params_json  a JSON object; NULL is the empty one
 * @param on_event     required
 * @param user_data    passed to every call of `on_event`
 * @param out          as of codex_thread_run
 * @return as codex_thread_run; CODEX_ERROR_TURN_INTERRUPTED, with a result, when `on_event` interrupted the turn
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_thread_run_streamed(struct codex_thread *thread,
                                       const char *text,
                                       const char *params_json,
                                       codex_event_fn on_event,
                                       void *user_data,
                                       struct codex_turn_result **out,
                                       struct codex_error **err);

/**
 * Starts a turn and waits until the runtime has accepted it. Its events are kept for codex_turn_next_event.
 *
 * @param thread       required
 * @param text         the input; may be NULL
 * @param params_json  a JSON object; NULL is the empty one
 * @param out          receives the turn: owned, see codex_turn_free
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON, CODEX_ERROR_RUNTIME_UNSUPPORTED,
 *         CODEX_ERROR_RPC, CODEX_ERROR_AUTH, CODEX_ERROR_OVERLOADED, CODEX_ERROR_TIMED_OUT, CODEX_ERROR_PROTOCOL,
 *         CODEX_ERROR_TRANSPORT, CODEX_ERROR_CLOSED; CODEX_ERROR_WOULD_DEADLOCK with the reason "queueFull"
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_turn_start(struct codex_thread *thread,
                              const char *text,
                              const char *params_json,
                              struct codex_turn **out,
                              struct codex_error **err);

/**
 * Starts a turn without waiting, also on a thread that is not ready yet. A turn that cannot start ends with that error:
 * CODEX_EVENT_TURN_ENDED tells it.
 *
 * @param thread       required
 * @param text         the input; may be NULL
 * @param params_json  a JSON object; NULL is the empty one
 * @param out          receives the turn: owned, see codex_turn_free
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON, CODEX_ERROR_PROTOCOL, CODEX_ERROR_TRANSPORT,
 *         CODEX_ERROR_CLOSED; the rest, as of codex_turn_start, comes as the error of the CODEX_EVENT_TURN_ENDED
 * @note any thread; never waits; since 0.1.0
 */
codex_status codex_turn_begin(struct codex_thread *thread,
                              const char *text,
                              const char *params_json,
                              struct codex_turn **out,
                              struct codex_error **err);

/**
 * Follows a turn that was started elsewhere, also by a client whose connection was lost. Events from before are not repeated; its
 * TurnResult has the items from before too, and what it asked and is still open is asked again. Of a turn that is over,
 * CODEX_EVENT_TURN_ENDED comes at once.
 *
 * @param thread   required
 * @param turn_id  its id; NULL is the turn that runs on the thread now
 * @param out      receives the turn: owned, see codex_turn_free
 * @return as codex_turn_start; CODEX_ERROR_RPC with the reason "noActiveTurn" when there is no such turn
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_turn_attach(struct codex_thread *thread,
                               const char *turn_id,
                               struct codex_turn **out,
                               struct codex_error **err);

/**
 * Starts a turn in which the agent reviews changes, and waits until the runtime has accepted it. Its last message, and its item
 * "exitedReviewMode", are what it found. A turn that runs on the thread is interrupted; while the review runs, input is refused
 * with the reason "activeTurnNotSteerable". The runtime reports no usage for it.
 *
 * @param thread       required
 * @param target_json  what to review, a JSON object: {"type":"uncommittedChanges"}, {"type":"baseBranch","branch":"main"},
 *                     {"type":"commit","sha":"...","title":"..."} or {"type":"custom","instructions":"..."}
 * @param params_json  a JSON object: "limits" and "raw" as those of a turn, and the protocol's own fields; NULL is the empty
 *                     one
 * @param out          receives the turn: owned, see codex_turn_free
 * @return as codex_turn_start
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_thread_review(struct codex_thread *thread,
                                 const char *target_json,
                                 const char *params_json,
                                 struct codex_turn **out,
                                 struct codex_error **err);

/**
 * Has the agent pursue a goal, and waits until it has begun. The runtime begins one turn after the other until the agent says
 * that the goal is reached or cannot be. Here they are one turn: it has the id of the first, one CODEX_EVENT_TURN_STARTED and one
 * CODEX_EVENT_TURN_COMPLETED, and in its TurnResult the items of all of them and the sum of their usage. Steering reaches the one
 * that runs; an interrupt, and a limit that is crossed, pauses the goal too. Without an end that is in sight, set limits.
 *
 * Until it ends the thread takes no other turn of this client: that is refused with the reason "goalActive". A goal that the
 * thread had before is forgotten. Freeing the handle lets the agent go on.
 *
 * @param thread       required; one that is not ephemeral, and on which no turn runs
 * @param objective    what is to be reached; required
 * @param params_json  a JSON object: "limits" and "raw" as those of a turn, "tokenBudget", and what the protocol has for
 *                     thread/goal/set; NULL is the empty one
 * @param out          receives the turn: owned, see codex_turn_free
 * @return as codex_turn_start
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_thread_goal(struct codex_thread *thread,
                               const char *objective,
                               const char *params_json,
                               struct codex_turn **out,
                               struct codex_error **err);

/**
 * Has the model write a summary that takes the place of the thread's history. The runtime does that in a turn of its own, and
 * interrupts one that runs on the thread; while it does, input is refused with the reason "activeTurnNotSteerable".
 *
 * @param thread  required
 * @param out     receives that turn, once it has begun: owned, see codex_turn_free; NULL when it is not to be followed
 * @return as codex_turn_start
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_thread_compact(struct codex_thread *thread,
                                  struct codex_turn **out,
                                  struct codex_error **err);

/**
 * The id of the turn.
 *
 * @param turn  may be NULL: ""
 * @return borrowed from the turn; "" until it is known, then one string that never changes; never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_turn_id(const struct codex_turn *turn);

/**
 * Attaches a pointer to the turn, instead of that of its thread. Events and requests that come from now on carry it. The
 * library never looks behind it.
 *
 * @param turn       may be NULL
 * @param user_data  instead of the one before; may be NULL
 * @note any thread; since 0.1.0
 */
void codex_turn_set_user_data(struct codex_turn *turn,
                              void *user_data);

/**
 * Takes the next event of the turn. The last one is CODEX_EVENT_TURN_ENDED. Several threads may call it; each event goes to
 * one of them. At the ceiling max_queued_bytes the runtime is held back until events are read.
 *
 * @param turn        required
 * @param timeout_ms  milliseconds, CODEX_WAIT_FOREVER, or CODEX_WAIT_DEFAULT; 0 takes what is there
 * @param out         receives the event: owned, see codex_event_free
 * @return CODEX_OK; CODEX_TIMEOUT when there was none in that time and when codex_turn_wake was called; CODEX_END after
 *         CODEX_EVENT_TURN_ENDED; CODEX_ERROR_INVALID_ARGUMENT; CODEX_ERROR_WOULD_DEADLOCK from a request handler
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_turn_next_event(struct codex_turn *turn,
                                   int64_t timeout_ms,
                                   struct codex_event **out,
                                   struct codex_error **err);

/**
 * Adds input to the turn while it runs.
 *
 * @param turn         required
 * @param text         the input; may be NULL when the params have some
 * @param params_json  a JSON object with "input" and what else the protocol has for turn/steer; NULL is the empty one. What
 *                     counts from the beginning of a turn is refused: "approvalMode", "sandbox", "limits", an external message
 * @return as codex_turn_start; CODEX_ERROR_RPC with the reason "noActiveTurn" or "turnMismatch" when the turn is over
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_turn_steer(struct codex_turn *turn,
                              const char *text,
                              const char *params_json,
                              struct codex_error **err);

/**
 * Interrupts the turn. The interrupt is only queued: the call never waits, and is harmless when the turn is over. If the
 * runtime does not end the turn within 5 seconds, it ends for the program anyway.
 *
 * @param turn  required
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT
 * @note any thread; never waits; since 0.1.0
 */
codex_status codex_turn_interrupt(struct codex_turn *turn,
                                  struct codex_error **err);

/**
 * Makes a codex_turn_next_event that waits now, or else the next one, return CODEX_TIMEOUT.
 *
 * @param turn  may be NULL
 * @note any thread; since 0.1.0
 */
void codex_turn_wake(struct codex_turn *turn);

/**
 * Waits for the end of the turn. May be called any number of times, from any number of threads; each call gets a result of its
 * own. Unless codex_turn_next_event was ever called on this handle, its events are discarded and the requests among them
 * declined.
 *
 * @param turn        required
 * @param timeout_ms  milliseconds, CODEX_WAIT_FOREVER, or CODEX_WAIT_DEFAULT; 0 takes the result if the turn is over. A
 *                    turn may need longer than CODEX_WAIT_DEFAULT gives
 * @param out         receives what the turn did, also when it did not complete: owned, see codex_turn_result_free; NULL with
 *                    CODEX_TIMEOUT, and when the turn never started
 * @return CODEX_TIMEOUT when the turn goes on after that time; else as codex_thread_run
 * @note any thread; waits; since 0.1.0
 */
codex_status codex_turn_wait(struct codex_turn *turn,
                             int64_t timeout_ms,
                             struct codex_turn_result **out,
                             struct codex_error **err);

/**
 * Frees the handle. A turn that runs goes on; what happens in it belongs to the client queue from now on. Events that were not
 * read are let go, and requests among them declined.
 *
 * @param turn  owned; may be NULL
 * @note any thread; since 0.1.0
 */
void codex_turn_free(struct codex_turn *turn);

/**
 * ## Events
 *
 * An event is one notification of the runtime, or one fact about the client itself. It owns all that can be asked of it. What
 * the runtime may send is open: kinds, methods and members that are not known today are handed out like the others.
 *
 * What the event is about.
 *
 * @param event  may be NULL: CODEX_EVENT_OTHER
 * @return one of CODEX_EVENT_*; a later version may have more
 * @note any thread; since 0.1.0
 */
codex_event_kind codex_event_get_kind(const struct codex_event *event);

/**
 * The method of the runtime, like "item/agentMessage/delta".
 *
 * @param event  may be NULL: ""
 * @return borrowed from the event; "" for an event that the library made, but a CODEX_EVENT_REQUEST_RESOLVED always has that of
 *         the runtime, "serverRequest/resolved"; never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_event_method(const struct codex_event *event);

/**
 * The text of a delta, a message, a warning or an error, and of CODEX_EVENT_CLOSED that of its error; unescaped when it is first
 * asked for.
 *
 * @param event  may be NULL: ""
 * @param len    receives the length in bytes without the NUL at the end; the text may hold others. May be NULL
 * @return borrowed from the event; "" when the event has no text; never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_event_text(const struct codex_event *event,
                             size_t *len);

/**
 * The params of the notification or request, byte for byte as they were received. Deltas that were merged have the JSON of the
 * first, whose "delta" is all of the text.
 *
 * Of the events that the library makes: CODEX_EVENT_RESPONSE has the result or the error, CODEX_EVENT_CONNECTED the info of the
 * client, CODEX_EVENT_THREAD_READY the info of the thread or the error, CODEX_EVENT_TURN_ENDED the TurnResult,
 * CODEX_EVENT_CLOSED the error, or "{}" when the client was closed, and CODEX_EVENT_WARNING its text as "message". An error is
 * what codex_error_json(super::error::codex_error_json) gives.
 *
 * @param event  may be NULL: ""
 * @param len    receives the length in bytes without the NUL; may be NULL
 * @return borrowed from the event; never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_event_json(const struct codex_event *event,
                             size_t *len);

/**
 * What codex_event_json gives, parsed when it is first asked for.
 *
 * @param event  may be NULL: NULL
 * @return borrowed from the event; NULL when the JSON cannot be read
 * @note any thread; since 0.1.0
 */
const struct codex_value *codex_event_value(const struct codex_event *event);

/**
 * When the runtime sent the event, by its own clock.
 *
 * @param event  may be NULL: 0
 * @return milliseconds since 1970; 0 when unknown
 * @note any thread; since 0.1.0
 */
int64_t codex_event_emitted_at_ms(const struct codex_event *event);

/**
 * The id of the thread that the event belongs to.
 *
 * @param event  may be NULL: ""
 * @return borrowed from the event; "" when there is none; never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_event_thread_id(const struct codex_event *event);

/**
 * The id of the turn that the event belongs to.
 *
 * @param event  may be NULL: ""
 * @return borrowed from the event; "" when there is none; never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_event_turn_id(const struct codex_event *event);

/**
 * The id of the item that the event belongs to.
 *
 * @param event  may be NULL: ""
 * @return borrowed from the event; "" when there is none; never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_event_item_id(const struct codex_event *event);

/**
 * The pointer that was attached to the turn, the thread or the call that the event belongs to.
 *
 * @param event  may be NULL: NULL
 * @return NULL when none was attached
 * @note any thread; since 0.1.0
 */
void *codex_event_user_data(const struct codex_event *event);

/**
 * The call that a CODEX_EVENT_RESPONSE answers: what codex_client_begin_call gave.
 *
 * @param event  may be NULL: 0
 * @return 0 for any other event
 * @note any thread; since 0.1.0
 */
uint64_t codex_event_call_id(const struct codex_event *event);

/**
 * The request that a CODEX_EVENT_REQUEST or a CODEX_EVENT_REQUEST_RESOLVED is about: see codex_request_id.
 *
 * @param event  may be NULL: 0
 * @return 0 for any other event
 * @note any thread; since 0.1.0
 */
uint64_t codex_event_request_id(const struct codex_event *event);

/**
 * What went wrong: of a CODEX_EVENT_RESPONSE with the call, of a CODEX_EVENT_THREAD_READY with the thread, of a
 * CODEX_EVENT_TURN_ENDED with the turn, of a CODEX_EVENT_CLOSED with the connection, and of a CODEX_EVENT_WARNING with a message
 * of the runtime that was longer than max_message_bytes. What the runtime itself reports, a CODEX_EVENT_ERROR too, is in the JSON
 * of the event instead.
 *
 * @param event  required
 * @return CODEX_OK when nothing went wrong, and for all other events; else the status of the error, which `err` receives: owned,
 *         see codex_error_free
 * @note any thread; never waits; since 0.1.0
 */
codex_status codex_event_status(const struct codex_event *event,
                                struct codex_error **err);

/**
 * How many deltas the event stands for. More than 1 when the program was slow and adjacent text of one item was merged.
 *
 * @param event  may be NULL: 0
 * @return 1 for an event that is only itself
 * @note any thread; since 0.1.0
 */
uint32_t codex_event_merged(const struct codex_event *event);

/**
 * Takes the request out of a CODEX_EVENT_REQUEST, to answer it now or later. A request that is not taken is declined when the
 * event is freed, or when the callback that it was passed to returns.
 *
 * @param event  may be NULL: NULL
 * @return owned, see codex_request_free; NULL when there is none, when it was taken before, and when the request needed no
 *         answer any more
 * @note any thread; since 0.1.0
 */
struct codex_request *codex_event_take_request(struct codex_event *event);

/**
 * Frees an event, with all that was borrowed from it. Never for the event of a callback, which is only borrowed.
 *
 * @param event  owned; may be NULL
 * @note any thread; since 0.1.0
 */
void codex_event_free(struct codex_event *event);

/**
 * ## Results
 *
 * A TurnResult is what a turn did, collected from its events. There is one for every turn that started, also when it failed,
 * was interrupted, or lost its connection.
 *
 * The whole as a JSON object: id, threadId, status, error, startedAt, completedAt, durationMs, finalResponse, items, usage,
 * endedBy, partialResponse. What the runtime said is in it verbatim, but for secrets in `error`; what is unknown is null.
 * `items` are the items that were completed; `usage` is the last that the runtime reported, and its `turn` is what this turn
 * itself used; `endedBy` is "completed", "failed", "interrupted", "timeout", "idleTimeout", "tokenLimit", "toolLimit" or
 * "transportClosed"; `partialResponse` is the text of a message that was not completed.
 *
 * @param result  may be NULL: ""
 * @param len     receives the length in bytes without the NUL; may be NULL
 * @return borrowed from the result; never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_turn_result_json(const struct codex_turn_result *result,
                                   size_t *len);

/**
 * What codex_turn_result_json gives, parsed when it is first asked for.
 *
 * @param result  may be NULL: NULL
 * @return borrowed from the result; NULL when the JSON cannot be read
 * @note any thread; since 0.1.0
 */
const struct codex_value *codex_turn_result_value(const struct codex_turn_result *result);

/**
 * The id of the turn.
 *
 * @param result  may be NULL: ""
 * @return borrowed from the result; never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_turn_result_id(const struct codex_turn_result *result);

/**
 * The status that the runtime gave the turn: "completed", "failed", "interrupted"; "inProgress" when it never told how the
 * turn ended.
 *
 * @param result  may be NULL: ""
 * @return borrowed from the result; never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_turn_result_status(const struct codex_turn_result *result);

/**
 * The last word of the agent: the text of the newest message that is a final answer, else of the newest without a phase.
 *
 * @param result  may be NULL: NULL
 * @param len     receives the length in bytes without the NUL at the end; the text may hold others. May be NULL
 * @return borrowed from the result; "" is an answer that is empty; NULL when there is none
 * @note any thread; since 0.1.0
 */
const char *codex_turn_result_final_response(const struct codex_turn_result *result,
                                             size_t *len);

/**
 * The last word of the agent as JSON, for turns with an outputSchema. Parsed when it is first asked for.
 *
 * @param result  may be NULL: NULL
 * @return borrowed from the result; NULL when there is none and when it is not JSON
 * @note any thread; since 0.1.0
 */
const struct codex_value *codex_turn_result_output(const struct codex_turn_result *result);

/**
 * Why the turn did not complete, in a sentence.
 *
 * @param result  may be NULL: NULL
 * @return borrowed from the result; NULL when there is none
 * @note any thread; since 0.1.0
 */
const char *codex_turn_result_error_message(const struct codex_turn_result *result);

/**
 * How long the turn took, as the runtime measured it.
 *
 * @param result  may be NULL: -1
 * @return milliseconds; -1 when unknown
 * @note any thread; since 0.1.0
 */
int64_t codex_turn_result_duration_ms(const struct codex_turn_result *result);

/**
 * How many tokens the model requests of this turn used together.
 *
 * @param result  may be NULL: -1
 * @return -1 when unknown
 * @note any thread; since 0.1.0
 */
int64_t codex_turn_result_total_tokens(const struct codex_turn_result *result);

/**
 * How many items of the turn were completed.
 *
 * @param result  may be NULL: 0
 * @note any thread; since 0.1.0
 */
size_t codex_turn_result_item_count(const struct codex_turn_result *result);

/**
 * One item of the turn, in the order in which they were completed.
 *
 * @param result  may be NULL: NULL
 * @param index   from 0
 * @return borrowed from the result; NULL when there is no such item
 * @note any thread; since 0.1.0
 */
const struct codex_value *codex_turn_result_item(const struct codex_turn_result *result, size_t index);

/**
 * Frees a result, with all that was borrowed from it.
 *
 * @param result  owned; may be NULL
 * @note any thread; since 0.1.0
 */
void codex_turn_result_free(struct codex_turn_result *result);

/**
 * ## Requests
 *
 * The runtime asks for approvals, asks questions, and calls tools of the program. A request goes to the first that there is:
 * the function of the tool that is called; the request handler of the client options; the turn that it belongs to, when its
 * events are read or may yet be; the client queue, when that is read. Otherwise it is declined at once. It is also declined
 * when it is freed without an answer, and when its event is freed and it was not taken.
 *
 * Answers never block. An answer that does not fit the kind of a request gives CODEX_ERROR_INVALID_ARGUMENT and leaves it open.
 * A request that was answered before, or needs no answer any more, gives CODEX_ERROR_ALREADY_ANSWERED, which does no harm; its
 * reason is "alreadyAnswered", "answeredElsewhere", "turnEnded", "answerTimeout" or "requestDeclined".
 *
 * What is asked.
 *
 * @param request  may be NULL: CODEX_REQUEST_OTHER
 * @return one of CODEX_REQUEST_*; a later version may have more
 * @note any thread; since 0.1.0
 */
codex_request_kind codex_request_get_kind(const struct codex_request *request);

/**
 * The number of the request: codex_event_request_id of its CODEX_EVENT_REQUEST and CODEX_EVENT_REQUEST_RESOLVED. Unique within
 * the client.
 *
 * @param request  may be NULL: 0
 * @return never 0 for a request
 * @note any thread; since 0.1.0
 */
uint64_t codex_request_id(const struct codex_request *request);

/**
 * The pointer that was attached to the turn of the request.
 *
 * @param request  may be NULL: NULL
 * @return NULL when none was attached
 * @note any thread; since 0.1.0
 */
void *codex_request_user_data(const struct codex_request *request);

/**
 * The item that the request is about, as it began; of a file change, with its diff.
 *
 * @param request  may be NULL: NULL
 * @return borrowed from the request; NULL when there is none
 * @note any thread; since 0.1.0
 */
const struct codex_value *codex_request_item(const struct codex_request *request);

/**
 * Has a function called once when the request needs no answer any more, because it was answered elsewhere, its turn ended or
 * the library declined it: when codex_request_is_cancelled becomes true; at once if it is true now. Answering or freeing the
 * request is not told. A second function takes the place of the first.
 *
 * @param request    required
 * @param fn         required; called on whichever thread learns of it, with no lock held, possibly inside this call. It never
 *                   comes behind a request handler or a function of a tool, which may wait for it. It sets a flag or posts a
 *                   message, calls no codex_ function but a *_free, and returns: the client reads nothing meanwhile
 * @param user_data  passed to `fn`
 * @param destroy    see codex_destroy_fn; called after `fn`, or when the request is freed
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_FORKED
 * @note any thread; never waits; since 0.1.0
 */
codex_status codex_request_set_cancelled(struct codex_request *request,
                                         codex_wakeup_fn fn,
                                         void *user_data,
                                         codex_destroy_fn destroy);

/**
 * The method of the runtime, like "item/commandExecution/requestApproval".
 *
 * @param request  may be NULL: ""
 * @return borrowed from the request; never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_request_method(const struct codex_request *request);

/**
 * The params of the request, byte for byte as they were received.
 *
 * @param request  may be NULL: ""
 * @param len      receives the length in bytes without the NUL; may be NULL
 * @return borrowed from the request; never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_request_json(const struct codex_request *request, size_t *len);

/**
 * What codex_request_json gives, parsed when it is first asked for.
 *
 * @param request  may be NULL: NULL
 * @return borrowed from the request; NULL when the JSON cannot be read
 * @note any thread; since 0.1.0
 */
const struct codex_value *codex_request_value(const struct codex_request *request);

/**
 * The id of the thread that the request is about.
 *
 * @param request  may be NULL: ""
 * @return borrowed from the request; "" when there is none; never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_request_thread_id(const struct codex_request *request);

/**
 * The id of the turn that the request is about.
 *
 * @param request  may be NULL: ""
 * @return borrowed from the request; "" when there is none; never NULL
 * @note any thread; since 0.1.0
 */
const char *codex_request_turn_id(const struct codex_request *request);

/**
 * Whether the request needs no answer any more: it was answered elsewhere, its turn ended, or the library declined it.
 *
 * @param request  may be NULL: false
 * @note any thread; since 0.1.0
 */
bool codex_request_is_cancelled(const struct codex_request *request);

/**
 * Says yes: to a command, a file change, the permissions exactly as they were asked for, a tool of an MCP server.
 *
 * @param request      required; it is not freed
 * @param for_session  whether that counts until the session ends; false: for this once
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_ALREADY_ANSWERED
 * @note any thread; never waits; since 0.1.0
 */
codex_status codex_request_approve(struct codex_request *request,
                                   bool for_session,
                                   struct codex_error **err);

/**
 * Says no, in the form that the kind of the request needs. The turn goes on.
 *
 * @param request  required; it is not freed
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_ALREADY_ANSWERED
 * @note any thread; never waits; since 0.1.0
 */
codex_status codex_request_decline(struct codex_request *request, struct codex_error **err);

/**
 * Says no, and interrupts the turn.
 *
 * @param request  required; it is not freed
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_ALREADY_ANSWERED
 * @note any thread; never waits; since 0.1.0
 */
codex_status codex_request_cancel_turn(struct codex_request *request, struct codex_error **err);

/**
 * Answers a tool call with a text.
 *
 * @param request  required, of the kind CODEX_REQUEST_TOOL_CALL; it is not freed
 * @param success  whether the tool did what it was called for
 * @param text     what the agent reads; required
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_ALREADY_ANSWERED
 * @note any thread; never waits; since 0.1.0
 */
codex_status codex_request_respond_text(struct codex_request *request,
                                        bool success,
                                        const char *text,
                                        struct codex_error **err);

/**
 * Answers a tool call with several texts and images: the items that codex_params_add_text,
 * codex_params_add_image_url and codex_params_add_image_bytes add, in their order.
 *
 * @param request      required, of the kind CODEX_REQUEST_TOOL_CALL; it is not freed
 * @param success      whether the tool did what it was called for
 * @param params_json  what codex_params_json gives; required
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON, CODEX_ERROR_ALREADY_ANSWERED
 * @note any thread; never waits; since 0.1.0
 */
codex_status codex_request_respond_items(struct codex_request *request,
                                         bool success,
                                         const char *params_json,
                                         struct codex_error **err);

/**
 * Answers a request of any kind in the runtime's own form.
 *
 * @param request      required; it is not freed
 * @param result_json  the result of the method, as the protocol has it; required
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_INVALID_JSON, CODEX_ERROR_ALREADY_ANSWERED
 * @note any thread; never waits; since 0.1.0
 */
codex_status codex_request_respond_json(struct codex_request *request,
                                        const char *result_json,
                                        struct codex_error **err);

/**
 * Answers a request of any kind with a JSON-RPC error.
 *
 * @param request  required; it is not freed
 * @param code     the code of the error, like -32603
 * @param message  a sentence; required
 * @return CODEX_OK, CODEX_ERROR_INVALID_ARGUMENT, CODEX_ERROR_ALREADY_ANSWERED
 * @note any thread; never waits; since 0.1.0
 */
codex_status codex_request_fail(struct codex_request *request,
                                int64_t code,
                                const char *message,
                                struct codex_error **err);

/**
 * Frees a request. One that was not answered is declined, in the form that its kind needs.
 *
 * @param request  owned; may be NULL
 * @note any thread; since 0.1.0
 */
void codex_request_free(struct codex_request *request);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CODEX_H */
