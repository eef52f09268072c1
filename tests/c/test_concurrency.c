/* Many threads at once: every function of the header on shared handles, handles that are freed and closed under whoever waits
 * inside, and several readers of one turn. */
#define _GNU_SOURCE /* rwlocks that let writers in, waitid */

#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE = 20000 };

/* ---- shared handles ---------------------------------------------------------------------------------------------- */

typedef enum kind { CLIENT, THREAD, TURN, EVENT, REQUEST, RESULT, FAILURE, VALUE, LOGIN, KINDS } kind;

enum { PLACES = 12, CLIENTS = 4, PLAYERS = 64 };

/* Whoever enters a call holds the lock for reading; who frees the handle has it alone while taking it away. */
typedef struct place {
  pthread_rwlock_t lock;
  void *handle;
} place;

static place places[KINDS][PLACES];

static void free_client(void *it) { codex_client_free(it); }
static void free_thread(void *it) { codex_thread_free(it); }
static void free_turn(void *it) { codex_turn_free(it); }
static void free_event(void *it) { codex_event_free(it); }
static void free_request(void *it) { codex_request_free(it); }
static void free_result(void *it) { codex_turn_result_free(it); }
static void free_failure(void *it) { codex_error_free(it); }
static void free_value(void *it) { codex_value_free(it); }
static void free_login(void *it) { codex_login_free(it); }

static void (*const free_of[KINDS])(void *) = {free_client, free_thread,  free_turn,  free_event, free_request,
                                               free_result, free_failure, free_value, free_login};

static size_t places_of(kind k) { return k == CLIENT ? CLIENTS : PLACES; }

static void *exchange(place *where, void *handle) {
  pthread_rwlock_wrlock(&where->lock);
  void *former = where->handle;
  where->handle = handle;
  pthread_rwlock_unlock(&where->lock);
  return former;
}

static void make_places(void) {
  pthread_rwlockattr_t attributes;
  pthread_rwlockattr_init(&attributes);
  pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  for (int k = 0; k < KINDS; k++)
    for (int i = 0; i < PLACES; i++) pthread_rwlock_init(&places[k][i].lock, &attributes);
  pthread_rwlockattr_destroy(&attributes);
}

static void empty_places(void) {
  for (int k = 0; k < KINDS; k++)
    for (int i = 0; i < PLACES; i++) free_of[k](exchange(&places[k][i], NULL));
}

/* ---- players ----------------------------------------------------------------------------------------------------- */

/* Expensive calls are made once in a while by a hurried player, and always by a thorough one. */
typedef enum pace { HURRIED, THOROUGH } pace;

typedef struct player {
  uint64_t random;
  pace pace;
  codex_params *params;
  codex_client_options *options;
  codex_thread *runs; /* where the run is whose events this player is handed */
  codex_error *err;
  size_t length;
  uint64_t calls[256];
} player;

/* xorshift64: the same moves for the same seed. */
static size_t pick(player *p, size_t below) {
  p->random ^= p->random << 13;
  p->random ^= p->random >> 7;
  p->random ^= p->random << 17;
  return (size_t)(p->random >> 33) % below;
}

static bool leaves_out(player *p, size_t out_of) { return p->pace == HURRIED && pick(p, out_of) != 0; }

/* A handle to call with; NULL when that place is empty. */
static place *enter(player *p, kind k) {
  place *where = &places[k][pick(p, places_of(k))];
  pthread_rwlock_rdlock(&where->lock);
  if (where->handle != NULL) return where;
  pthread_rwlock_unlock(&where->lock);
  return NULL;
}

static void leave(place *where) { pthread_rwlock_unlock(&where->lock); }

/* Shares a new handle in the place of another, which is freed. */
static void put(player *p, kind k, void *handle) {
  if (handle != NULL) free_of[k](exchange(&places[k][pick(p, places_of(k))], handle));
}

static void *take(player *p, kind k) { return exchange(&places[k][pick(p, places_of(k))], NULL); }

/* Whatever a call returns, it is a status of the header and no defect; its error is shared. */
static void accept(player *p, codex_status status) {
  CHECK(status != CODEX_ERROR_INTERNAL);
  CHECK(strcmp(codex_status_name(status), "CODEX_UNKNOWN") != 0);
  CHECK((status < 0) || p->err == NULL);
  put(p, FAILURE, p->err);
  p->err = NULL;
}

/* Reads every byte. */
static void look(const char *string) { CHECK(string != NULL && strlen(string) < 1 << 30); }

static void look_or_null(const char *string) { CHECK(string == NULL || strlen(string) < 1 << 30); }

static int64_t short_time(player *p) { return (int64_t)pick(p, 20); }

static flag registered = FLAG_INITIALIZER, destroyed = FLAG_INITIALIZER, called = FLAG_INITIALIZER;

/* A pointer that the library is to destroy once. */
static void *registration(void) {
  flag_raise(&registered);
  return &destroyed;
}

static void on_wakeup(void *unused) {
  (void)unused;
  flag_raise(&called);
}

static void on_log(void *unused, int32_t level, const char *target, const char *message) {
  (void)unused, (void)level;
  look(target), look(message);
}

static void on_trace(void *unused, int32_t direction, const char *line, size_t length) {
  (void)unused, (void)direction;
  CHECK(strlen(line) == length);
}

/* Keeps every other request for the players. */
static void on_request(void *unused, codex_request *request) {
  uint64_t id = codex_request_id(request);
  (void)unused;
  if (id % 2 == 0) codex_request_free(exchange(&places[REQUEST][id % PLACES], request));
  else codex_request_free(request);
}

static void steer(codex_turn *turn, codex_error **err) { codex_turn_steer(turn, "more", NULL, err); }
static void interrupt(codex_turn *turn, codex_error **err) { codex_turn_interrupt(turn, err); }
static void look_at_id(codex_turn *turn, codex_error **err) { look(codex_turn_id(turn)), (void)err; }

/* Does something with a handle of the turn that runs, or of another that it starts, and frees that. */
static void use_a_turn(player *p, const codex_event *event) {
  static void (*const uses[])(codex_turn *, codex_error **) = {steer, interrupt, look_at_id};
  codex_turn *turn = NULL;
  codex_error *failed = NULL;
  if (pick(p, 2) == 0) codex_turn_attach(p->runs, codex_event_turn_id(event), &turn, &failed);
  else codex_turn_begin(p->runs, "another", NULL, &turn, &failed);
  if (turn != NULL) uses[pick(p, COUNT(uses))](turn, &failed);
  CHECK(codex_error_status(failed) != CODEX_ERROR_INTERNAL);
  codex_error_free(failed);
  codex_turn_free(turn);
}

static int32_t on_event(void *pointer, codex_event *event) {
  player *p = pointer;
  look(codex_event_json(event, NULL));
  if (pick(p, 8) == 0) return CODEX_INTERRUPT;
  if (pick(p, 8) == 0) use_a_turn(p, event);
  return CODEX_CONTINUE;
}

