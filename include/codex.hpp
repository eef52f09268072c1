/// @file
/// libcodex for C++17 and later: the whole of codex.h as handles that free themselves.
///
/// ```cpp
/// #include <codex.hpp>
/// #include <iostream>
///
/// int main() {
///   codex::client client = codex::client::connect();
///   codex::thread thread = client.start_thread();
///   codex::turn_result result = thread.run("Say hello in one sentence.");
///   std::cout << result.final_response().value_or("") << "\n";
/// }
/// ```
///
/// Every function here is one function of codex.h, whose comment has the details. Rules that hold for all of them:
///
///   Handles    Move-only; they free what they hold, in any order. Calls with an empty or moved-from handle fail with
///              invalid_argument, and its accessors give "", 0 or nothing.
///   Errors     A function that can fail returns codex::outcome<T>. With exceptions that is T itself, and codex::error
///              is thrown. Where exceptions are off, or CODEX_NO_EXCEPTIONS is defined, it is codex::expected<T>, and
///              nothing is thrown. Accessors never fail.
///   Strings    Everything that is like a string can be passed: it is copied before the call returns. A
///              std::string_view that is handed out is NUL-terminated UTF-8 and lives as long as the object that it was
///              asked of.
///   Times      Any std::chrono duration, rounded up to milliseconds; codex::forever; codex::by_options.
///   Threads    A function that is const may be called by any number of threads at once, as everywhere in C++. No
///              handle may be moved, assigned or destroyed while another thread enters a call with it.
///   Callbacks  Any callable. Those of a call that waits run on the calling thread, and what they throw reaches the
///              caller. What others throw goes no further: a request is declined, and a tool call tells the agent
///              what() was thrown.
///   RTTI       Is not used.
#ifndef CODEX_HPP
#define CODEX_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "codex.h"

#if !defined(_MSVC_LANG) && __cplusplus < 201703L
#error "codex.hpp needs C++17: compile with -std=c++17 or later, or use codex.h"
#endif

/// Lets clang warn when a borrowed result outlives the object that it was asked of.
#if defined(__clang__)
#define CODEX_BORROWED [[clang::lifetimebound]]
#else
#define CODEX_BORROWED
#endif

namespace codex {

// Programs may be linked from units that are compiled with and without exceptions: each way has names of its own.
#if !defined(__cpp_exceptions)
#define CODEX_THROWS 0
inline namespace without_exceptions {
#elif defined(CODEX_NO_EXCEPTIONS)
#define CODEX_THROWS 0
inline namespace with_expected {
#else
#define CODEX_THROWS 1
inline namespace with_exceptions {
#endif

// ---- version --------------------------------------------------------------------------------------------------------

/// The version of the library that is loaded, like "0.1.0". Any thread. @see codex_version
inline std::string_view version() noexcept { return codex_version(); }

/// The version of the library as one number: major << 16 | minor << 8 | patch. Any thread. @see codex_version_number
inline std::uint32_t version_number() noexcept { return codex_version_number(); }

/// The version of the library's binary interface. Any thread. @see codex_abi_version
inline std::uint32_t abi_version() noexcept { return codex_abi_version(); }

/// Whether the library that is loaded fits the headers that the program was compiled with. Any thread.
inline bool check_abi() noexcept { return codex_check_abi(); }

// ---- enumerations ---------------------------------------------------------------------------------------------------
// Values that a later library may add keep their number; in a switch they are what `default` is for.

/// What a call came to: 0 or more is success. @see codex_status
enum class status : codex_status {
  ok = CODEX_OK,
  timeout = CODEX_TIMEOUT,
  end = CODEX_END,
  invalid_argument = CODEX_ERROR_INVALID_ARGUMENT,
  invalid_json = CODEX_ERROR_INVALID_JSON,
  runtime_not_found = CODEX_ERROR_RUNTIME_NOT_FOUND,
  runtime_start = CODEX_ERROR_RUNTIME_START,
  runtime_unsupported = CODEX_ERROR_RUNTIME_UNSUPPORTED,
  transport = CODEX_ERROR_TRANSPORT,
  protocol = CODEX_ERROR_PROTOCOL,
  auth = CODEX_ERROR_AUTH,
  timed_out = CODEX_ERROR_TIMED_OUT,
  rpc = CODEX_ERROR_RPC,
  overloaded = CODEX_ERROR_OVERLOADED,
  turn_failed = CODEX_ERROR_TURN_FAILED,
  turn_interrupted = CODEX_ERROR_TURN_INTERRUPTED,
  turn_timed_out = CODEX_ERROR_TURN_TIMED_OUT,
  limit = CODEX_ERROR_LIMIT,
  closed = CODEX_ERROR_CLOSED,
  would_deadlock = CODEX_ERROR_WOULD_DEADLOCK,
  forked = CODEX_ERROR_FORKED,
  already_answered = CODEX_ERROR_ALREADY_ANSWERED,
  internal = CODEX_ERROR_INTERNAL,
};

/// The name of a status, like "CODEX_ERROR_TRANSPORT". Any thread. @see codex_status_name
inline std::string_view status_name(status which) noexcept {
  return codex_status_name(static_cast<codex_status>(which));
}

/// What an event is about. @see codex_event_kind
enum class event_kind : codex_event_kind {
  other = CODEX_EVENT_OTHER,
  turn_started = CODEX_EVENT_TURN_STARTED,
  turn_completed = CODEX_EVENT_TURN_COMPLETED,
  item_started = CODEX_EVENT_ITEM_STARTED,
  item_completed = CODEX_EVENT_ITEM_COMPLETED,
  message_delta = CODEX_EVENT_MESSAGE_DELTA,
  reasoning_delta = CODEX_EVENT_REASONING_DELTA,
  output_delta = CODEX_EVENT_OUTPUT_DELTA,
  plan_updated = CODEX_EVENT_PLAN_UPDATED,
  diff_updated = CODEX_EVENT_DIFF_UPDATED,
  usage = CODEX_EVENT_USAGE,
  request = CODEX_EVENT_REQUEST,
  request_resolved = CODEX_EVENT_REQUEST_RESOLVED,
  response = CODEX_EVENT_RESPONSE,
  error = CODEX_EVENT_ERROR,
  warning = CODEX_EVENT_WARNING,
  closed = CODEX_EVENT_CLOSED,
  connected = CODEX_EVENT_CONNECTED,
  turn_ended = CODEX_EVENT_TURN_ENDED,
  thread_ready = CODEX_EVENT_THREAD_READY,
};

/// What the runtime asks. @see codex_request_kind
enum class request_kind : codex_request_kind {
  other = CODEX_REQUEST_OTHER,
  command = CODEX_REQUEST_COMMAND,
  file_change = CODEX_REQUEST_FILE_CHANGE,
  permissions = CODEX_REQUEST_PERMISSIONS,
  mcp_tool = CODEX_REQUEST_MCP_TOOL,
  question = CODEX_REQUEST_QUESTION,
  elicitation = CODEX_REQUEST_ELICITATION,
  tool_call = CODEX_REQUEST_TOOL_CALL,
  auth_refresh = CODEX_REQUEST_AUTH_REFRESH,
};

/// What a JSON value is. @see codex_value_type
enum class value_type : codex_value_type {
  null = CODEX_VALUE_NULL,
  boolean = CODEX_VALUE_BOOL,
  integer = CODEX_VALUE_INT,
  real = CODEX_VALUE_DOUBLE,
  string = CODEX_VALUE_STRING,
  array = CODEX_VALUE_ARRAY,
  object = CODEX_VALUE_OBJECT,
};

/// How important a log message is.
enum class log_level : std::int32_t {
  off = CODEX_LOG_OFF,
  error = CODEX_LOG_ERROR,
  warn = CODEX_LOG_WARN,
  info = CODEX_LOG_INFO,
  debug = CODEX_LOG_DEBUG,
  trace = CODEX_LOG_TRACE,
};

/// Which way a traced message went.
enum class direction : std::int32_t { sent = CODEX_TRACE_SENT, received = CODEX_TRACE_RECEIVED };

/// What a function that is passed the events of a turn may return: whether the turn goes on.
enum class flow : std::int32_t { proceed = CODEX_CONTINUE, interrupt = CODEX_INTERRUPT };

/// Who decides about what the agent wants to do: the member "approvalMode" of params.
enum class approval_mode { ask, auto_review, deny_all };

/// What the commands of the agent may do unasked: the member "sandbox" of params.
enum class sandbox { read_only, workspace_write, danger_full_access };

/// Whether a tool did what it was called for.
enum class tool_call { failed, succeeded };

// ---- times ----------------------------------------------------------------------------------------------------------

/// How long to wait. Made from any std::chrono duration, rounded up to milliseconds; less than none is none.
class timeout {
 public:
  /// Waits for as long as the duration; one beyond all bounds is forever.
  template <class Rep, class Period>
  constexpr timeout(std::chrono::duration<Rep, Period> time) noexcept
      : milliseconds_(rounded_up(std::chrono::duration<double, std::milli>(time).count())) {}

  /// What codex.h takes: milliseconds, CODEX_WAIT_FOREVER or CODEX_WAIT_DEFAULT.
  constexpr std::int64_t count() const noexcept { return milliseconds_; }

  /// @cond
  struct special {
    std::int64_t count;
  };
  explicit constexpr timeout(special wait) noexcept : milliseconds_(wait.count) {}
  /// @endcond

 private:
  static constexpr std::int64_t rounded_up(double milliseconds) noexcept {
    if (!(milliseconds > 0)) return 0;
    if (milliseconds > 1e15) return CODEX_WAIT_FOREVER;
    const auto whole = static_cast<std::int64_t>(milliseconds);
    return static_cast<double>(whole) < milliseconds ? whole + 1 : whole;
  }

  std::int64_t milliseconds_;
};

/// Waits for as long as it takes.
inline constexpr timeout forever{timeout::special{CODEX_WAIT_FOREVER}};
/// The usual time: for what waits, that of client_options::set_request_timeout; for client::close, 5 seconds; for an
/// option, its default.
inline constexpr timeout by_options{timeout::special{CODEX_WAIT_DEFAULT}};

// ---- arguments ------------------------------------------------------------------------------------------------------

/// A string for a call: made from anything like a string, or from nullptr where a string may be left out. Never kept.
///
/// A string that holds a NUL is refused by the call, instead of being cut short.
class string_arg {
 public:
  string_arg(const char *text) noexcept : text_(text) {}
  string_arg(const std::string &text) : text_(text.c_str()) { refuse_nul(text); }
  string_arg(std::string_view text) : kept_(text), text_(kept_.c_str()) { refuse_nul(text); }

  /// From others that have a c_str(), like std::filesystem::path. Not copied.
  template <class Text,
            class = std::enable_if_t<std::is_same_v<decltype(std::declval<const Text &>().c_str()), const char *>>>
  string_arg(const Text &text) : text_(text.c_str()) {}

  string_arg(const string_arg &) = delete;
  string_arg &operator=(const string_arg &) = delete;

  /// NUL-terminated; NULL when it was made from nullptr. Lives as long as this object and what it was made from.
  const char *c_str() const noexcept { return text_; }

 protected:
  struct made {};
  string_arg(made, std::string text) : kept_(std::move(text)), text_(kept_.c_str()) { refuse_nul(kept_); }

 private:
  // The byte 0xFF is in no UTF-8 text: the library refuses it, and tells its place.
  void refuse_nul(std::string_view text) {
    if (text.find('\0') == std::string_view::npos) return;
    kept_ = std::string(text);
    for (char &byte : kept_)
      if (byte == '\0') byte = '\xff';
    text_ = kept_.c_str();
  }

  std::string kept_;
  const char *text_;
};

class params;
class value;

/// A JSON object for a call: JSON text, codex::params, a codex::value, or a value of a JSON library whose dump() gives
/// its text, like nlohmann::json. Without anything it is left out, which counts as the empty object. Never kept.
class json_arg : public string_arg {
 public:
  json_arg() noexcept : string_arg(nullptr) {}
  using string_arg::string_arg;
  /// The params may be used again as soon as the call returns.
  json_arg(const params &fields) noexcept;
  /// An absent value is null.
  json_arg(const value &from);

  /// From a value of a JSON library.
  template <class Json,
            class = std::enable_if_t<std::is_convertible_v<decltype(std::declval<const Json &>().dump()), std::string>>,
            class = void>
  json_arg(const Json &from) : string_arg(made{}, from.dump()) {}
};

/// @cond
namespace detail {

inline std::string_view view(const char *text) noexcept {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

inline std::optional<std::string_view> view_if_any(const char *text) noexcept {
  if (text == nullptr) return std::nullopt;
  return std::string_view(text);
}

/// What an accessor with a length gives; nothing for NULL.
template <auto Accessor, class Owner>
std::optional<std::string_view> sized_if_any(const Owner *owner) noexcept {
  std::size_t length = 0;
  const char *text = Accessor(owner, &length);
  if (text == nullptr) return std::nullopt;
  return std::string_view(text, length);
}

template <auto Accessor, class Owner>
std::string_view sized(const Owner *owner) noexcept {
  return sized_if_any<Accessor>(owner).value_or(std::string_view());
}

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T *owned) const noexcept {
    Free(owned);
  }
};

using owned_string = std::unique_ptr<char, freed_by<codex_string_free>>;

/// Runs a callback that nobody waits for. What it throws is told to `on_throw`, as text.
template <class Callback, class OnThrow>
void contain(Callback &&callback, OnThrow &&on_throw) noexcept {
#if defined(__cpp_exceptions)
  try {
    callback();
  } catch (const std::exception &thrown) {
    on_throw(thrown.what());
  } catch (...) {
    on_throw("an exception of an unknown kind was thrown");
  }
#else
  callback();
  static_cast<void>(on_throw);
#endif
}

template <class Callback>
void contain(Callback &&callback) noexcept {
  contain(std::forward<Callback>(callback), [](const char *) {});
}

/// A callable that the library keeps: it is the user_data, and destroyed by codex_destroy_fn.
template <class Callable>
void *kept(Callable &&callable) {
  return new std::decay_t<Callable>(std::forward<Callable>(callable));
}

template <class Callable>
std::decay_t<Callable> &callable_of(void *user_data) noexcept {
  return *static_cast<std::decay_t<Callable> *>(user_data);
}

template <class Callable>
void destroy(void *user_data) noexcept {
  delete static_cast<std::decay_t<Callable> *>(user_data);
}

template <class Callable>
void call_wakeup(void *user_data) noexcept {
  contain([&] { callable_of<Callable>(user_data)(); });
}

}  // namespace detail
/// @endcond

// ---- handles --------------------------------------------------------------------------------------------------------

/// What all handles have in common: each owns one handle of codex.h, or none.
template <class T, auto Free>
class handle {
 public:
  /// The type in codex.h.
  using c_type = T;

  /// An empty handle.
  handle() noexcept = default;
  /// Takes what a function of codex.h handed out as owned.
  explicit handle(T *owned) noexcept : owned_(owned) {}

  /// Whether there is one; no after it was moved away.
  explicit operator bool() const noexcept { return owned_ != nullptr; }
  /// For calls of codex.h; NULL when there is none. Borrowed from this handle.
  T *get() const noexcept { return owned_.get(); }
  /// Gives it away: the caller frees it.
  [[nodiscard]] T *release() noexcept { return owned_.release(); }
  /// Frees it now.
  void reset() noexcept { owned_.reset(); }

 protected:
  ~handle() = default;
  handle(handle &&) noexcept = default;
  handle &operator=(handle &&) noexcept = default;

 private:
  std::unique_ptr<T, detail::freed_by<Free>> owned_;
};

// ---- reading JSON ---------------------------------------------------------------------------------------------------

template <class Item>
class value_iterator;
class value_members;

/// A view of a JSON value: cheap to copy, and valid as long as what it was asked of. One that is absent reads as null,
/// has no elements, and gives the fallbacks. Any thread.
class value {
 public:
  /// An absent value.
  constexpr value() noexcept = default;
  /// Views what a function of codex.h gave; NULL is an absent value.
  explicit constexpr value(const codex_value *borrowed) noexcept : value_(borrowed) {}

  /// Whether it is there. A value that is there may be null or false.
  explicit constexpr operator bool() const noexcept { return value_ != nullptr; }
  /// For calls of codex.h; NULL when it is absent.
  constexpr const codex_value *get() const noexcept { return value_; }

  /// What it is; null for one that is absent. @see codex_value_get_type
  value_type type() const noexcept { return static_cast<value_type>(codex_value_get_type(value_)); }
  /// What a JSON Pointer (RFC 6901) leads to: "/items/0/text". @see codex_value_at
  value at(const string_arg &pointer) const noexcept { return value(codex_value_at(value_, pointer.c_str())); }
  /// The value of a member of an object, by its key.
  value operator[](std::string_view key) const { return at(pointer_to(key)); }
  /// An element of an array, or the value of an object's member, in the order of the text. @see codex_value_item
  value operator[](std::size_t index) const noexcept { return value(codex_value_item(value_, index)); }

  /// The text of a string, unescaped; it may hold a NUL. @see codex_value_string
  std::string_view as_string(std::string_view fallback = {}) const noexcept {
    return detail::sized_if_any<codex_value_string>(value_).value_or(fallback);
  }
  /// A whole number; a double that is whole and fits counts too. @see codex_value_int
  std::int64_t as_int(std::int64_t fallback = 0) const noexcept { return codex_value_int(value_, fallback); }
  /// Any number. @see codex_value_double
  double as_double(double fallback = 0) const noexcept { return codex_value_double(value_, fallback); }
  /// True or false. @see codex_value_bool
  bool as_bool(bool fallback = false) const noexcept { return codex_value_bool(value_, fallback); }
  /// The value as JSON text, exactly as it was written; "" for one that is absent. @see codex_value_json
  std::string json() const { return std::string(detail::view(detail::owned_string(codex_value_json(value_)).get())); }

  /// How many elements an array has, or members an object; 0 for everything else. @see codex_value_count
  std::size_t size() const noexcept { return codex_value_count(value_); }
  /// Whether it has no elements.
  bool empty() const noexcept { return size() == 0; }
  /// The key of a member, unescaped; "" when there is none. @see codex_value_key
  std::string_view key(std::size_t index) const noexcept { return detail::view(codex_value_key(value_, index)); }

  /// The first element: `for (codex::value item : array)`.
  value_iterator<value> begin() const noexcept;
  /// Behind the last element.
  value_iterator<value> end() const noexcept;
  /// Keys and values of an object, in the order of the text: `for (auto [key, item] : object.members())`.
  value_members members() const noexcept;

 private:
  static std::string pointer_to(std::string_view key) {
    std::string pointer = "/";
    for (const char c : key) {
      if (c == '~') pointer += "~0";
      else if (c == '/') pointer += "~1";
      else pointer += c;
    }
    return pointer;
  }

  const codex_value *value_ = nullptr;
};

/// A member of an object.
struct value_member {
  std::string_view key;  ///< As value::key gives it.
  value item;            ///< As value::operator[] gives it.
};

/// Walks over elements (Item is value) or members (Item is value_member) of a value.
template <class Item>
class value_iterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = Item;
  using difference_type = std::ptrdiff_t;
  using pointer = void;
  using reference = Item;

  value_iterator() noexcept = default;
  value_iterator(value container, std::size_t index) noexcept : container_(container), index_(index) {}

  Item operator*() const noexcept {
    if constexpr (std::is_same_v<Item, value_member>) return {container_.key(index_), container_[index_]};
    else return container_[index_];
  }
  value_iterator &operator++() noexcept {
    ++index_;
    return *this;
  }
  value_iterator operator++(int) noexcept { return value_iterator(container_, index_++); }
  friend bool operator==(const value_iterator &a, const value_iterator &b) noexcept { return a.index_ == b.index_; }
  friend bool operator!=(const value_iterator &a, const value_iterator &b) noexcept { return a.index_ != b.index_; }

 private:
  value container_;
  std::size_t index_ = 0;
};

/// The members of an object, to be walked over.
class value_members {
 public:
  explicit value_members(value object) noexcept : object_(object) {}
  value_iterator<value_member> begin() const noexcept { return {object_, 0}; }
  value_iterator<value_member> end() const noexcept { return {object_, object_.size()}; }

 private:
  value object_;
};

inline json_arg::json_arg(const value &from) : string_arg(made{}, from ? from.json() : "null") {}

inline value_iterator<value> value::begin() const noexcept { return {*this, 0}; }
inline value_iterator<value> value::end() const noexcept { return {*this, size()}; }
inline value_members value::members() const noexcept { return value_members(*this); }

// ---- results --------------------------------------------------------------------------------------------------------

/// What a turn did, collected from its events; also of a turn that did not complete. Any thread.
class turn_result : public handle<codex_turn_result, codex_turn_result_free> {
 public:
  using handle::handle;

  /// The whole as a JSON object. Borrowed. @see codex_turn_result_json
  std::string_view json() const noexcept CODEX_BORROWED { return detail::sized<codex_turn_result_json>(get()); }
  /// What json() gives, parsed when it is first asked for. Borrowed. @see codex_turn_result_value
  codex::value value() const noexcept CODEX_BORROWED { return codex::value(codex_turn_result_value(get())); }
  /// The id of the turn. Borrowed. @see codex_turn_result_id
  std::string_view id() const noexcept CODEX_BORROWED { return detail::view(codex_turn_result_id(get())); }
  /// "completed", "failed", "interrupted"; "inProgress" when the runtime never told how the turn ended. Borrowed.
  /// @see codex_turn_result_status
  std::string_view status() const noexcept CODEX_BORROWED { return detail::view(codex_turn_result_status(get())); }
  /// The last word of the agent; nothing when there is none. Borrowed. @see codex_turn_result_final_response
  std::optional<std::string_view> final_response() const & noexcept CODEX_BORROWED {
    return detail::sized_if_any<codex_turn_result_final_response>(get());
  }
  /// Of a result that is about to go, a string of its own.
  std::optional<std::string> final_response() const && {
    const std::optional<std::string_view> borrowed = final_response();
    if (!borrowed) return std::nullopt;
    return std::string(*borrowed);
  }
  /// The last word of the agent as JSON, for turns with an outputSchema; absent when there is none, or it is no JSON.
  /// Borrowed. @see codex_turn_result_output
  codex::value output() const noexcept CODEX_BORROWED { return codex::value(codex_turn_result_output(get())); }
  /// Why the turn did not complete, in a sentence; nothing when there is none. Borrowed.
  /// @see codex_turn_result_error_message
  std::optional<std::string_view> error_message() const noexcept CODEX_BORROWED {
    return detail::view_if_any(codex_turn_result_error_message(get()));
  }
  /// How long the turn took, as the runtime measured it; nothing when unknown. @see codex_turn_result_duration_ms
  std::optional<std::chrono::milliseconds> duration() const noexcept {
    const std::int64_t known = codex_turn_result_duration_ms(get());
    if (known < 0) return std::nullopt;
    return std::chrono::milliseconds(known);
  }
  /// How many tokens the model requests of this turn used together; nothing when unknown.
  /// @see codex_turn_result_total_tokens
  std::optional<std::int64_t> total_tokens() const noexcept {
    const std::int64_t known = codex_turn_result_total_tokens(get());
    if (known < 0) return std::nullopt;
    return known;
  }
  /// How many items of the turn were completed. @see codex_turn_result_item_count
  std::size_t item_count() const noexcept { return codex_turn_result_item_count(get()); }
  /// One item, in the order in which they were completed; absent when there is none. Borrowed.
  /// @see codex_turn_result_item
  codex::value item(std::size_t index) const noexcept CODEX_BORROWED {
    return codex::value(codex_turn_result_item(get(), index));
  }
  /// All items: `for (codex::value item : result.items())`. Borrowed.
  codex::value items() const noexcept CODEX_BORROWED { return value().at("/items"); }
};

// ---- errors ---------------------------------------------------------------------------------------------------------

/// What went wrong; what() is a readable sentence: what happened, with which value, what to do. Cheap to copy. Any
/// thread.
class error : public std::runtime_error {
 public:
  /// Takes the error that a function of codex.h handed out as owned. @see codex_error_status
  explicit error(codex_error *owned) : error(static_cast<codex::status>(codex_error_status(owned)), owned) {}
  /// The same for an error that may be NULL, with the result that came beside it.
  error(codex::status status, codex_error *owned, turn_result partial = {})
      : error(status, owned_error(owned), std::move(partial)) {}
  // Moving is copying: what is left behind is still an error.
  error(const error &) noexcept = default;
  error &operator=(const error &) noexcept = default;

  /// What the call came to. @see codex_error_status
  codex::status status() const noexcept { return status_; }
  /// One stable word for the cause, like "threadNotFound"; "" when the status tells it. Borrowed. @see
  /// codex_error_reason
  std::string_view reason() const noexcept CODEX_BORROWED { return detail::view(codex_error_reason(get())); }
  /// The JSON-RPC code that the runtime answered with; 0 when it did not answer with an error.
  /// @see codex_error_rpc_code
  std::int64_t rpc_code() const noexcept { return codex_error_rpc_code(get()); }
  /// Whether the same call may succeed when it is made again later. A turn that failed this way has still happened.
  /// @see codex_error_is_retryable
  bool is_retryable() const noexcept { return codex_error_is_retryable(get()); }
  /// Everything that is known, as a JSON object. Borrowed. @see codex_error_json
  std::string_view json() const noexcept CODEX_BORROWED { return detail::view(codex_error_json(get())); }
  /// What the turn did until then; NULL for an error that is not that of a turn that started. Borrowed.
  const turn_result *result() const noexcept CODEX_BORROWED { return facts_->partial ? &facts_->partial : nullptr; }
  /// For calls of codex.h; NULL when there is none. Borrowed.
  const codex_error *get() const noexcept CODEX_BORROWED { return facts_->error.get(); }

 private:
  using owned_error = std::unique_ptr<codex_error, detail::freed_by<codex_error_free>>;
  struct facts {
    owned_error error;
    turn_result partial;
  };

  error(codex::status status, owned_error owned, turn_result partial)
      : std::runtime_error(owned ? codex_error_message(owned.get())
                                 : codex_status_name(static_cast<codex_status>(status))),
        status_(status),
        facts_(std::make_shared<const facts>(facts{std::move(owned), std::move(partial)})) {}

  codex::status status_;
  std::shared_ptr<const facts> facts_;
};

/// Either a T or the error: what a call returns in a program without exceptions.
template <class T>
class [[nodiscard]] expected {
 public:
  expected(T value) : content_(std::in_place_index<0>, std::move(value)) {}
  expected(codex::error error) : content_(std::in_place_index<1>, std::move(error)) {}

  /// Whether there is a T.
  bool has_value() const noexcept { return content_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// The T. A program that asks an error for it is terminated.
  T &value() & noexcept { return *checked(std::get_if<0>(&content_)); }
  const T &value() const & noexcept { return *checked(std::get_if<0>(&content_)); }
  T &&value() && noexcept { return std::move(*checked(std::get_if<0>(&content_))); }
  T &operator*() & noexcept { return value(); }
  const T &operator*() const & noexcept { return value(); }
  T &&operator*() && noexcept { return std::move(*this).value(); }
  T *operator->() noexcept { return &value(); }
  const T *operator->() const noexcept { return &value(); }
  /// The T, or the fallback where there is an error.
  template <class Fallback>
  T value_or(Fallback &&fallback) && {
    return has_value() ? std::move(*this).value() : static_cast<T>(std::forward<Fallback>(fallback));
  }

  /// The error. A program that asks a T for it is terminated.
  const codex::error &error() const noexcept { return *checked(std::get_if<1>(&content_)); }

 private:
  template <class Content>
  static Content *checked(Content *content) noexcept {
    if (content == nullptr) std::terminate();
    return content;
  }

  std::variant<T, codex::error> content_;
};

/// Success or the error.
template <>
class [[nodiscard]] expected<void> {
 public:
  expected() noexcept = default;
  expected(codex::error error) : error_(std::move(error)) {}

  /// Whether it is success.
  bool has_value() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }

  /// The error. A program that asks success for it is terminated.
  const codex::error &error() const noexcept {
    if (!error_) std::terminate();
    return *error_;
  }

 private:
  std::optional<codex::error> error_;
};

#if CODEX_THROWS
/// What a call that can fail returns: a T, for failures are thrown as codex::error.
template <class T>
using outcome = T;
#else
/// What a call that can fail returns: a T or the error.
template <class T>
using outcome = expected<T>;
#endif

/// @cond
namespace detail {

#if CODEX_THROWS
template <class T>
[[noreturn]] outcome<T> failure(error &&failed) {
  throw std::move(failed);
}
inline outcome<void> success() noexcept {}
#else
template <class T>
outcome<T> failure(error &&failed) {
  return expected<T>(std::move(failed));
}
inline outcome<void> success() noexcept { return {}; }
#endif

/// Calls a function that hands out nothing.
template <class Function, class... Arguments>
outcome<void> done(Function function, Arguments... arguments) {
  codex_error *err = nullptr;
  const codex_status status = function(arguments..., &err);
  if (status < 0) return failure<void>(error(static_cast<codex::status>(status), err));
  return success();
}

/// Calls a function that has no error to hand out.
template <class Function, class... Arguments>
outcome<void> done_plainly(Function function, Arguments... arguments) {
  const codex_status status = function(arguments...);
  if (status < 0) return failure<void>(error(static_cast<codex::status>(status), nullptr));
  return success();
}

/// Calls a function that waits; whether what it waited for came.
template <class Function, class... Arguments>
outcome<bool> came(Function function, Arguments... arguments) {
  codex_error *err = nullptr;
  const codex_status status = function(arguments..., &err);
  if (status < 0) return failure<bool>(error(static_cast<codex::status>(status), err));
  return status == CODEX_OK;
}

/// Calls a function that hands out a handle.
template <class Handle, class Function, class... Arguments>
outcome<Handle> made(Function function, Arguments... arguments) {
  typename Handle::c_type *out = nullptr;
  codex_error *err = nullptr;
  const codex_status status = function(arguments..., &out, &err);
  if (status < 0) return failure<Handle>(error(static_cast<codex::status>(status), err));
  return Handle(out);
}

/// Calls a function that hands out the result of a turn, also when the turn did not complete.
template <class Function, class... Arguments>
outcome<turn_result> ran(Function function, Arguments... arguments) {
  codex_turn_result *out = nullptr;
  codex_error *err = nullptr;
  const codex_status status = function(arguments..., &out, &err);
  turn_result result(out);
  if (status < 0) return failure<turn_result>(error(static_cast<codex::status>(status), err, std::move(result)));
  return result;
}

}  // namespace detail
/// @endcond

// ---- documents ------------------------------------------------------------------------------------------------------

/// A JSON text of its own, with its value: what calls answer. Used by one thread at a time.
class document {
 public:
  /// An empty document: its text is "", its value absent.
  document() noexcept = default;
  /// Takes the text that a function of codex.h handed out as owned.
  explicit document(char *owned) noexcept : text_(owned) {}

  /// Parses a text, or takes over a value of another JSON library.
  /// @throws error  invalid_json, with line and column
  /// @see codex_value_parse, codex_value_json
  static outcome<document> parse(const json_arg &text) {
    codex_value *parsed = nullptr;
    codex_error *err = nullptr;
    const codex_status status = codex_value_parse(text.c_str(), &parsed, &err);
    if (status < 0) return detail::failure<document>(error(static_cast<codex::status>(status), err));
    document made;
    made.value_.reset(parsed);
    made.text_.reset(codex_value_json(parsed));
    return made;
  }

  /// The text, byte for byte as it was received. Borrowed.
  std::string_view json() const noexcept CODEX_BORROWED { return detail::view(text_.get()); }
  /// The text, parsed when it is first asked for; absent when it is empty, or nested too deeply to be read. Borrowed.
  /// @see codex_value_parse
  codex::value value() const noexcept CODEX_BORROWED {
    if (!value_ && text_) {
      codex_value *parsed = nullptr;
      codex_value_parse(text_.get(), &parsed, nullptr);
      value_.reset(parsed);
    }
    return codex::value(value_.get());
  }
  /// What a JSON Pointer (RFC 6901) leads to. Borrowed.
  codex::value at(const string_arg &pointer) const noexcept CODEX_BORROWED { return value().at(pointer); }
  /// A member of the object. Borrowed.
  codex::value operator[](std::string_view key) const CODEX_BORROWED { return value()[key]; }

 private:
  detail::owned_string text_;
  mutable std::unique_ptr<codex_value, detail::freed_by<codex_value_free>> value_;
};

/// @cond
namespace detail {

/// Calls a function that hands out a JSON text.
template <class Function, class... Arguments>
outcome<document> answered(Function function, Arguments... arguments) {
  char *out = nullptr;
  codex_error *err = nullptr;
  const codex_status status = function(arguments..., &out, &err);
  if (status < 0) return failure<document>(error(static_cast<codex::status>(status), err));
  return document(out);
}

}  // namespace detail
/// @endcond

// ---- writing JSON ---------------------------------------------------------------------------------------------------

/// A builder of the params of a call: `codex::params().set("model", "gpt-5.5").timeout(30s)`.
///
/// A key that begins with `/` is a JSON Pointer and creates the objects on its way. Setting a field again replaces it.
/// A setter that fails changes nothing, and the call that is given the params fails with the first failure. Used by one
/// thread at a time.
class params : public handle<codex_params, codex_params_free> {
 public:
  /// Params without fields. @see codex_params_new
  params() : handle(codex_params_new()) {}

  /// Sets a field to a string, a whole number, a number, true or false, null (nullptr), a duration (its milliseconds),
  /// a codex::value, other params, or a value of a JSON library.
  /// @see codex_params_set_bool, codex_params_set_int, codex_params_set_double
  template <class Value>
  params &set(const string_arg &key, const Value &value) {
    if constexpr (std::is_same_v<Value, std::nullptr_t>) set_json(key, "null");
    else if constexpr (std::is_same_v<Value, bool>) codex_params_set_bool(get(), key.c_str(), value);
    else if constexpr (std::is_enum_v<Value>) set_choice(key, value);
    else if constexpr (std::is_unsigned_v<Value> && sizeof(Value) >= sizeof(std::int64_t))
      set_json(key, std::to_string(value));
    else if constexpr (std::is_integral_v<Value>) codex_params_set_int(get(), key.c_str(), value);
    else if constexpr (std::is_floating_point_v<Value>)
      codex_params_set_double(get(), key.c_str(), static_cast<double>(value));
    else if constexpr (std::is_convertible_v<const Value &, codex::timeout>) set(key, codex::timeout(value).count());
    else if constexpr (std::is_convertible_v<const Value &, const string_arg &>) set_string(key, value);
    else set_json(key, value);
    return *this;
  }
  /// Sets a field to a string. @see codex_params_set_string
  params &set_string(const string_arg &key, const string_arg &value) {
    codex_params_set_string(get(), key.c_str(), value.c_str());
    return *this;
  }
  /// Sets a field to any JSON value, whose numbers and strings stay as they are written. @see codex_params_set_json
  params &set_json(const string_arg &key, const json_arg &text) {
    codex_params_set_json(get(), key.c_str(), text.c_str());
    return *this;
  }

  /// The model of a thread or turn.
  params &model(const string_arg &name) { return set_string("model", name); }
  /// The working directory of a thread or turn.
  params &cwd(const string_arg &directory) { return set_string("cwd", directory); }
  /// Who decides about what the agent wants to do.
  params &approval_mode(codex::approval_mode mode) { return set("approvalMode", mode); }
  /// What commands may do unasked.
  params &sandbox(codex::sandbox policy) { return set("sandbox", policy); }
  /// The JSON Schema that the last word of a turn is to keep to: see turn_result::output.
  params &output_schema(const json_arg &schema) { return set_json("outputSchema", schema); }
  /// The longest that a turn may take; none switches the limit off.
  params &timeout(codex::timeout time) { return set("/limits/timeoutMs", limit(time)); }
  /// The longest that a turn may do nothing; none switches the limit off.
  params &idle_timeout(codex::timeout time) { return set("/limits/idleTimeoutMs", limit(time)); }
  /// How many tokens a turn may use; 0 for any number.
  params &max_tokens(std::int64_t count) { return set("/limits/maxTokens", count); }
  /// How many tools a turn may call; 0 for any number.
  params &max_tool_calls(std::int64_t count) { return set("/limits/maxToolCalls", count); }

  /// Adds a text to the input of a turn, behind the text of the call and what was added before.
  /// @see codex_params_add_text
  params &add_text(const string_arg &text) {
    codex_params_add_text(get(), text.c_str());
    return *this;
  }
  /// Adds an image by its URL. The runtime takes data URLs only. @see codex_params_add_image_url
  params &add_image_url(const string_arg &url) {
    codex_params_add_image_url(get(), url.c_str());
    return *this;
  }
  /// Adds an image from a file, which the runtime reads. @see codex_params_add_image_file
  params &add_image_file(const string_arg &path) {
    codex_params_add_image_file(get(), path.c_str());
    return *this;
  }
  /// Adds an image from memory, like `add_image_bytes(pixels.data(), pixels.size(), "image/png")`. Copied.
  /// @see codex_params_add_image_bytes
  params &add_image_bytes(const void *bytes, std::size_t length, const string_arg &mime_type) {
    codex_params_add_image_bytes(get(), static_cast<const std::uint8_t *>(bytes), length, mime_type.c_str());
    return *this;
  }
  /// Adds a skill that the agent is to use. @see codex_params_add_skill
  params &add_skill(const string_arg &name, const string_arg &path) {
    codex_params_add_skill(get(), name.c_str(), path.c_str());
    return *this;
  }
  /// Adds a mention of an app or a plugin. @see codex_params_add_mention
  params &add_mention(const string_arg &name, const string_arg &path) {
    codex_params_add_mention(get(), name.c_str(), path.c_str());
    return *this;
  }
  /// Makes the message of a tool or system what the turn begins with, instead of a person's input. The namespace may be
  /// nullptr. @see codex_params_set_external_message
  params &set_external_message(const string_arg &tool_name, const string_arg &tool_namespace,
                               const string_arg &content) {
    codex_params_set_external_message(get(), tool_name.c_str(), tool_namespace.c_str(), content.c_str());
    return *this;
  }

  /// The params as JSON. Borrowed until the next call with these params. @see codex_params_json
  std::string_view json() const noexcept CODEX_BORROWED { return codex_params_json(get()); }

 private:
  static std::int64_t limit(codex::timeout time) noexcept { return time.count() > 0 ? time.count() : 0; }

  void set_choice(const string_arg &key, codex::approval_mode mode) {
    static constexpr const char *names[] = {"ask", "autoReview", "denyAll"};
    set_string(key, names[static_cast<std::size_t>(mode)]);
  }
  void set_choice(const string_arg &key, codex::sandbox policy) {
    static constexpr const char *names[] = {"read-only", "workspace-write", "danger-full-access"};
    set_string(key, names[static_cast<std::size_t>(policy)]);
  }
};

inline json_arg::json_arg(const params &fields) noexcept : string_arg(codex_params_json(fields.get())) {}

// ---- requests -------------------------------------------------------------------------------------------------------

/// A question of the runtime, which waits for the answer: an approval, a question to the user, a call of a tool. It may
/// be kept and answered later; one that is destroyed without an answer is declined. Answers never block. Any thread.
///
/// An answer that does not fit the kind is an error, invalid_argument, and leaves the request open; one to a request
/// that needs no answer any more is already_answered.
class request : public handle<codex_request, codex_request_free> {
 public:
  using handle::handle;

  /// What is asked. @see codex_request_get_kind
  request_kind kind() const noexcept { return static_cast<request_kind>(codex_request_get_kind(get())); }
  /// The number of the request, unique within the client: event_view::request_id of its events. @see codex_request_id
  std::uint64_t id() const noexcept { return codex_request_id(get()); }
  /// The pointer that was attached to the turn of the request; NULL when there is none. @see codex_request_user_data
  void *user_data() const noexcept { return codex_request_user_data(get()); }
  /// The item that the request is about, as it began; absent when there is none. Borrowed. @see codex_request_item
  codex::value item() const noexcept CODEX_BORROWED { return codex::value(codex_request_item(get())); }
  /// The method of the runtime, like "item/commandExecution/requestApproval". Borrowed. @see codex_request_method
  std::string_view method() const noexcept CODEX_BORROWED { return detail::view(codex_request_method(get())); }
  /// The params of the request, byte for byte. Borrowed. @see codex_request_json
  std::string_view json() const noexcept CODEX_BORROWED { return detail::sized<codex_request_json>(get()); }
  /// What json() gives, parsed when it is first asked for. Borrowed. @see codex_request_value
  codex::value value() const noexcept CODEX_BORROWED { return codex::value(codex_request_value(get())); }
  /// The arguments of a tool call. Borrowed.
  codex::value arguments() const noexcept CODEX_BORROWED { return value().at("/arguments"); }
  /// The id of the thread that the request is about; "" when there is none. Borrowed. @see codex_request_thread_id
  std::string_view thread_id() const noexcept CODEX_BORROWED { return detail::view(codex_request_thread_id(get())); }
  /// The id of the turn that the request is about; "" when there is none. Borrowed. @see codex_request_turn_id
  std::string_view turn_id() const noexcept CODEX_BORROWED { return detail::view(codex_request_turn_id(get())); }
  /// Whether it needs no answer any more: it was answered elsewhere, or its turn ended. @see codex_request_is_cancelled
  bool is_cancelled() const noexcept { return codex_request_is_cancelled(get()); }
  /// Has a function called once, on any thread, when the request needs no answer any more; at once if it needs none
  /// now. It sets a flag or posts a message; nothing of codex but destructors may be called inside.
  /// @see codex_request_set_cancelled
  template <class OnCancelled>
  outcome<void> set_cancelled(OnCancelled &&on_cancelled) const {
    return detail::done_plainly(codex_request_set_cancelled, get(), &detail::call_wakeup<OnCancelled>,
                                detail::kept(std::forward<OnCancelled>(on_cancelled)), &detail::destroy<OnCancelled>);
  }

  /// Says yes for this once. @throws error  invalid_argument, already_answered
  /// @see codex_request_approve
  outcome<void> approve() const { return detail::done(codex_request_approve, get(), false); }
  /// Says yes until the session ends. @throws error  invalid_argument, already_answered
  /// @see codex_request_approve
  outcome<void> approve_for_session() const { return detail::done(codex_request_approve, get(), true); }
  /// Says no; the turn goes on. @throws error  already_answered
  /// @see codex_request_decline
  outcome<void> decline() const { return detail::done(codex_request_decline, get()); }
  /// Says no, and interrupts the turn. @throws error  already_answered
  /// @see codex_request_cancel_turn
  outcome<void> cancel_turn() const { return detail::done(codex_request_cancel_turn, get()); }
  /// Answers a tool call with a text. @throws error  invalid_argument, already_answered
  /// @see codex_request_respond_text
  outcome<void> respond_text(const string_arg &text, tool_call went = tool_call::succeeded) const {
    return detail::done(codex_request_respond_text, get(), went == tool_call::succeeded, text.c_str());
  }
  /// Answers a tool call with the texts and images that were added to params. @throws error  as respond_text;
  /// invalid_json
  /// @see codex_request_respond_items
  outcome<void> respond_items(const json_arg &items, tool_call went = tool_call::succeeded) const {
    return detail::done(codex_request_respond_items, get(), went == tool_call::succeeded, items.c_str());
  }
  /// Answers a request of any kind in the runtime's own form. @throws error  as respond_items
  /// @see codex_request_respond_json
  outcome<void> respond_json(const json_arg &result) const {
    return detail::done(codex_request_respond_json, get(), result.c_str());
  }
  /// Answers a request of any kind with a JSON-RPC error, like -32603. @throws error  invalid_argument,
  /// already_answered
  /// @see codex_request_fail
  outcome<void> fail(std::int64_t code, const string_arg &message) const {
    return detail::done(codex_request_fail, get(), code, message.c_str());
  }
};

/// What the function of a tool may return: texts and images, and whether it did what it was called for.
class tool_answer {
 public:
  /// A text: the tool did what it was called for.
  template <class Text, class = std::enable_if_t<std::is_convertible_v<Text, std::string_view>>>
  tool_answer(const Text &text) : content_(std::string(std::string_view(text))) {}
  /// The texts and images that were added to params.
  tool_answer(params items) : content_(std::move(items)) {}
  /// A text that says why the tool did not do what it was called for.
  static tool_answer failure(std::string_view text) {
    tool_answer made(text);
    made.went_ = tool_call::failed;
    return made;
  }

  /// Answers the call.
  outcome<void> give(const request &call) const {
    if (const params *items = std::get_if<params>(&content_)) return call.respond_items(*items, went_);
    return call.respond_text(*std::get_if<std::string>(&content_), went_);
  }

 private:
  std::variant<std::string, params> content_;
  tool_call went_ = tool_call::succeeded;
};

/// @cond
namespace detail {

/// Declines a request whose handler threw, unless the handler has moved it elsewhere.
inline void decline_thrown(const request &asked, const char *what) noexcept {
  if (!asked) return;
  if (asked.kind() == request_kind::tool_call &&
      codex_request_respond_text(asked.get(), false, what, nullptr) == CODEX_OK)
    return;
  codex_request_decline(asked.get(), nullptr);
}

template <class Handler>
inline constexpr bool takes_request =
    std::is_invocable_v<Handler &, request &> || std::is_invocable_v<Handler &, request>;

/// Hands a request to a handler that takes it by reference or as its own.
template <class Handler>
decltype(auto) hand_over(Handler &handler, request &asked) {
  if constexpr (std::is_invocable_v<Handler &, request &>) return handler(asked);
  else return handler(std::move(asked));
}

template <class Handler>
void call_request_handler(void *user_data, codex_request *owned) noexcept {
  request asked(owned);
  contain([&] { hand_over(callable_of<Handler>(user_data), asked); },
          [&](const char *what) { decline_thrown(asked, what); });
}

template <class Tool>
void call_tool(void *user_data, codex_request *owned) noexcept {
  request call(owned);
  const auto run = [&] {
    const tool_answer answer = callable_of<Tool>(user_data)(call.arguments());
#if CODEX_THROWS
    answer.give(call);
#else
    if (const auto given = answer.give(call); !given) decline_thrown(call, given.error().what());
#endif
  };
  contain(run, [&](const char *what) { decline_thrown(call, what); });
}

template <class Tool>
constexpr codex_request_fn tool_function() noexcept {
  if constexpr (takes_request<std::decay_t<Tool>>) return &call_request_handler<Tool>;
  else return &call_tool<Tool>;
}

}  // namespace detail
/// @endcond

// ---- events ---------------------------------------------------------------------------------------------------------

/// A view of an event, as a callback gets it: valid during the call. Any thread.
class event_view {
 public:
  /// Views what a function of codex.h gave.
  explicit event_view(codex_event *borrowed) noexcept : event_(borrowed) {}

  /// For calls of codex.h; NULL when there is none.
  codex_event *get() const noexcept { return event_; }
  /// Whether there is an event.
  explicit operator bool() const noexcept { return event_ != nullptr; }

  /// What it is about. @see codex_event_get_kind
  event_kind kind() const noexcept { return static_cast<event_kind>(codex_event_get_kind(event_)); }
  /// The method of the runtime, like "item/agentMessage/delta"; "" for an event that the library made. Borrowed. @see
  /// codex_event_method
  std::string_view method() const noexcept { return detail::view(codex_event_method(event_)); }
  /// The text of a delta, a message, a warning, an error or the end of the connection; "" when it has none. Borrowed.
  /// @see codex_event_text
  std::string_view text() const noexcept { return detail::sized<codex_event_text>(event_); }
  /// The params of the notification, byte for byte. Borrowed. @see codex_event_json
  std::string_view json() const noexcept { return detail::sized<codex_event_json>(event_); }
  /// What json() gives, parsed when it is first asked for. Borrowed. @see codex_event_value
  codex::value value() const noexcept { return codex::value(codex_event_value(event_)); }
  /// When the runtime sent the event, by its own clock; nothing when unknown. @see codex_event_emitted_at_ms
  std::optional<std::chrono::system_clock::time_point> emitted_at() const noexcept {
    const std::int64_t known = codex_event_emitted_at_ms(event_);
    if (known == 0) return std::nullopt;
    return std::chrono::system_clock::time_point(std::chrono::milliseconds(known));
  }
  /// The id of the thread that it belongs to; "" when there is none. Borrowed. @see codex_event_thread_id
  std::string_view thread_id() const noexcept { return detail::view(codex_event_thread_id(event_)); }
  /// The id of the turn that it belongs to; "" when there is none. Borrowed. @see codex_event_turn_id
  std::string_view turn_id() const noexcept { return detail::view(codex_event_turn_id(event_)); }
  /// The id of the item that it belongs to; "" when there is none. Borrowed. @see codex_event_item_id
  std::string_view item_id() const noexcept { return detail::view(codex_event_item_id(event_)); }
  /// The pointer that was attached to the turn, the thread or the call that it belongs to; NULL when there is none.
  /// @see codex_event_user_data
  void *user_data() const noexcept { return codex_event_user_data(event_); }
  /// The call that a response answers: what client::begin_call gave; 0 for any other event. @see codex_event_call_id
  std::uint64_t call_id() const noexcept { return codex_event_call_id(event_); }
  /// The request that the event is about: request::id; 0 for any other event. @see codex_event_request_id
  std::uint64_t request_id() const noexcept { return codex_event_request_id(event_); }
  /// How many deltas it stands for. @see codex_event_merged
  std::uint32_t merged() const noexcept { return codex_event_merged(event_); }
  /// What went wrong with a call, a thread, a turn or the connection: ok when nothing did, and for other events.
  /// @see codex_event_status
  codex::status status() const noexcept { return static_cast<codex::status>(codex_event_status(event_, nullptr)); }
  /// What went wrong; nothing when nothing did. @see codex_event_status
  std::optional<codex::error> error() const {
    codex_error *err = nullptr;
    const codex_status status = codex_event_status(event_, &err);
    if (status >= 0) return std::nullopt;
    return codex::error(static_cast<codex::status>(status), err);
  }
  /// Takes the request out of a request event, to answer it now or later; empty when there is none, or it was taken
  /// before. One that is not taken is declined. @see codex_event_take_request
  [[nodiscard]] request take_request() noexcept { return request(codex_event_take_request(event_)); }

 protected:
  codex_event *event_ = nullptr;  ///< What is viewed.
};

/// Something that happened, which owns all that can be asked of it. Any thread.
class event : public event_view {
 public:
  /// An empty event.
  event() noexcept : event_view(nullptr) {}
  /// Takes what a function of codex.h handed out as owned.
  explicit event(codex_event *owned) noexcept : event_view(owned) {}
  event(event &&other) noexcept : event_view(std::exchange(other.event_, nullptr)) {}
  event &operator=(event &&other) noexcept {
    std::swap(event_, other.event_);
    return *this;
  }
  event(const event &) = delete;
  event &operator=(const event &) = delete;
  ~event() { codex_event_free(event_); }

  /// Gives it away: the caller frees it.
  [[nodiscard]] codex_event *release() noexcept { return std::exchange(event_, nullptr); }
};

/// What a wait for an event came to: `while (auto received = turn.next_event(100ms)) show(*received);`
class received {
 public:
  received(codex::status status, codex::event event) noexcept : status_(status), event_(std::move(event)) {}

  /// Whether there is an event.
  explicit operator bool() const noexcept { return static_cast<bool>(event_); }
  /// ok with an event; timeout when none came in time or the wait was woken; end when nothing will ever come again.
  codex::status status() const noexcept { return status_; }
  /// Whether nothing will ever come again.
  bool ended() const noexcept { return status_ == codex::status::end; }
  /// The event; empty when there is none.
  codex::event &operator*() noexcept CODEX_BORROWED { return event_; }
  codex::event *operator->() noexcept CODEX_BORROWED { return &event_; }

 private:
  codex::status status_;
  codex::event event_;
};

/// @cond
namespace detail {

using next_event_function = codex_status (*)(const void *source, std::int64_t timeout_ms, codex_event **out,
                                             codex_error **err);

inline codex_status next_of_turn(const void *turn, std::int64_t timeout_ms, codex_event **out,
                                 codex_error **err) noexcept {
  return codex_turn_next_event(static_cast<codex_turn *>(const_cast<void *>(turn)), timeout_ms, out, err);
}

inline codex_status next_of_client(const void *client, std::int64_t timeout_ms, codex_event **out,
                                   codex_error **err) noexcept {
  return codex_client_next_event(static_cast<codex_client *>(const_cast<void *>(client)), timeout_ms, out, err);
}

inline outcome<received> receive(next_event_function next, const void *source, timeout time) {
  codex_event *out = nullptr;
  codex_error *err = nullptr;
  const codex_status status = next(source, time.count(), &out, &err);
  if (status < 0) return failure<received>(error(static_cast<codex::status>(status), err));
  return received(static_cast<codex::status>(status), event(out));
}

}  // namespace detail
/// @endcond

/// The events that come from now on, as a range for one loop: `for (codex::event &event : turn.events())`.
///
/// The loop ends behind the last event; one with a deadline ends when that passes, too, and every one ends when the
/// wait is woken. ended() tells these apart. Borrowed from the turn or client. Used by one thread.
class event_range {
 public:
  /// @cond
  event_range(detail::next_event_function next, const void *source) noexcept : next_(next), source_(source) {}
  event_range(detail::next_event_function next, const void *source,
              std::chrono::steady_clock::time_point deadline) noexcept
      : next_(next), source_(source), deadline_(deadline) {}
  /// @endcond

  /// What marks the end of the loop.
  struct sentinel {};

  /// Holds the place in the loop.
  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = codex::event;
    using difference_type = std::ptrdiff_t;
    using pointer = codex::event *;
    using reference = codex::event &;

    iterator() noexcept = default;
    explicit iterator(event_range *range) noexcept : range_(range) {}

    /// The event; it may be moved away.
    codex::event &operator*() const noexcept { return range_->current_; }
    codex::event *operator->() const noexcept { return &range_->current_; }
    /// Waits for the next one. @throws error  as codex_turn_next_event
    iterator &operator++() {
      range_->advance();
      return *this;
    }
    void operator++(int) { range_->advance(); }
    friend bool operator==(const iterator &at, sentinel) noexcept { return at.is_at_end(); }
    friend bool operator!=(const iterator &at, sentinel) noexcept { return !at.is_at_end(); }

   private:
    bool is_at_end() const noexcept { return range_->stopped_; }

    event_range *range_ = nullptr;
  };

  /// Waits for the first event. @throws error  as codex_turn_next_event
  iterator begin() {
    advance();
    return iterator(this);
  }
  sentinel end() const noexcept { return {}; }

  /// Whether the loop ended because nothing will ever come again, and not because its time was up or it was woken.
  bool ended() const noexcept { return ended_; }
#if !CODEX_THROWS
  /// Why the loop ended early, in a program without exceptions; nothing when it did not.
  const std::optional<codex::error> &error() const noexcept { return error_; }
#endif

 private:
  timeout time_left() const noexcept {
    if (!deadline_) return forever;
    return *deadline_ - std::chrono::steady_clock::now();
  }

  void advance() {
    stopped_ = true;
#if CODEX_THROWS
    take(detail::receive(next_, source_, time_left()));
#else
    auto outcome = detail::receive(next_, source_, time_left());
    if (outcome) take(std::move(*outcome));
    else error_ = outcome.error();
#endif
  }

  void take(received &&next) noexcept {
    current_ = std::move(*next);
    ended_ = next.ended();
    stopped_ = !current_;
  }

  detail::next_event_function next_;
  const void *source_;
  std::optional<std::chrono::steady_clock::time_point> deadline_;
  codex::event current_;
  bool stopped_ = false;
  bool ended_ = false;
#if !CODEX_THROWS
  std::optional<codex::error> error_;
#endif
};

/// @cond
namespace detail {

/// The end of the time from now on; nothing for one without end.
inline event_range events_within(next_event_function next, const void *source, timeout time) noexcept {
  if (time.count() < 0) return event_range(next, source);
  return event_range(next, source, std::chrono::steady_clock::now() + std::chrono::milliseconds(time.count()));
}

/// What a function of the program returned, which may be nothing.
template <class Callable, class... Arguments>
flow flow_of(Callable &&callable, Arguments &&...arguments) {
  using returned = std::invoke_result_t<Callable, Arguments...>;
  static_assert(std::is_void_v<returned> || std::is_same_v<returned, flow>,
                "a function that is passed events or requests returns nothing or a codex::flow");
  if constexpr (std::is_void_v<returned>) {
    std::forward<Callable>(callable)(std::forward<Arguments>(arguments)...);
    return flow::proceed;
  } else {
    return std::forward<Callable>(callable)(std::forward<Arguments>(arguments)...);
  }
}

/// Passes the events of one run to functions on the stack of the caller, and keeps what they throw for the caller.
template <class Deliver>
class stream {
 public:
  explicit stream(Deliver &deliver) noexcept : deliver_(deliver) {}