static codex_client_options *make_options(player *p) {
  static const char *const scripts[] = {
      "{\"on\":{\"account/login/start\":[{\"reply\":{\"type\":\"chatgpt\",\"loginId\":\"login-$id\",\"authUrl\":\"http://a\","
      "\"verificationUrl\":\"http://v\",\"userCode\":\"U\"}}]}}",
      "{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}},{\"flood\":{\"count\":300}}]}}",
      "{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true,\"deltas\":[\"one \",\"two\"]}},"
      "{\"request\":[\"$turnId\",\"item/commandExecution/requestApproval\",{\"threadId\":\"$threadId\",\"turnId\":\"$turnId\","
      "\"itemId\":\"i\",\"command\":\"ls\"}]},{\"request\":[\"t$turnId\",\"item/tool/call\",{\"threadId\":\"$threadId\","
      "\"turnId\":\"$turnId\",\"callId\":\"c\",\"tool\":\"t\",\"arguments\":{}}]},{\"waitAnswer\":\"$turnId\"},{\"finishTurn\":{}}]}}",
  };
  codex_client_options *options = codex_client_options_new();
  codex_client_options_set_codex_path(options, required_env("FAKE_RUNTIME"));
  codex_client_options_set_env(options, "FAKE_RUNTIME_SCRIPT", scripts[pick(p, COUNT(scripts))]);
  codex_client_options_set_request_timeout_ms(options, 2000);
  codex_client_options_set_max_queued_bytes(options, 1 << 20);
  if (pick(p, 3) == 0) codex_client_options_set_request_handler(options, on_request, registration(), flag_raise_callback);
  if (pick(p, 3) == 0) codex_client_options_set_trace(options, on_trace, registration(), flag_raise_callback);
  if (pick(p, 6) == 0) codex_client_options_set_single_queue(options, true);
  return options;
}

/* ---- one call of each function ----------------------------------------------------------------------------------- */

static const char limits[] = "{\"limits\":{\"timeoutMs\":300}}";

/* The function, called with a shared handle `it`; false when there was none. */
#define WITH(kind, type, function, statement) \
  static bool hammer_##function(player *p) {  \
    place *here = enter(p, kind);             \
    if (here == NULL) return false;           \
    type *it = here->handle;                  \
    statement;                                \
    leave(here);                              \
    return true;                              \
  }
#define WITH_SELDOM(out_of, kind, type, function, statement) \
  static bool hammer_##function(player *p) {                 \
    place *here = leaves_out(p, out_of) ? NULL : enter(p, kind); \
    if (here == NULL) return false;                          \
    type *it = here->handle;                                 \
    statement;                                               \
    leave(here);                                             \
    return true;                                             \
  }
#define CLIENT_CALL(function, statement) WITH(CLIENT, codex_client, function, statement)
#define THREAD_CALL(function, statement) WITH(THREAD, codex_thread, function, statement)
#define TURN_CALL(function, statement) WITH(TURN, codex_turn, function, statement)
#define EVENT_CALL(function, statement) WITH(EVENT, codex_event, function, statement)
#define REQUEST_CALL(function, statement) WITH(REQUEST, codex_request, function, statement)
#define RESULT_CALL(function, statement) WITH(RESULT, codex_turn_result, function, statement)
#define ERROR_CALL(function, statement) WITH(FAILURE, codex_error, function, statement)
#define VALUE_CALL(function, statement) WITH(VALUE, codex_value, function, statement)
#define LOGIN_CALL(function, statement) WITH(LOGIN, codex_login, function, statement)
/* The function without a shared handle. */
#define ALONE(function, statement)           \
  static bool hammer_##function(player *p) { \
    (void)p;                                 \
    statement;                               \
    return true;                             \
  }
#define FREES(kind, function, out_of)         \
  static bool hammer_##function(player *p) {  \
    if (leaves_out(p, out_of)) return false;  \
    void *it = take(p, kind);                 \
    function(it);                             \
    return it != NULL;                        \
  }

ALONE(codex_version, look(codex_version()))
ALONE(codex_version_number, CHECK(codex_version_number() >= CODEX_VERSION_NUMBER))
ALONE(codex_abi_version, CHECK_INT(codex_abi_version(), CODEX_ABI_VERSION))
ALONE(codex_has_feature, CHECK(codex_has_feature("stdio")))
ALONE(codex_status_name, look(codex_status_name(-(int32_t)pick(p, 50))))

ERROR_CALL(codex_error_status, CHECK(codex_error_status(it) < 0))
ERROR_CALL(codex_error_message, look(codex_error_message(it)))
ERROR_CALL(codex_error_reason, look(codex_error_reason(it)))
ERROR_CALL(codex_error_rpc_code, codex_error_rpc_code(it))
ERROR_CALL(codex_error_is_retryable, codex_error_is_retryable(it))
ERROR_CALL(codex_error_json, look(codex_error_json(it)))
FREES(FAILURE, codex_error_free, 4)
VALUE_CALL(codex_string_free, codex_string_free(codex_value_json(it)))

static bool hammer_codex_value_parse(player *p) {
  static const char *const documents[] = {"{\"a\":[1,2.5,true,\"\\u00e9\"],\"b\":{\"c\":null}}", "[[[[]]]]", "\"text\"", "{"};
  codex_value *value = NULL;
  accept(p, codex_value_parse(documents[pick(p, COUNT(documents))], &value, &p->err));
  put(p, VALUE, value);
  return true;
}
FREES(VALUE, codex_value_free, 4)
VALUE_CALL(codex_value_get_type, CHECK(codex_value_get_type(it) >= CODEX_VALUE_NULL))
VALUE_CALL(codex_value_at, look_or_null(codex_value_string(codex_value_at(it, "/a/3"), NULL)))
VALUE_CALL(codex_value_string, look_or_null(codex_value_string(it, &p->length)))
VALUE_CALL(codex_value_int, codex_value_int(codex_value_item(it, 0), 7))
VALUE_CALL(codex_value_double, codex_value_double(codex_value_at(it, "/a/1"), 7))
VALUE_CALL(codex_value_bool, codex_value_bool(codex_value_at(it, "/a/2"), false))
VALUE_CALL(codex_value_count, CHECK(codex_value_count(it) <= 4))
VALUE_CALL(codex_value_item, CHECK(codex_value_item(it, 9) == NULL))
VALUE_CALL(codex_value_json, codex_string_free(codex_value_json(it)))
VALUE_CALL(codex_value_key, look_or_null(codex_value_key(it, 0)))

static bool hammer_codex_params_new(player *p) {
  codex_params_free(codex_params_new());
  return p->params != NULL;
}
static bool hammer_codex_params_free(player *p) {
  codex_params_free(p->params);
  p->params = codex_params_new();
  return true;
}
ALONE(codex_params_set_string, accept(p, codex_params_set_string(p->params, "/deep/text", "value")))
ALONE(codex_params_set_int, accept(p, codex_params_set_int(p->params, "number", 7)))
ALONE(codex_params_set_double, accept(p, codex_params_set_double(p->params, "number", 7.5)))
ALONE(codex_params_set_bool, accept(p, codex_params_set_bool(p->params, "truth", true)))
ALONE(codex_params_set_json, accept(p, codex_params_set_json(p->params, "json", "[1]")))
ALONE(codex_params_add_text, accept(p, codex_params_add_text(p->params, "text")))
ALONE(codex_params_add_image_url, accept(p, codex_params_add_image_url(p->params, "data:image/png;base64,AA==")))
ALONE(codex_params_add_image_file, accept(p, codex_params_add_image_file(p->params, "/no/such.png")))
ALONE(codex_params_add_image_bytes, accept(p, codex_params_add_image_bytes(p->params, (const uint8_t *)"x", 1, "image/png")))
ALONE(codex_params_add_skill, accept(p, codex_params_add_skill(p->params, "skill", "/no/such/skill")))
ALONE(codex_params_add_mention, accept(p, codex_params_add_mention(p->params, "file", "/no/such/file")))
ALONE(codex_params_set_external_message, accept(p, codex_params_set_external_message(p->params, "tool", "space", "text")))
ALONE(codex_params_json, look(codex_params_json(p->params)))

static bool hammer_codex_client_options_new(player *p) {
  codex_client_options *options = make_options(p);
  codex_client_options_free(options);
  return true;
}
static bool hammer_codex_client_options_free(player *p) {
  codex_client_options_free(p->options);
  p->options = make_options(p);
  return true;
}
/* With a token, no client of a runtime that is started here can be made. */
static bool hammer_codex_client_options_set_bearer_token(player *p) {
  codex_client_options *options = codex_client_options_new();
  accept(p, codex_client_options_set_bearer_token(options, "token"));
  codex_client_options_free(options);
  return true;
}
/* Options belong to one thread; connecting with them in other threads is shown by the clients that are made from them. */
#define OPTIONS_CALL(function, ...) ALONE(function, accept(p, function(p->options, __VA_ARGS__)))
OPTIONS_CALL(codex_client_options_set_endpoint, "stdio:")
OPTIONS_CALL(codex_client_options_set_allow_insecure, false)
OPTIONS_CALL(codex_client_options_set_codex_path, required_env("FAKE_RUNTIME"))
OPTIONS_CALL(codex_client_options_set_command, &(const char *const){required_env("FAKE_RUNTIME")}, 1)
OPTIONS_CALL(codex_client_options_set_codex_home, "/")
OPTIONS_CALL(codex_client_options_set_cwd, "/")
OPTIONS_CALL(codex_client_options_set_env, "NAME", "value")
OPTIONS_CALL(codex_client_options_set_inherit_env, true)
OPTIONS_CALL(codex_client_options_add_config, "model=\"m\"")
OPTIONS_CALL(codex_client_options_set_client_info, "hammer", NULL, "1")
OPTIONS_CALL(codex_client_options_set_experimental_api, true)
OPTIONS_CALL(codex_client_options_add_notification_opt_out, "future/event")
OPTIONS_CALL(codex_client_options_set_connect_timeout_ms, CODEX_WAIT_DEFAULT)
OPTIONS_CALL(codex_client_options_set_request_timeout_ms, 2000)
OPTIONS_CALL(codex_client_options_set_answer_timeout_ms, 500)
OPTIONS_CALL(codex_client_options_set_max_message_bytes, 1 << 20)
OPTIONS_CALL(codex_client_options_set_max_queued_bytes, 1 << 20)
OPTIONS_CALL(codex_client_options_set_single_queue, false)
OPTIONS_CALL(codex_client_options_set_limits, "{\"timeoutMs\":300}")
OPTIONS_CALL(codex_client_options_set_interrupt_ends_commands, true)
OPTIONS_CALL(codex_client_options_set_callback_threads, 2)
OPTIONS_CALL(codex_client_options_set_log, CODEX_LOG_TRACE, on_log, registration(), flag_raise_callback)
OPTIONS_CALL(codex_client_options_set_trace, on_trace, registration(), flag_raise_callback)
OPTIONS_CALL(codex_client_options_set_record, "/dev/null")
OPTIONS_CALL(codex_client_options_set_request_handler, on_request, registration(), flag_raise_callback)

static bool hammer_codex_client_connect(player *p) {
  codex_client *client = NULL;
  if (leaves_out(p, 100)) return false;
  accept(p, codex_client_connect(p->options, &client, &p->err));
  put(p, CLIENT, client);
  return true;
}
static bool hammer_codex_client_begin(player *p) {
  codex_client *client = NULL;
  if (leaves_out(p, 100)) return false;
  accept(p, codex_client_begin(p->options, &client, &p->err));
  put(p, CLIENT, client);
  return true;
}
WITH_SELDOM(200, CLIENT, codex_client, codex_client_close, accept(p, codex_client_close(it, 1000, &p->err)))
FREES(CLIENT, codex_client_free, 100)
CLIENT_CALL(codex_client_info_json, look(codex_client_info_json(it)))
CLIENT_CALL(codex_client_stats_json, codex_string_free(codex_client_stats_json(it)))
CLIENT_CALL(codex_client_call, accept(p, codex_client_call(it, "thread/list", NULL, 500, NULL, &p->err)))
CLIENT_CALL(codex_client_begin_call, accept(p, codex_client_begin_call(it, "m", NULL, 500, p, NULL, &p->err)))
CLIENT_CALL(codex_client_notify, accept(p, codex_client_notify(it, "m", "{\"a\":1}", &p->err)))
static bool hammer_codex_client_next_event(player *p) {
  codex_event *event = NULL;
  place *here = enter(p, CLIENT);
  if (here == NULL) return false;
  accept(p, codex_client_next_event(here->handle, short_time(p), &event, &p->err));
  leave(here);
  put(p, EVENT, event);
  return true;
}
CLIENT_CALL(codex_client_wake, codex_client_wake(it))
CLIENT_CALL(codex_client_add_tool,
            accept(p, codex_client_add_tool(it, "t", "a tool", "{\"type\":\"object\"}", on_request, registration(),
                                            flag_raise_callback, &p->err)))
CLIENT_CALL(codex_client_set_wakeup, accept(p, codex_client_set_wakeup(it, on_wakeup, registration(), flag_raise_callback)))
CLIENT_CALL(codex_client_wakeup_fd, codex_client_wakeup_fd(it))

/* The function hands out a handle of its own, which is shared then. */
#define MAKES(kind, type, out_of, from, from_type, function, ...) \
  static bool hammer_##function(player *p) {                      \
    type *made = NULL;                                            \
    place *here = leaves_out(p, out_of) ? NULL : enter(p, from);  \
    if (here == NULL) return false;                               \
    from_type *it = here->handle;                                 \
    accept(p, function(it, __VA_ARGS__, &made, &p->err));         \
    leave(here);                                                  \
    put(p, kind, made);                                           \
    return true;                                                  \
  }
#define MAKES_THREAD(function, ...) MAKES(THREAD, codex_thread, 3, CLIENT, codex_client, function, __VA_ARGS__)
#define MAKES_TURN(function, ...) MAKES(TURN, codex_turn, 3, THREAD, codex_thread, function, __VA_ARGS__)
#define MAKES_RESULT(function, from, from_type, ...) MAKES(RESULT, codex_turn_result, 3, from, from_type, function, __VA_ARGS__)
MAKES_THREAD(codex_thread_start, limits)
MAKES_THREAD(codex_thread_begin, limits)
MAKES_THREAD(codex_thread_resume, "t", limits)
MAKES_THREAD(codex_thread_resume_begin, "t", limits)
MAKES_THREAD(codex_thread_fork, "t", limits)
MAKES_THREAD(codex_thread_fork_begin, "t", limits)
MAKES_THREAD(codex_thread_from_id, "t")
THREAD_CALL(codex_thread_wait, accept(p, codex_thread_wait(it, short_time(p), &p->err)))
THREAD_CALL(codex_thread_id, look(codex_thread_id(it)))
THREAD_CALL(codex_thread_set_user_data, codex_thread_set_user_data(it, p))
THREAD_CALL(codex_thread_info_json, look(codex_thread_info_json(it)))
/* The function hands out a text. */
#define MAKES_TEXT(kind, type, function, argument)           \
  static bool hammer_##function(player *p) {                 \
    char *json = NULL;                                       \
    place *here = enter(p, kind);                            \
    if (here == NULL) return false;                          \
    type *it = here->handle;                                 \
    accept(p, function(it, argument, &json, &p->err));       \
    leave(here);                                             \
    codex_string_free(json);                                 \
    return true;                                             \
  }