  static std::int32_t on_event(void *user_data, codex_event *borrowed) noexcept {
    return static_cast<std::int32_t>(static_cast<stream *>(user_data)->pass(event_view(borrowed)));
  }

  void rethrow() const {
#if defined(__cpp_exceptions)
    if (thrown_) std::rethrow_exception(thrown_);
#endif
  }

 private:
  flow pass(event_view happened) noexcept {
#if defined(__cpp_exceptions)
    try {
      return deliver_(happened);
    } catch (...) {
      thrown_ = std::current_exception();
      return flow::interrupt;
    }
#else
    return deliver_(happened);
#endif
  }

  Deliver &deliver_;
#if defined(__cpp_exceptions)
  std::exception_ptr thrown_;
#endif
};

}  // namespace detail
/// @endcond

// ---- logins ---------------------------------------------------------------------------------------------------------

/// A login that a person completes elsewhere. Destroying it lets the login go on. Any thread.
class login : public handle<codex_login, codex_login_free> {
 public:
  using handle::handle;

  /// The id of the login, which "account/login/completed" names. Borrowed. @see codex_login_id
  std::string_view id() const noexcept CODEX_BORROWED { return detail::view(codex_login_id(get())); }
  /// Where the person completes the login. Borrowed. @see codex_login_url
  std::string_view url() const noexcept CODEX_BORROWED { return detail::view(codex_login_url(get())); }
  /// What the person types there; "" for a login in a browser. Borrowed. @see codex_login_user_code
  std::string_view user_code() const noexcept CODEX_BORROWED { return detail::view(codex_login_user_code(get())); }
  /// Waits until the person has logged in. @throws error  auth when that failed or was given up; as codex_login_wait
  outcome<void> wait() const { return detail::done(codex_login_wait, get(), forever.count()); }
  /// Waits; false when the person has not logged in within that time, and the login goes on. @throws error  as wait()
  /// @see codex_login_wait
  outcome<bool> wait(timeout time) const { return detail::came(codex_login_wait, get(), time.count()); }
  /// Gives the login up. Harmless when it has ended. @throws error  as codex_login_cancel
  outcome<void> cancel() const { return detail::done(codex_login_cancel, get()); }
};

// ---- turns ----------------------------------------------------------------------------------------------------------

/// The agent's work on one input. Destroying it lets a turn that runs go on. Any thread.
class turn : public handle<codex_turn, codex_turn_free> {
 public:
  using handle::handle;