MAKES_TEXT(THREAD, codex_thread, codex_thread_read, true)
MAKES_TEXT(CLIENT, codex_client, codex_thread_list, NULL)
MAKES_TEXT(CLIENT, codex_client, codex_client_account, false)
MAKES_TEXT(CLIENT, codex_client, codex_client_models, NULL)
CLIENT_CALL(codex_client_login_api_key, accept(p, codex_client_login_api_key(it, "sk-hammer", &p->err)))
CLIENT_CALL(codex_client_logout, accept(p, codex_client_logout(it, &p->err)))
/* The function hands out a handle and takes nothing else. */
#define MAKES_ALONE(kind, type, from, from_type, function)  \
  static bool hammer_##function(player *p) {                \
    type *made = NULL;                                      \
    place *here = leaves_out(p, 3) ? NULL : enter(p, from); \
    if (here == NULL) return false;                         \
    from_type *it = here->handle;                           \
    accept(p, function(it, &made, &p->err));                \
    leave(here);                                            \
    put(p, kind, made);                                     \
    return true;                                            \
  }
MAKES_ALONE(LOGIN, codex_login, CLIENT, codex_client, codex_client_login_chatgpt)
MAKES_ALONE(LOGIN, codex_login, CLIENT, codex_client, codex_client_login_device_code)
LOGIN_CALL(codex_login_id, look(codex_login_id(it)))
LOGIN_CALL(codex_login_url, look(codex_login_url(it)))
LOGIN_CALL(codex_login_user_code, look(codex_login_user_code(it)))
LOGIN_CALL(codex_login_wait, accept(p, codex_login_wait(it, short_time(p), &p->err)))
LOGIN_CALL(codex_login_cancel, accept(p, codex_login_cancel(it, &p->err)))
FREES(LOGIN, codex_login_free, 4)
THREAD_CALL(codex_thread_archive, accept(p, codex_thread_archive(it, &p->err)))
CLIENT_CALL(codex_thread_unarchive, accept(p, codex_thread_unarchive(it, "t", &p->err)))
THREAD_CALL(codex_thread_delete, accept(p, codex_thread_delete(it, &p->err)))
THREAD_CALL(codex_thread_unsubscribe, accept(p, codex_thread_unsubscribe(it, &p->err)))
MAKES_TURN(codex_thread_review, "{\"type\":\"uncommittedChanges\"}", NULL)
MAKES_TURN(codex_thread_goal, "goal", NULL)
MAKES_ALONE(TURN, codex_turn, THREAD, codex_thread, codex_thread_compact)
THREAD_CALL(codex_thread_set_name, accept(p, codex_thread_set_name(it, "name", &p->err)))
FREES(THREAD, codex_thread_free, 10)

MAKES_RESULT(codex_thread_run, THREAD, codex_thread, "go", limits)
static bool hammer_codex_thread_run_streamed(player *p) {
  codex_turn_result *result = NULL;
  place *here = leaves_out(p, 3) ? NULL : enter(p, THREAD);
  if (here == NULL) return false;
  p->runs = here->handle;
  accept(p, codex_thread_run_streamed(p->runs, "go", limits, on_event, p, &result, &p->err));
  leave(here);
  put(p, RESULT, result);
  return true;
}
MAKES_TURN(codex_turn_start, "go", limits)
MAKES_TURN(codex_turn_begin, "go", limits)
MAKES_TURN(codex_turn_attach, NULL)
TURN_CALL(codex_turn_id, look(codex_turn_id(it)))
TURN_CALL(codex_turn_set_user_data, codex_turn_set_user_data(it, p))
static bool hammer_codex_turn_next_event(player *p) {
  codex_event *event = NULL;
  place *here = enter(p, TURN);
  if (here == NULL) return false;
  accept(p, codex_turn_next_event(here->handle, short_time(p), &event, &p->err));
  leave(here);
  put(p, EVENT, event);
  return true;
}
TURN_CALL(codex_turn_steer, accept(p, codex_turn_steer(it, "more", NULL, &p->err)))
TURN_CALL(codex_turn_interrupt, accept(p, codex_turn_interrupt(it, &p->err)))
TURN_CALL(codex_turn_wake, codex_turn_wake(it))
MAKES_RESULT(codex_turn_wait, TURN, codex_turn, short_time(p))
FREES(TURN, codex_turn_free, 10)

EVENT_CALL(codex_event_get_kind, CHECK(codex_event_get_kind(it) >= CODEX_EVENT_OTHER))
EVENT_CALL(codex_event_method, look(codex_event_method(it)))
EVENT_CALL(codex_event_text, look(codex_event_text(it, &p->length)))
EVENT_CALL(codex_event_json, look(codex_event_json(it, &p->length)))
EVENT_CALL(codex_event_value, codex_value_count(codex_event_value(it)))
EVENT_CALL(codex_event_emitted_at_ms, CHECK(codex_event_emitted_at_ms(it) >= 0))
EVENT_CALL(codex_event_thread_id, look(codex_event_thread_id(it)))
EVENT_CALL(codex_event_turn_id, look(codex_event_turn_id(it)))
EVENT_CALL(codex_event_item_id, look(codex_event_item_id(it)))
EVENT_CALL(codex_event_user_data, codex_event_user_data(it))
EVENT_CALL(codex_event_call_id, codex_event_call_id(it))
EVENT_CALL(codex_event_request_id, codex_event_request_id(it))
EVENT_CALL(codex_event_status, accept(p, codex_event_status(it, &p->err)))
EVENT_CALL(codex_event_merged, codex_event_merged(it))
EVENT_CALL(codex_event_take_request, put(p, REQUEST, codex_event_take_request(it)))
FREES(EVENT, codex_event_free, 4)

RESULT_CALL(codex_turn_result_json, look(codex_turn_result_json(it, &p->length)))
RESULT_CALL(codex_turn_result_value, codex_value_count(codex_turn_result_value(it)))
RESULT_CALL(codex_turn_result_id, look(codex_turn_result_id(it)))
RESULT_CALL(codex_turn_result_status, look(codex_turn_result_status(it)))
RESULT_CALL(codex_turn_result_final_response, look_or_null(codex_turn_result_final_response(it, &p->length)))
RESULT_CALL(codex_turn_result_output, codex_value_count(codex_turn_result_output(it)))
RESULT_CALL(codex_turn_result_error_message, look_or_null(codex_turn_result_error_message(it)))
RESULT_CALL(codex_turn_result_duration_ms, CHECK(codex_turn_result_duration_ms(it) >= -1))
RESULT_CALL(codex_turn_result_total_tokens, CHECK(codex_turn_result_total_tokens(it) >= -1))
RESULT_CALL(codex_turn_result_item_count, CHECK(codex_turn_result_item_count(it) < 1000))
RESULT_CALL(codex_turn_result_item, codex_value_count(codex_turn_result_item(it, 0)))
FREES(RESULT, codex_turn_result_free, 4)

REQUEST_CALL(codex_request_get_kind, CHECK(codex_request_get_kind(it) >= CODEX_REQUEST_OTHER))
REQUEST_CALL(codex_request_id, CHECK(codex_request_id(it) > 0))
REQUEST_CALL(codex_request_user_data, codex_request_user_data(it))
REQUEST_CALL(codex_request_item, codex_value_count(codex_request_item(it)))
REQUEST_CALL(codex_request_set_cancelled,
             accept(p, codex_request_set_cancelled(it, on_wakeup, registration(), flag_raise_callback)))
REQUEST_CALL(codex_request_method, look(codex_request_method(it)))
REQUEST_CALL(codex_request_json, look(codex_request_json(it, &p->length)))
REQUEST_CALL(codex_request_value, codex_value_count(codex_request_value(it)))
REQUEST_CALL(codex_request_thread_id, look(codex_request_thread_id(it)))
REQUEST_CALL(codex_request_turn_id, look(codex_request_turn_id(it)))
REQUEST_CALL(codex_request_is_cancelled, codex_request_is_cancelled(it))
REQUEST_CALL(codex_request_approve, accept(p, codex_request_approve(it, false, &p->err)))
REQUEST_CALL(codex_request_decline, accept(p, codex_request_decline(it, &p->err)))
REQUEST_CALL(codex_request_cancel_turn, accept(p, codex_request_cancel_turn(it, &p->err)))
REQUEST_CALL(codex_request_respond_text, accept(p, codex_request_respond_text(it, true, "done", &p->err)))
REQUEST_CALL(codex_request_respond_json, accept(p, codex_request_respond_json(it, "{}", &p->err)))
REQUEST_CALL(codex_request_respond_items,
             accept(p, codex_request_respond_items(it, true, "{\"input\":[{\"type\":\"text\",\"text\":\"t\"}]}", &p->err)))
REQUEST_CALL(codex_request_fail, accept(p, codex_request_fail(it, -32603, "no", &p->err)))
FREES(REQUEST, codex_request_free, 4)

/* ---- all functions of the header --------------------------------------------------------------------------------- */

typedef struct function {
  const char *name;
  bool (*hammer)(player *);
} function;

#define HAMMER(name) {#name, hammer_##name}

/* tests/evidence.rs compares this list with the header. */
static const function functions[] = {
    HAMMER(codex_abi_version),
    HAMMER(codex_version_number),
    HAMMER(codex_version),
    HAMMER(codex_has_feature),
    HAMMER(codex_status_name),
    HAMMER(codex_error_status),
    HAMMER(codex_error_message),
    HAMMER(codex_error_reason),
    HAMMER(codex_error_rpc_code),
    HAMMER(codex_error_is_retryable),
    HAMMER(codex_error_json),
    HAMMER(codex_error_free),
    HAMMER(codex_string_free),
    HAMMER(codex_value_parse),
    HAMMER(codex_value_free),
    HAMMER(codex_value_get_type),
    HAMMER(codex_value_at),
    HAMMER(codex_value_string),
    HAMMER(codex_value_int),
    HAMMER(codex_value_double),
    HAMMER(codex_value_bool),
    HAMMER(codex_value_count),
    HAMMER(codex_value_item),
    HAMMER(codex_value_json),
    HAMMER(codex_value_key),
    HAMMER(codex_params_new),
    HAMMER(codex_params_free),
    HAMMER(codex_params_set_string),
    HAMMER(codex_params_set_int),
    HAMMER(codex_params_set_double),
    HAMMER(codex_params_set_bool),
    HAMMER(codex_params_set_json),
    HAMMER(codex_params_add_text),
    HAMMER(codex_params_add_image_url),
    HAMMER(codex_params_add_image_file),
    HAMMER(codex_params_add_image_bytes),
    HAMMER(codex_params_add_skill),
    HAMMER(codex_params_add_mention),
    HAMMER(codex_params_set_external_message),
    HAMMER(codex_params_json),
    HAMMER(codex_client_options_new),
    HAMMER(codex_client_options_free),
    HAMMER(codex_client_options_set_endpoint),
    HAMMER(codex_client_options_set_bearer_token),
    HAMMER(codex_client_options_set_allow_insecure),
    HAMMER(codex_client_options_set_codex_path),
    HAMMER(codex_client_options_set_command),
    HAMMER(codex_client_options_set_codex_home),
    HAMMER(codex_client_options_set_cwd),
    HAMMER(codex_client_options_set_env),
    HAMMER(codex_client_options_set_inherit_env),
    HAMMER(codex_client_options_add_config),
    HAMMER(codex_client_options_set_client_info),
    HAMMER(codex_client_options_set_experimental_api),
    HAMMER(codex_client_options_add_notification_opt_out),
    HAMMER(codex_client_options_set_connect_timeout_ms),
    HAMMER(codex_client_options_set_request_timeout_ms),
    HAMMER(codex_client_options_set_answer_timeout_ms),
    HAMMER(codex_client_options_set_max_message_bytes),
    HAMMER(codex_client_options_set_max_queued_bytes),
    HAMMER(codex_client_options_set_single_queue),
    HAMMER(codex_client_options_set_limits),
    HAMMER(codex_client_options_set_interrupt_ends_commands),
    HAMMER(codex_client_options_set_callback_threads),
    HAMMER(codex_client_options_set_log),
    HAMMER(codex_client_options_set_trace),
    HAMMER(codex_client_options_set_record),
    HAMMER(codex_client_options_set_request_handler),
    HAMMER(codex_client_connect),
    HAMMER(codex_client_begin),
    HAMMER(codex_client_close),
    HAMMER(codex_client_free),
    HAMMER(codex_client_info_json),
    HAMMER(codex_client_stats_json),
    HAMMER(codex_client_call),
    HAMMER(codex_client_begin_call),
    HAMMER(codex_client_notify),
    HAMMER(codex_client_next_event),
    HAMMER(codex_client_wake),
    HAMMER(codex_client_add_tool),
    HAMMER(codex_client_set_wakeup),
    HAMMER(codex_client_wakeup_fd),
    HAMMER(codex_client_login_api_key),
    HAMMER(codex_client_login_chatgpt),
    HAMMER(codex_client_login_device_code),
    HAMMER(codex_login_id),
    HAMMER(codex_login_url),
    HAMMER(codex_login_user_code),
    HAMMER(codex_login_wait),
    HAMMER(codex_login_cancel),
    HAMMER(codex_login_free),
    HAMMER(codex_client_account),
    HAMMER(codex_client_logout),
    HAMMER(codex_client_models),
    HAMMER(codex_thread_start),
    HAMMER(codex_thread_begin),
    HAMMER(codex_thread_resume),
    HAMMER(codex_thread_resume_begin),
    HAMMER(codex_thread_fork),
    HAMMER(codex_thread_fork_begin),
    HAMMER(codex_thread_wait),
    HAMMER(codex_thread_from_id),
    HAMMER(codex_thread_id),
    HAMMER(codex_thread_set_user_data),
    HAMMER(codex_thread_info_json),
    HAMMER(codex_thread_read),
    HAMMER(codex_thread_set_name),
    HAMMER(codex_thread_archive),
    HAMMER(codex_thread_unarchive),
    HAMMER(codex_thread_delete),
    HAMMER(codex_thread_list),
    HAMMER(codex_thread_compact),
    HAMMER(codex_thread_review),
    HAMMER(codex_thread_goal),
    HAMMER(codex_thread_unsubscribe),
    HAMMER(codex_thread_free),
    HAMMER(codex_thread_run),
    HAMMER(codex_thread_run_streamed),
    HAMMER(codex_turn_start),
    HAMMER(codex_turn_begin),
    HAMMER(codex_turn_attach),
    HAMMER(codex_turn_id),
    HAMMER(codex_turn_set_user_data),
    HAMMER(codex_turn_next_event),
    HAMMER(codex_turn_steer),
    HAMMER(codex_turn_interrupt),
    HAMMER(codex_turn_wake),
    HAMMER(codex_turn_wait),
    HAMMER(codex_turn_free),
    HAMMER(codex_event_get_kind),
    HAMMER(codex_event_method),
    HAMMER(codex_event_text),
    HAMMER(codex_event_json),
    HAMMER(codex_event_value),
    HAMMER(codex_event_emitted_at_ms),
    HAMMER(codex_event_thread_id),
    HAMMER(codex_event_turn_id),
    HAMMER(codex_event_item_id),
    HAMMER(codex_event_user_data),
    HAMMER(codex_event_call_id),
    HAMMER(codex_event_request_id),
    HAMMER(codex_event_status),
    HAMMER(codex_event_merged),
    HAMMER(codex_event_take_request),
    HAMMER(codex_event_free),
    HAMMER(codex_turn_result_json),
    HAMMER(codex_turn_result_value),
    HAMMER(codex_turn_result_id),
    HAMMER(codex_turn_result_status),
    HAMMER(codex_turn_result_final_response),
    HAMMER(codex_turn_result_output),
    HAMMER(codex_turn_result_error_message),
    HAMMER(codex_turn_result_duration_ms),
    HAMMER(codex_turn_result_total_tokens),
    HAMMER(codex_turn_result_item_count),
    HAMMER(codex_turn_result_item),
    HAMMER(codex_turn_result_free),
    HAMMER(codex_request_get_kind),
    HAMMER(codex_request_id),
    HAMMER(codex_request_user_data),
    HAMMER(codex_request_item),
    HAMMER(codex_request_set_cancelled),
    HAMMER(codex_request_method),
    HAMMER(codex_request_json),
    HAMMER(codex_request_value),
    HAMMER(codex_request_thread_id),
    HAMMER(codex_request_turn_id),
    HAMMER(codex_request_is_cancelled),
    HAMMER(codex_request_approve),
    HAMMER(codex_request_decline),
    HAMMER(codex_request_cancel_turn),
    HAMMER(codex_request_respond_text),
    HAMMER(codex_request_respond_json),
    HAMMER(codex_request_respond_items),
    HAMMER(codex_request_fail),
    HAMMER(codex_request_free),
};