  /// The id of the turn; "" until it is known. Borrowed. @see codex_turn_id
  std::string_view id() const noexcept CODEX_BORROWED { return detail::view(codex_turn_id(get())); }
  /// Attaches a pointer, which its events and requests carry from now on. The library never looks behind it.
  /// @see codex_turn_set_user_data
  void set_user_data(void *user_data) const noexcept { codex_turn_set_user_data(get(), user_data); }

  /// Takes the next event; the last one is turn_ended. @throws error  as codex_turn_next_event
  outcome<received> next_event(timeout time = forever) const {
    return detail::receive(detail::next_of_turn, get(), time);
  }
  /// All events that come, until the turn has ended: `for (codex::event &event : turn.events())`. Borrowed.
  /// @see codex_turn_next_event
  event_range events() const & noexcept CODEX_BORROWED { return event_range(detail::next_of_turn, get()); }
  /// The events that come within this time, counted for all of them together. Borrowed. @see codex_turn_next_event
  event_range events(timeout time) const & noexcept CODEX_BORROWED {
    return detail::events_within(detail::next_of_turn, get(), time);
  }
  /// The events that come until then. Borrowed. @see codex_turn_next_event
  event_range events(std::chrono::steady_clock::time_point deadline) const & noexcept CODEX_BORROWED {
    return event_range(detail::next_of_turn, get(), deadline);
  }
  event_range events() const && = delete;
  event_range events(timeout) const && = delete;
  event_range events(std::chrono::steady_clock::time_point) const && = delete;
  /// Makes a next_event that waits now, or else the next one, return without an event. @see codex_turn_wake
  void wake() const noexcept { codex_turn_wake(get()); }

  /// Adds input to the turn while it runs. @throws error  rpc with the reason "noActiveTurn" when it is over; as
  /// codex_turn_steer
  outcome<void> steer(const string_arg &text, const json_arg &params = {}) const {
    return detail::done(codex_turn_steer, get(), text.c_str(), params.c_str());
  }
  /// Adds the input of params to the turn while it runs. @throws error  as the other one
  outcome<void> steer(const params &input) const { return steer(nullptr, input); }
  /// Interrupts the turn. Never waits, and is harmless when the turn is over. @throws error  invalid_argument
  /// @see codex_turn_interrupt
  outcome<void> interrupt() const { return detail::done(codex_turn_interrupt, get()); }

  /// Waits for the end of the turn; each call gets a result of its own. Events that nobody read are discarded.
  /// @throws error  as thread::run; error::result has what a turn did that did not complete
  /// @see codex_turn_wait
  outcome<turn_result> wait() const { return detail::ran(codex_turn_wait, get(), forever.count()); }
  /// Waits; nothing when the turn goes on after that time. @throws error  as wait()
  /// @see codex_turn_wait
  outcome<std::optional<turn_result>> wait(timeout time) const {
    codex_turn_result *out = nullptr;
    codex_error *err = nullptr;
    const codex_status status = codex_turn_wait(get(), time.count(), &out, &err);
    turn_result result(out);
    if (status < 0) {
      return detail::failure<std::optional<turn_result>>(
          error(static_cast<codex::status>(status), err, std::move(result)));
    }
    return result ? std::optional<turn_result>(std::move(result)) : std::nullopt;
  }
};

// ---- threads --------------------------------------------------------------------------------------------------------

/// A conversation with the agent, which the runtime stores. Destroying it leaves the thread with the runtime. Any
/// thread.
class thread : public handle<codex_thread, codex_thread_free> {
 public:
  using handle::handle;