typedef char there_is_a_counter_for_each[COUNT(functions) <= COUNT(((player *)NULL)->calls) ? 1 : -1];

static void sit_down(player *p, uint64_t seed, pace pace) {
  memset(p, 0, sizeof *p);
  p->random = seed * 0x9E3779B97F4A7C15u + 1;
  p->pace = pace;
  p->params = codex_params_new();
  p->options = make_options(p);
}

static void get_up(player *p) {
  codex_params_free(p->params);
  codex_client_options_free(p->options);
}

/* What nobody has called with effect in the rounds before; a slow machine needs help with what is seldom. */
static size_t left_out = COUNT(functions);

static void make_a_move(player *p) {
  bool helps = left_out < COUNT(functions) && pick(p, 4) == 0;
  size_t which = helps && pick(p, 2) == 0 ? left_out : pick(p, COUNT(functions));
  p->pace = helps ? THOROUGH : HURRIED;
  p->calls[which] += functions[which].hammer(p);
}

static flag whistle = FLAG_INITIALIZER;

static void *play(void *pointer) {
  while (flag_count(&whistle) == 0) make_a_move(pointer);
  return NULL;
}

static player players[PLAYERS];

/* Tools that let one thread run at a time say how many they can take. */
static int player_count(void) {
  const char *fewer = getenv("CODEX_TEST_THREADS");
  return fewer == NULL ? PLAYERS : atoi(fewer);
}

static void play_for(int64_t milliseconds) {
  pthread_t threads[PLAYERS];
  whistle.raised = 0;
  for (int i = 0; i < player_count(); i++) threads[i] = thread_start(play, &players[i]);
  sleep_ms(milliseconds);
  flag_raise(&whistle);
  for (int i = 0; i < player_count(); i++) thread_join(threads[i]);
}

/* A function that no player has called with effect yet; their number when there is none. */
static size_t function_left_out(void) {
  for (size_t f = 0; f < COUNT(functions); f++) {
    uint64_t calls = 0;
    for (int i = 0; i < PLAYERS; i++) calls += players[i].calls[f];
    if (calls == 0) return f;
  }
  return COUNT(functions);
}

static void *do_nothing(void *unused) { return unused; }

/* How many threads the process has, with the one that a sanitizer starts beside the first of ours. */
static int thread_count(void) {
  thread_join(thread_start(do_nothing, NULL));
  DIR *tasks = opendir("/proc/self/task");
  int count = 0;
  while (tasks != NULL && readdir(tasks) != NULL) count++;
  if (tasks != NULL) closedir(tasks);
  return count;
}