  /// The id of the thread, to resume it with; "" until it is known. Borrowed. @see codex_thread_id
  std::string_view id() const noexcept CODEX_BORROWED { return detail::view(codex_thread_id(get())); }
  /// What the runtime answered when the thread was opened, as a JSON object; "" until then. Borrowed.
  /// @see codex_thread_info_json
  std::string_view info_json() const noexcept CODEX_BORROWED { return detail::view(codex_thread_info_json(get())); }
  /// Attaches a pointer, which turns that are started from now on inherit. The library never looks behind it.
  /// @see codex_thread_set_user_data
  void set_user_data(void *user_data) const noexcept { codex_thread_set_user_data(get(), user_data); }
  /// Waits until a thread that was begun is ready. @throws error  why it could not be opened
  /// @see codex_thread_wait
  outcome<void> wait() const { return detail::done(codex_thread_wait, get(), forever.count()); }
  /// Waits; whether it is ready by then. @throws error  as wait()
  /// @see codex_thread_wait
  outcome<bool> wait(timeout time) const { return detail::came(codex_thread_wait, get(), time.count()); }

  /// Runs a turn to its end. What the runtime asks meanwhile, and the request handler does not answer, is declined.
  /// @throws error  turn_failed, turn_interrupted, turn_timed_out, limit and others, with what the turn did in
  /// error::result;
  ///         as codex_thread_run
  outcome<turn_result> run(const string_arg &text, const json_arg &params = {}) const {
    return detail::ran(codex_thread_run, get(), text.c_str(), params.c_str());
  }
  /// Runs a turn whose input is that of params. @throws error  as the other one
  outcome<turn_result> run(const params &input) const { return run(nullptr, input); }

  /// Runs a turn to its end and passes its events to `on_event(codex::event_view)`, on the calling thread. It returns
  /// nothing, or a codex::flow. What it throws interrupts the turn, and is thrown here when that has ended. Nothing is
  /// allocated for it.
  /// @throws error  as run
  template <class OnEvent, class = std::enable_if_t<std::is_invocable_v<OnEvent &, event_view &>>>
  outcome<turn_result> run_streamed(const string_arg &text, OnEvent &&on_event) const {
    return run_streamed(text, json_arg(), std::forward<OnEvent>(on_event));
  }
  /// The same with params. @throws error  as run
  template <class OnEvent, class = std::enable_if_t<std::is_invocable_v<OnEvent &, event_view &>>>
  outcome<turn_result> run_streamed(const string_arg &text, const json_arg &params, OnEvent &&on_event) const {
    auto deliver = [&](event_view happened) { return detail::flow_of(on_event, happened); };
    return stream(text, params, deliver);
  }
  /// The same; what the runtime asks is passed to `on_request(codex::request &)`, on the calling thread too, instead of
  /// to `on_event`: approvals, questions, and calls of tools that have no function. @throws error  as run
  template <class OnEvent, class OnRequest, class = std::enable_if_t<std::is_invocable_v<OnEvent &, event_view &>>>
  outcome<turn_result> run_streamed(const string_arg &text, const json_arg &params, OnEvent &&on_event,
                                    OnRequest &&on_request) const {
    auto deliver = [&](event_view happened) {
      request asked = happened.take_request();
      if (!asked) return detail::flow_of(on_event, happened);
      return detail::flow_of([&]() -> decltype(auto) { return detail::hand_over(on_request, asked); });
    };
    return stream(text, params, deliver);
  }

  /// Starts a turn and waits until the runtime has accepted it. @throws error  as codex_turn_start
  outcome<turn> start_turn(const string_arg &text, const json_arg &params = {}) const {
    return detail::made<turn>(codex_turn_start, get(), text.c_str(), params.c_str());
  }
  /// Starts a turn whose input is that of params. @throws error  as the other one
  outcome<turn> start_turn(const params &input) const { return start_turn(nullptr, input); }
  /// Starts a turn without waiting, also on a thread that is not ready yet. @throws error  as codex_turn_begin
  outcome<turn> begin_turn(const string_arg &text, const json_arg &params = {}) const {
    return detail::made<turn>(codex_turn_begin, get(), text.c_str(), params.c_str());
  }
  /// Starts a turn whose input is that of params, without waiting. @throws error  as the other one
  outcome<turn> begin_turn(const params &input) const { return begin_turn(nullptr, input); }
  /// Follows a turn that was started elsewhere, or the one that runs now. @throws error  as codex_turn_attach
  outcome<turn> attach_turn(const string_arg &turn_id = nullptr) const {
    return detail::made<turn>(codex_turn_attach, get(), turn_id.c_str());
  }
  /// Starts a turn in which the agent reviews changes. @throws error  as codex_thread_review
  outcome<turn> review(const json_arg &target, const json_arg &params = {}) const {
    return detail::made<turn>(codex_thread_review, get(), target.c_str(), params.c_str());
  }
  /// Has the agent pursue a goal, turn after turn, which here are one. @throws error  as codex_thread_goal
  outcome<turn> goal(const string_arg &objective, const json_arg &params = {}) const {
    return detail::made<turn>(codex_thread_goal, get(), objective.c_str(), params.c_str());
  }
  /// Has the model write a summary that takes the place of the history; returns when that has begun. @throws error  as
  /// codex_thread_compact
  outcome<turn> compact() const { return detail::made<turn>(codex_thread_compact, get()); }
  /// The same, when it is not to be followed. @throws error  as codex_thread_compact
  outcome<void> compact_unfollowed() const {
    return detail::done(codex_thread_compact, get(), static_cast<codex_turn **>(nullptr));
  }

  /// Asks the runtime what it knows of the thread, without its turns. @throws error  as codex_thread_read
  outcome<document> read() const { return detail::answered(codex_thread_read, get(), false); }
  /// Asks the runtime what it knows of the thread, its turns and their items. @throws error  as codex_thread_read
  outcome<document> read_with_turns() const { return detail::answered(codex_thread_read, get(), true); }
  /// Gives the thread a name. @throws error  as codex_thread_set_name
  outcome<void> set_name(const string_arg &name) const {
    return detail::done(codex_thread_set_name, get(), name.c_str());
  }
  /// Puts the thread away, until client::unarchive_thread. @throws error  as codex_thread_archive
  outcome<void> archive() const { return detail::done(codex_thread_archive, get()); }
  /// Has the runtime forget the thread for good: codex_thread_delete. @throws error  as that
  outcome<void> remove() const { return detail::done(codex_thread_delete, get()); }
  /// Lets the runtime unload the thread when it is idle. @throws error  as codex_thread_unsubscribe
  outcome<void> unsubscribe() const { return detail::done(codex_thread_unsubscribe, get()); }

 private:
  template <class Deliver>
  outcome<turn_result> stream(const string_arg &text, const json_arg &params, Deliver &deliver) const {
    detail::stream<Deliver> events(deliver);
    codex_turn_result *out = nullptr;
    codex_error *err = nullptr;
    const codex_status status = codex_thread_run_streamed(get(), text.c_str(), params.c_str(),
                                                          &detail::stream<Deliver>::on_event, &events, &out, &err);
    turn_result result(out);
    if (status >= 0) {
      events.rethrow();
      return result;
    }
    error failed(static_cast<codex::status>(status), err, std::move(result));
    events.rethrow();
    return detail::failure<turn_result>(std::move(failed));
  }
};

// ---- client options -------------------------------------------------------------------------------------------------

/// How a client is made: `codex::client_options().set_cwd("/srv").set_env("LANG", "C")`.
///
/// A setter that fails changes nothing, and connecting with the options fails with the first failure. Clients copy the
/// options and share their callbacks. Used by one thread at a time.
class client_options : public handle<codex_client_options, codex_client_options_free> {
 public:
  /// The defaults: start the `codex` that is found, and decline whatever nobody answers. @see codex_client_options_new
  client_options() : handle(codex_client_options_new()) {}

  /// Says where the runtime is: "stdio:", "unix:/path", "ws://host:port", "wss://host" or "replay:file.jsonl".
  /// @see codex_client_options_set_endpoint
  client_options &set_endpoint(const string_arg &url) {
    codex_client_options_set_endpoint(get(), url.c_str());
    return *this;
  }
  /// Gives the token that a runtime behind a socket wants to see. @see codex_client_options_set_bearer_token
  client_options &set_bearer_token(const string_arg &token) {
    codex_client_options_set_bearer_token(get(), token.c_str());
    return *this;
  }
  /// Whether `ws://`, which encrypts nothing, may lead to another machine. Default: false.
  /// @see codex_client_options_set_allow_insecure
  client_options &set_allow_insecure(bool allow) {
    codex_client_options_set_allow_insecure(get(), allow);
    return *this;
  }
  /// Writes everything that is said on the connection to a file, which the endpoint "replay:" plays back; nullptr:
  /// none. @see codex_client_options_set_record
  client_options &set_record(const string_arg &path) {
    codex_client_options_set_record(get(), path.c_str());
    return *this;
  }
  /// Names the executable of the runtime. @see codex_client_options_set_codex_path
  client_options &set_codex_path(const string_arg &path) {
    codex_client_options_set_codex_path(get(), path.c_str());
    return *this;
  }
  /// Gives the whole command line of the runtime instead: any container of std::string or const char *.
  template <class Words>
  client_options &set_command(const Words &words) {
    set_command_words(std::begin(words), std::end(words));
    return *this;
  }
  /// Gives the whole command line: `set_command({"ssh", "host", "codex", "app-server"})`.
  /// @see codex_client_options_set_command
  client_options &set_command(std::initializer_list<const char *> words) {
    codex_client_options_set_command(get(), words.begin(), words.size());
    return *this;
  }
  /// Sets the runtime's home directory: its configuration, login and sessions. @see codex_client_options_set_codex_home
  client_options &set_codex_home(const string_arg &path) {
    codex_client_options_set_codex_home(get(), path.c_str());
    return *this;
  }
  /// Sets the directory that the runtime starts in. @see codex_client_options_set_cwd
  client_options &set_cwd(const string_arg &path) {
    codex_client_options_set_cwd(get(), path.c_str());
    return *this;
  }
  /// Sets a variable of the runtime's environment; nullptr unsets it. @see codex_client_options_set_env
  client_options &set_env(const string_arg &name, const string_arg &value) {
    codex_client_options_set_env(get(), name.c_str(), value.c_str());
    return *this;
  }
  /// Whether the runtime gets the environment of this process. Default: true. @see codex_client_options_set_inherit_env
  client_options &set_inherit_env(bool inherit) {
    codex_client_options_set_inherit_env(get(), inherit);
    return *this;
  }
  /// Overrides one value of the runtime's configuration: `key=value` in TOML. @see codex_client_options_add_config
  client_options &add_config(const string_arg &toml_override) {
    codex_client_options_add_config(get(), toml_override.c_str());
    return *this;
  }
  /// Says who the program is. The title may be nullptr. @see codex_client_options_set_client_info
  client_options &set_client_info(const string_arg &name, const string_arg &title, const string_arg &version) {
    codex_client_options_set_client_info(get(), name.c_str(), title.c_str(), version.c_str());
    return *this;
  }
  /// Whether the experimental part of the protocol may be used. Default: true.
  /// @see codex_client_options_set_experimental_api
  client_options &set_experimental_api(bool enabled) {
    codex_client_options_set_experimental_api(get(), enabled);
    return *this;
  }
  /// Asks the runtime not to send a notification, by its exact method.
  /// @see codex_client_options_add_notification_opt_out
  client_options &add_notification_opt_out(const string_arg &method) {
    codex_client_options_add_notification_opt_out(get(), method.c_str());
    return *this;
  }
  /// How long connecting may take. Default: a minute. @see codex_client_options_set_connect_timeout_ms
  client_options &set_connect_timeout(timeout time) {
    codex_client_options_set_connect_timeout_ms(get(), time.count());
    return *this;
  }
  /// How long the runtime may take to answer a call that has no time of its own. Default: a minute.
  /// @see codex_client_options_set_request_timeout_ms
  client_options &set_request_timeout(timeout time) {
    codex_client_options_set_request_timeout_ms(get(), time.count());
    return *this;
  }
  /// How long the program may take to answer a request of the runtime; then it is declined. Default: forever.
  /// @see codex_client_options_set_answer_timeout_ms
  client_options &set_answer_timeout(timeout time) {
    codex_client_options_set_answer_timeout_ms(get(), time.count());
    return *this;
  }
  /// The longest message that is taken from the runtime. Default: 256 MiB.
  /// @see codex_client_options_set_max_message_bytes
  client_options &set_max_message_bytes(std::size_t bytes) {
    codex_client_options_set_max_message_bytes(get(), bytes);
    return *this;
  }
  /// How much all queues of a client may hold together. Default: 64 MiB. @see codex_client_options_set_max_queued_bytes
  client_options &set_max_queued_bytes(std::size_t bytes) {
    codex_client_options_set_max_queued_bytes(get(), bytes);
    return *this;
  }
  /// Whether the events of all turns are read from the client, in the order in which they come. Default: false.
  /// @see codex_client_options_set_single_queue
  client_options &set_single_queue(bool enabled) {
    codex_client_options_set_single_queue(get(), enabled);
    return *this;
  }
  /// Sets the limits of turns that have none of their own: an object like the member `limits` of params.
  /// @see codex_client_options_set_limits
  client_options &set_limits(const json_arg &limits) {
    codex_client_options_set_limits(get(), limits.c_str());
    return *this;
  }
  /// Whether interrupting a turn also ends the commands that it began. Default: false.
  /// @see codex_client_options_set_interrupt_ends_commands
  client_options &set_interrupt_ends_commands(bool enabled) {
    codex_client_options_set_interrupt_ends_commands(get(), enabled);
    return *this;
  }
  /// On how many threads its request handler and the functions of its tools run. Default: 1.
  /// @see codex_client_options_set_callback_threads
  client_options &set_callback_threads(std::uint32_t count) {
    codex_client_options_set_callback_threads(get(), count);
    return *this;
  }

  /// Hands log messages of this importance and of more to `log(codex::log_level, std::string_view target,
  /// std::string_view message)`, on the library's log thread, one at a time. @see codex_client_options_set_log
  template <class Log>
  client_options &set_log(log_level level, Log &&log) {
    const codex_log_fn pass = [](void *user_data, std::int32_t importance, const char *target,
                                 const char *message) noexcept {
      detail::contain(
          [&] { detail::callable_of<Log>(user_data)(static_cast<log_level>(importance), target, message); });
    };
    codex_client_options_set_log(get(), static_cast<std::int32_t>(level), pass, detail::kept(std::forward<Log>(log)),
                                 &detail::destroy<Log>);
    return *this;
  }
  /// Hands every message to and from the runtime to `trace(codex::direction, std::string_view line)`, with secrets
  /// removed, on the library's log thread, one at a time. @see codex_client_options_set_trace
  template <class Trace>
  client_options &set_trace(Trace &&trace) {
    const codex_trace_fn pass = [](void *user_data, std::int32_t way, const char *line, std::size_t length) noexcept {
      detail::contain(
          [&] { detail::callable_of<Trace>(user_data)(static_cast<direction>(way), std::string_view(line, length)); });
    };
    codex_client_options_set_trace(get(), pass, detail::kept(std::forward<Trace>(trace)), &detail::destroy<Trace>);
    return *this;
  }
  /// Hands the requests of the runtime to `handler(codex::request &)` or `handler(codex::request)`, on the callback
  /// threads. It may keep the request, moved away, and return. What it throws declines the request.
  /// @see codex_client_options_set_request_handler
  template <class Handler>
  client_options &set_request_handler(Handler &&handler) {
    static_assert(detail::takes_request<std::decay_t<Handler>>, "a request handler takes a codex::request");
    codex_client_options_set_request_handler(get(), &detail::call_request_handler<Handler>,
                                             detail::kept(std::forward<Handler>(handler)), &detail::destroy<Handler>);
    return *this;
  }

 private:
  template <class Word>
  void set_command_words(Word word, Word end) {
    std::unique_ptr<const char *[]> argv(new const char *[static_cast<std::size_t>(std::distance(word, end)) + 1]);
    std::size_t count = 0;
    for (; word != end; ++word) {
      if constexpr (std::is_convertible_v<decltype(*word), const char *>) argv[count++] = *word;
      else argv[count++] = word->c_str();
    }
    codex_client_options_set_command(get(), argv.get(), count);
  }
};

// ---- client ---------------------------------------------------------------------------------------------------------

/// One runtime, that the library starts and talks to. The connection ends with the last handle of the client, its
/// threads, its turns and its logins. Any thread.
class client : public handle<codex_client, codex_client_free> {
 public:
  using handle::handle;