/* Looks for children without reaping any of them. */
static bool has_children(void) {
  siginfo_t info;
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* All three, because the list of threads can come out short while one of them ends: the kernel stops listing there. */
static bool nothing_is_left(int threads_before) {
  return thread_count() == threads_before && !has_children() && flag_count(&destroyed) == flag_count(&registered);
}

static void check_nothing_is_left(int threads_before) {
  int64_t deadline = now_ms() + PATIENCE;
  while (!nothing_is_left(threads_before) && now_ms() < deadline) sleep_ms(10);
  CHECK_INT(thread_count(), threads_before);
  CHECK(!has_children());
  CHECK_INT(flag_count(&destroyed), flag_count(&registered));
}

TEST(sixty_four_threads_hammer_every_function_on_shared_handles_and_free_them_in_any_order) {
  enum { ROUND = 1500, ROUNDS = 20 };
  int threads_before = thread_count();
  for (int i = 0; i < PLAYERS; i++) sit_down(&players[i], (uint64_t)i + 1, HURRIED);
  for (int round = 0; round == 0 || (left_out < COUNT(functions) && round < ROUNDS); round++) {
    play_for(ROUND);
    left_out = function_left_out();
  }
  CHECK_STR(left_out < COUNT(functions) ? functions[left_out].name : "", "");
  empty_places();
  for (int i = 0; i < PLAYERS; i++) get_up(&players[i]);
  check_nothing_is_left(threads_before);
}

/* ---- every function in the child of a fork ----------------------------------------------------------------------- */

static void *use_the_library(void *client) {
  while (flag_count(&whistle) == 0) codex_string_free(codex_client_stats_json(client));
  return NULL;
}

static void make_every_move(player *p) {
  for (int round = 0; round < 3; round++)
    for (size_t f = 0; f < COUNT(functions); f++) functions[f].hammer(p);
}

TEST(no_function_hangs_or_crashes_in_the_child_of_a_fork) {
  enum { FORKS = 4 };
  int threads_before = thread_count();
  whistle.raised = 0;
  sit_down(&players[0], 1, THOROUGH);
  make_every_move(&players[0]);
  codex_client *client = connect_or_fail(options_for_fake(NULL, NULL));
  pthread_t busy = thread_start(use_the_library, client);
  for (int i = 0; i < FORKS; i++) {
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
      alarm(PATIENCE / 1000);
      make_every_move(&players[0]);
      empty_places();
      /* Not by exit: a leak checker would miss the threads that held what the parent's clients have. */
      execlp("true", "true", (char *)NULL);
      _exit(127);
    }
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
    make_every_move(&players[0]);
  }
  flag_raise(&whistle);
  thread_join(busy);
  codex_client_free(client);
  empty_places();
  get_up(&players[0]);
  check_nothing_is_left(threads_before);
}

/* ---- closed and freed under whoever waits inside ----------------------------------------------------------------- */

static const char never_ends[] = "{\"on\":{\"turn/start\":[[{\"turn\":{\"hold\":true}}],[{\"turn\":{\"hold\":true}}],"
                                 "[{\"turn\":{\"hold\":true}}],[{\"turn\":{\"hold\":true}}],[]],\"thread/start\":[[{\"builtin\":true}],"
                                 "[{\"builtin\":true}],[{\"builtin\":true}],[{\"builtin\":true}],[]],\"thread/resume\":[],"
                                 "\"thread/compact/start\":[],\"account/login/start\":[{\"reply\":{\"type\":\"chatgpt\",\"loginId\":\"l\","
                                 "\"authUrl\":\"http://a\"}}],\"test/never\":[]}}";

typedef struct waiter {
  void *(*wait)(void *);
  codex_client *client;
  codex_thread *thread;
  codex_turn *turn;
  codex_login *login;
  codex_status status;
  pthread_t running;
  pid_t task;
  flag about_to_wait;
} waiter;

static void *enter_and_wait(void *pointer) {
  waiter *w = pointer;
  w->task = gettid();
  flag_raise(&w->about_to_wait);
  return w->wait(w);
}

static bool is_asleep(pid_t task) {
  return strstr(read_file(text("/proc/self/task/%d/status", (int)task)), "\nState:\tS") != NULL;
}

/* A thread that is asleep whenever it is looked at has come to where it waits: one that the machine has no time for is not. Whoever
 * waits may wake for a moment, where a system has no pidfds. */
static void await_sleep(const waiter *w) {
  enum { LOOKS = 4, BETWEEN_MS = 50 };
  int64_t deadline = now_ms() + PATIENCE;
  int asleep = 0;
  while (asleep < LOOKS && now_ms() < deadline) {
    sleep_ms(BETWEEN_MS);
    asleep = is_asleep(w->task) ? asleep + 1 : 0;
  }
  CHECK_INT(asleep, LOOKS);
}

/* Returns when it waits inside. */
static void start_waiting(waiter *w) {
  w->running = thread_start(enter_and_wait, w);
  CHECK(flag_wait(&w->about_to_wait, 1));
  await_sleep(w);
}

static void *wait_for_call(void *pointer) {
  waiter *w = pointer;
  w->status = codex_client_call(w->client, "test/never", NULL, CODEX_WAIT_FOREVER, NULL, NULL);
  return NULL;
}

/* The status of the last event before the end. */
static codex_status read_to_the_end(codex_turn *turn) {
  codex_event *event = NULL;
  codex_status status = CODEX_OK;
  while (codex_turn_next_event(turn, CODEX_WAIT_FOREVER, &event, NULL) == CODEX_OK) {
    status = codex_event_status(event, NULL);
    codex_event_free(event);
  }
  return status;
}

static void *wait_for_event(void *pointer) {
  waiter *w = pointer;
  w->status = read_to_the_end(w->turn);
  return NULL;
}

static void *wait_for_turn(void *pointer) {
  waiter *w = pointer;
  codex_turn_result *result = NULL;
  w->status = codex_turn_wait(w->turn, CODEX_WAIT_FOREVER, &result, NULL);
  CHECK(result != NULL);
  codex_turn_result_free(result);
  return NULL;
}

static void *wait_for_run(void *pointer) {
  waiter *w = pointer;
  codex_turn_result *result = NULL;
  w->status = codex_thread_run(w->thread, "go", NULL, &result, NULL);
  CHECK(result != NULL);
  codex_turn_result_free(result);
  return NULL;
}

static int32_t go_on(void *unused, codex_event *event) {
  (void)unused, (void)event;
  return CODEX_CONTINUE;
}

static void *wait_for_streamed_run(void *pointer) {
  waiter *w = pointer;
  codex_turn_result *result = NULL;
  w->status = codex_thread_run_streamed(w->thread, "go", NULL, go_on, NULL, &result, NULL);
  CHECK(result != NULL);
  codex_turn_result_free(result);
  return NULL;
}

static void *wait_for_client_event(void *pointer) {
  waiter *w = pointer;
  codex_event *event = NULL;
  while ((w->status = codex_client_next_event(w->client, CODEX_WAIT_FOREVER, &event, NULL)) == CODEX_OK) codex_event_free(event);
  return NULL;
}

static void *wait_for_start_of_turn(void *pointer) {
  waiter *w = pointer;
  codex_turn *turn = NULL;
  w->status = codex_turn_start(w->thread, "go", NULL, &turn, NULL);
  CHECK(turn == NULL);
  return NULL;
}

static void *wait_for_start_of_thread(void *pointer) {
  waiter *w = pointer;
  codex_thread *thread = NULL;
  w->status = codex_thread_start(w->client, NULL, &thread, NULL);
  CHECK(thread == NULL);
  return NULL;
}

static void *wait_for_start_of_compaction(void *pointer) {
  waiter *w = pointer;
  codex_turn *turn = NULL;
  w->status = codex_thread_compact(w->thread, &turn, NULL);
  CHECK(turn == NULL);
  return NULL;
}

static void *wait_for_stored_thread(void *pointer) {
  waiter *w = pointer;
  codex_thread *thread = NULL;
  w->status = codex_thread_resume(w->client, "stored", NULL, &thread, NULL);
  CHECK(thread == NULL);
  return NULL;
}

static void *wait_for_begun_thread(void *pointer) {
  waiter *w = pointer;
  codex_thread *thread = NULL;
  CHECK_OK(codex_thread_begin(w->client, NULL, &thread, NULL), NULL);
  w->status = codex_thread_wait(thread, CODEX_WAIT_FOREVER, NULL);
  codex_thread_free(thread);
  return NULL;
}

static void *wait_for_login(void *pointer) {
  waiter *w = pointer;
  w->status = codex_login_wait(w->login, CODEX_WAIT_FOREVER, NULL);
  return NULL;
}

/* The order matters to the script: four threads and four turns start, the fifth of each is never answered. */
TEST(closing_releases_every_kind_of_wait) {
  static const struct {
    void *(*wait)(void *);
    codex_status expected;
  } waits[] = {
      {wait_for_event, CODEX_ERROR_CLOSED},          {wait_for_turn, CODEX_ERROR_CLOSED},
      {wait_for_run, CODEX_ERROR_CLOSED},            {wait_for_streamed_run, CODEX_ERROR_CLOSED},
      {wait_for_call, CODEX_ERROR_CLOSED},           {wait_for_client_event, CODEX_END},
      {wait_for_start_of_turn, CODEX_ERROR_CLOSED},  {wait_for_start_of_thread, CODEX_ERROR_CLOSED},
      {wait_for_start_of_compaction, CODEX_ERROR_CLOSED}, {wait_for_stored_thread, CODEX_ERROR_CLOSED},
      {wait_for_begun_thread, CODEX_ERROR_CLOSED},   {wait_for_login, CODEX_ERROR_CLOSED},
  };
  enum { THREADS = 4 };
  codex_client *client = connect_or_fail(options_for_fake(never_ends, NULL));
  codex_thread *threads[THREADS];
  codex_turn *turns[2];
  static waiter waiters[COUNT(waits)];
  codex_login *login = NULL;
  codex_error *err = NULL;
  for (int i = 0; i < THREADS; i++) threads[i] = start_thread_or_fail(client, NULL);
  for (int i = 0; i < 2; i++) turns[i] = start_turn_or_fail(threads[i], "go");
  CHECK_OK(codex_client_login_chatgpt(client, &login, &err), err);
  for (size_t i = 0; i < COUNT(waits); i++) {
    waiters[i] = (waiter){.wait = waits[i].wait, .client = client, .thread = threads[i % THREADS], .turn = turns[i % 2],
                          .login = login, .about_to_wait = FLAG_INITIALIZER};
    start_waiting(&waiters[i]);
  }
  CHECK_OK(codex_client_close(client, PATIENCE, &err), err);
  for (size_t i = 0; i < COUNT(waits); i++) {
    thread_join(waiters[i].running);
    CHECK_INT(waiters[i].status, waits[i].expected);
  }
  codex_login_free(login);
  for (int i = 0; i < 2; i++) codex_turn_free(turns[i]);
  for (int i = 0; i < THREADS; i++) codex_thread_free(threads[i]);
  codex_client_free(client);
}

/* A thread that waits inside keeps what it waits for; the handle is gone for everybody else. */
TEST(handles_may_be_freed_while_others_wait_inside) {
  codex_client *client = connect_or_fail(options_for_fake(
      "{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}}],\"test/finish\":[{\"finishTurn\":{\"turns\":\"all\"}},{\"reply\":{}}],"
      "\"test/all\":[{\"reply\":{}}]}}", NULL));
  codex_thread *thread = start_thread_or_fail(client, NULL);
  waiter run = {.wait = wait_for_run, .client = client, .thread = thread, .about_to_wait = FLAG_INITIALIZER};
  waiter turn = run, reader = run;
  turn.wait = wait_for_turn, turn.turn = start_turn_or_fail(thread, "go");
  reader.wait = wait_for_event, reader.turn = start_turn_or_fail(thread, "go");
  start_waiting(&run);
  start_waiting(&turn);
  /* What the turns have to say so far is there with the answer. */
  CHECK_OK(codex_client_call(client, "test/all", NULL, PATIENCE, NULL, NULL), NULL);
  start_waiting(&reader);
  codex_turn_free(reader.turn);
  codex_turn_free(turn.turn);
  codex_thread_free(thread);
  thread_join(reader.running);
  CHECK_OK(codex_client_call(client, "test/finish", NULL, PATIENCE, NULL, NULL), NULL);
  codex_client_free(client);
  thread_join(turn.running);
  thread_join(run.running);
  CHECK_INT(turn.status, CODEX_OK);
  CHECK_INT(run.status, CODEX_OK);
}

/* ---- several readers of one turn --------------------------------------------------------------------------------- */

enum { WORDS = 2000, READERS = 4 };

typedef struct reader {
  codex_turn *turn;
  int seen[WORDS];
  int last;
  bool in_order;
  int ends;
  pthread_t running;
} reader;

static void note_words(reader *r, const char *words) {
  for (const char *word = words; *word != '\0'; word = strchr(word, ' ') + 1) {
    int number = atoi(word);
    r->in_order &= number > r->last;
    r->last = number;
    r->seen[number]++;
  }
}

static void *read_words(void *pointer) {
  reader *r = pointer;
  codex_event *event = NULL;
  while (codex_turn_next_event(r->turn, CODEX_WAIT_FOREVER, &event, NULL) == CODEX_OK) {
    if (codex_event_get_kind(event) == CODEX_EVENT_MESSAGE_DELTA) note_words(r, codex_event_text(event, NULL));
    r->ends += codex_event_get_kind(event) == CODEX_EVENT_TURN_ENDED;
    codex_event_free(event);
  }
  return NULL;
}

/* A script beyond what fits into a variable lies in a file. */
static const char *script_of_words(void) {
  const char *path = text("%s/script", fresh_directory());
  FILE *file = fopen(path, "w");
  if (!CHECK(file != NULL)) return path;
  fputs("{\"on\":{\"turn/start\":[{\"turn\":{\"deltas\":[\"0 \"", file);
  for (int i = 1; i < WORDS; i++) fprintf(file, ",\"%d \"", i);
  fputs("]}}]}}", file);
  fclose(file);
  return path;
}

TEST(threads_that_pull_one_turn_get_each_event_once_and_in_order) {
  static reader readers[READERS];
  session *s = session_with_fake(script_of_words());
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  int ends = 0;
  for (int i = 0; i < READERS; i++) {
    memset(&readers[i], 0, sizeof readers[i]);
    readers[i].turn = turn;
    readers[i].last = -1;
    readers[i].in_order = true;
    readers[i].running = thread_start(read_words, &readers[i]);
  }
  for (int i = 0; i < READERS; i++) {
    thread_join(readers[i].running);
    CHECK(readers[i].in_order);
    ends += readers[i].ends;
  }
  CHECK_INT(ends, 1);
  for (int word = 0; word < WORDS; word++) {
    int times = 0;
    for (int i = 0; i < READERS; i++) times += readers[i].seen[word];
    CHECK_INT(times, 1);
  }
  codex_turn_free(turn);
}

int main(int argc, char **argv) {
  static const test_case tests[] = {
      CASE(sixty_four_threads_hammer_every_function_on_shared_handles_and_free_them_in_any_order),
      CASE(no_function_hangs_or_crashes_in_the_child_of_a_fork),
      CASE(closing_releases_every_kind_of_wait),
      CASE(handles_may_be_freed_while_others_wait_inside),
      CASE(threads_that_pull_one_turn_get_each_event_once_and_in_order),
  };
  harness_start(argc, argv);
  make_places();
  run_tests(tests, COUNT(tests));
  return harness_end();
}