  /// Starts the runtime and waits until it is ready. @throws error  runtime_not_found, runtime_start; as
  /// codex_client_connect
  static outcome<client> connect() { return detail::made<client>(codex_client_connect, no_options()); }
  /// The same with options. @throws error  as the other one
  /// @see codex_client_connect
  static outcome<client> connect(const client_options &options) {
    return detail::made<client>(codex_client_connect, static_cast<const codex_client_options *>(options.get()));
  }
  /// Starts the runtime and returns at once; the client's events tell when it is ready. @throws error  as
  /// codex_client_begin
  static outcome<client> begin() { return detail::made<client>(codex_client_begin, no_options()); }
  /// The same with options. @throws error  as the other one
  /// @see codex_client_begin
  static outcome<client> begin(const client_options &options) {
    return detail::made<client>(codex_client_begin, static_cast<const codex_client_options *>(options.get()));
  }

  /// Closes the client and waits until the runtime is gone; running turns end with closed. The time is that in which
  /// the runtime may end by itself; by_options is 5 seconds. @throws error  would_deadlock from a request handler
  /// @see codex_client_close
  outcome<void> close(timeout time = by_options) const { return detail::done(codex_client_close, get(), time.count()); }
  /// Who the runtime is, as a JSON object; "" until it is ready. Borrowed. @see codex_client_info_json
  std::string_view info_json() const noexcept CODEX_BORROWED { return detail::view(codex_client_info_json(get())); }
  /// Figures about the connection, as a JSON object of whole numbers. @see codex_client_stats_json
  document stats() const { return document(codex_client_stats_json(get())); }

  /// Calls any method of the runtime and waits for its result. @throws error  as codex_client_call
  outcome<document> call(const string_arg &method, const json_arg &params = {}, timeout time = by_options) const {
    return detail::answered(codex_client_call, get(), method.c_str(), params.c_str(), time.count());
  }
  /// Calls any method without waiting; the answer is a response event, whose call_id and user_data tell it.
  /// @return its call_id
  /// @throws error  as codex_client_begin_call
  outcome<std::uint64_t> begin_call(const string_arg &method, const json_arg &params = {}, timeout time = by_options,
                                    void *user_data = nullptr) const {
    std::uint64_t call_id = 0;
    codex_error *err = nullptr;
    const codex_status status =
        codex_client_begin_call(get(), method.c_str(), params.c_str(), time.count(), user_data, &call_id, &err);
    if (status < 0) return detail::failure<std::uint64_t>(error(static_cast<codex::status>(status), err));
    return call_id;
  }
  /// Sends a notification to the runtime. @throws error  as codex_client_notify
  outcome<void> notify(const string_arg &method, const json_arg &params = {}) const {
    return detail::done(codex_client_notify, get(), method.c_str(), params.c_str());
  }

  /// Takes the next event that belongs to no turn handle. @throws error  as codex_client_next_event
  outcome<received> next_event(timeout time = forever) const {
    return detail::receive(detail::next_of_client, get(), time);
  }
  /// All events that come until the client is closed: `for (codex::event &event : client.events())`. Borrowed.
  /// @see codex_client_next_event
  event_range events() const & noexcept CODEX_BORROWED { return event_range(detail::next_of_client, get()); }
  /// The events that come within this time, counted for all of them together. Borrowed. @see codex_client_next_event
  event_range events(timeout time) const & noexcept CODEX_BORROWED {
    return detail::events_within(detail::next_of_client, get(), time);
  }
  /// The events that come until then. Borrowed. @see codex_client_next_event
  event_range events(std::chrono::steady_clock::time_point deadline) const & noexcept CODEX_BORROWED {
    return event_range(detail::next_of_client, get(), deadline);
  }
  event_range events() const && = delete;
  event_range events(timeout) const && = delete;
  event_range events(std::chrono::steady_clock::time_point) const && = delete;
  /// Makes a next_event that waits now, or else the next one, return without an event. @see codex_client_wake
  void wake() const noexcept { codex_client_wake(get()); }
  /// Calls a function, on any thread, each time the client's events go from none to some, and at once if there are some
  /// now. It sets a flag or posts a message; nothing of codex but destructors may be called inside. If the former one
  /// runs now, its end is waited for: hold no lock that it takes. @throws error  forked
  /// @see codex_client_set_wakeup
  template <class Wakeup>
  outcome<void> set_wakeup(Wakeup &&wakeup) const {
    return detail::done_plainly(codex_client_set_wakeup, get(), &detail::call_wakeup<Wakeup>,
                                detail::kept(std::forward<Wakeup>(wakeup)), &detail::destroy<Wakeup>);
  }
  /// Calls the former function no more; waits for its end as the other one does. @throws error  forked
  /// @see codex_client_set_wakeup
  outcome<void> set_wakeup(std::nullptr_t) const {
    return detail::done_plainly(codex_client_set_wakeup, get(), nullptr, nullptr, nullptr);
  }
  /// A descriptor for poll, epoll or select, readable while there are events; -1 where the system has none. Never read
  /// or close it. @see codex_client_wakeup_fd
  int wakeup_fd() const noexcept { return codex_client_wakeup_fd(get()); }

  /// Gives the agent a function of the program: `tool(codex::value arguments)`, which returns a text or a
  /// codex::tool_answer, or `tool(codex::request &)`, which answers itself, now or later. The parameter's type must be
  /// named. It runs on the callback threads; what it throws is told to the agent. @throws error  as
  /// codex_client_add_tool
  template <class Tool>
  outcome<void> add_tool(const string_arg &name, const string_arg &description, const json_arg &input_schema,
                         Tool &&tool) const {
    return detail::done(codex_client_add_tool, get(), name.c_str(), description.c_str(), input_schema.c_str(),
                        detail::tool_function<Tool>(), detail::kept(std::forward<Tool>(tool)), &detail::destroy<Tool>);
  }
  /// Adds a tool without a function: its calls go to the request handler, or arrive as request events.
  /// @throws error  as codex_client_add_tool
  outcome<void> add_tool(const string_arg &name, const string_arg &description,
                         const json_arg &input_schema = {}) const {
    return detail::done(codex_client_add_tool, get(), name.c_str(), description.c_str(), input_schema.c_str(), nullptr,
                        nullptr, nullptr);
  }

  /// Logs in with an API key, which is stored untried. @throws error  as codex_client_login_api_key
  outcome<void> login_api_key(const string_arg &api_key) const {
    return detail::done(codex_client_login_api_key, get(), api_key.c_str());
  }
  /// Begins a login with ChatGPT in a browser on this machine. @throws error  as codex_client_login_chatgpt
  outcome<login> login_chatgpt() const { return detail::made<login>(codex_client_login_chatgpt, get()); }
  /// Begins a login with ChatGPT on another device. @throws error  as codex_client_login_chatgpt
  /// @see codex_client_login_device_code
  outcome<login> login_device_code() const { return detail::made<login>(codex_client_login_device_code, get()); }
  /// Asks the runtime who is logged in. @throws error  as codex_client_account
  outcome<document> account() const { return detail::answered(codex_client_account, get(), false); }
  /// The same, after the runtime has renewed its token. @throws error  as codex_client_account
  outcome<document> refreshed_account() const { return detail::answered(codex_client_account, get(), true); }
  /// Logs out. Harmless when nobody is logged in. @throws error  as codex_client_logout
  outcome<void> logout() const { return detail::done(codex_client_logout, get()); }
  /// Asks the runtime for a page of its models. @throws error  as codex_client_models
  outcome<document> models(const json_arg &params = {}) const {
    return detail::answered(codex_client_models, get(), params.c_str());
  }

  /// Starts a new thread. @throws error  as codex_thread_start
  outcome<thread> start_thread(const json_arg &params = {}) const {
    return detail::made<thread>(codex_thread_start, get(), params.c_str());
  }
  /// Starts a new thread without waiting. @throws error  as codex_thread_begin
  outcome<thread> begin_thread(const json_arg &params = {}) const {
    return detail::made<thread>(codex_thread_begin, get(), params.c_str());
  }
  /// Goes on with a thread that the runtime has stored. @throws error  rpc with the reason "threadNotFound"; as
  /// codex_thread_resume
  outcome<thread> resume_thread(const string_arg &thread_id, const json_arg &params = {}) const {
    return detail::made<thread>(codex_thread_resume, get(), thread_id.c_str(), params.c_str());
  }
  /// Goes on with a stored thread without waiting. @throws error  as codex_thread_resume_begin
  outcome<thread> begin_resume_thread(const string_arg &thread_id, const json_arg &params = {}) const {
    return detail::made<thread>(codex_thread_resume_begin, get(), thread_id.c_str(), params.c_str());
  }
  /// Makes a new thread that begins as a copy of a stored one. @throws error  as codex_thread_fork
  outcome<thread> fork_thread(const string_arg &thread_id, const json_arg &params = {}) const {
    return detail::made<thread>(codex_thread_fork, get(), thread_id.c_str(), params.c_str());
  }
  /// Makes a copy of a stored thread without waiting. @throws error  as codex_thread_fork_begin
  outcome<thread> begin_fork_thread(const string_arg &thread_id, const json_arg &params = {}) const {
    return detail::made<thread>(codex_thread_fork_begin, get(), thread_id.c_str(), params.c_str());
  }
  /// A handle of a thread that the runtime has loaded already. Nothing is asked. @throws error  as codex_thread_from_id
  outcome<thread> thread_from_id(const string_arg &thread_id) const {
    return detail::made<thread>(codex_thread_from_id, get(), thread_id.c_str());
  }
  /// Takes a thread back that was archived. @throws error  as codex_thread_unarchive
  outcome<void> unarchive_thread(const string_arg &thread_id) const {
    return detail::done(codex_thread_unarchive, get(), thread_id.c_str());
  }
  /// Asks the runtime for a page of the threads that it has stored, the newest first. @throws error  as
  /// codex_thread_list
  outcome<document> list_threads(const json_arg &params = {}) const {
    return detail::answered(codex_thread_list, get(), params.c_str());
  }

 private:
  static const codex_client_options *no_options() noexcept { return nullptr; }
};

/// Whether this build of the library has a feature, like "wakeup-fd". Any thread. @see codex_has_feature
inline bool has_feature(const string_arg &name) noexcept { return codex_has_feature(name.c_str()); }

// ---- other JSON libraries -------------------------------------------------------------------------------------------

/// Lets nlohmann::json be made from a value: `nlohmann::json json = event.value();`. Needs nothing of that library
/// here: any BasicJson with its parse() will do. An absent value is null.
template <class BasicJson, class = decltype(BasicJson::parse(std::string(), nullptr, false))>
void to_json(BasicJson &made, const value &from) {
  made = from ? BasicJson::parse(from.json(), nullptr, false) : BasicJson();
}

/// Lets nlohmann::json be made from everything here that has a json(): a result, a document, an event, a request,
/// params, an error.
template <class BasicJson, class From, class = decltype(BasicJson::parse(std::string_view(), nullptr, false)),
          class = std::enable_if_t<std::is_same_v<decltype(std::declval<const From &>().json()), std::string_view>>>
void to_json(BasicJson &made, const From &from) {
  made = from.json().empty() ? BasicJson() : BasicJson::parse(from.json(), nullptr, false);
}

}  // inline namespace
}  // namespace codex

#undef CODEX_BORROWED

#endif
