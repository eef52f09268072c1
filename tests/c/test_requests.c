/* What the runtime asks: approvals, questions, tool calls. Unanswered means no, in the exact form that each kind needs. */
#include "support.h"

/* The id of every request of the fake runtime; far from the ids that the library gives its own requests. */
#define ASKED_ID "7007"

/* ---- the fake runtime asks --------------------------------------------------------------------------------------- */

typedef struct question {
  codex_request_kind kind;
  const char *method;
  const char *params;
  const char *decline; /* what follows {"id":7007, in the line that declines it */
} question;

#define IDS "\"threadId\":\"$threadId\",\"turnId\":\"$turnId\","

static const question command = {
    CODEX_REQUEST_COMMAND, "item/commandExecution/requestApproval",
    "{\"kind\":\"command\"," IDS "\"itemId\":\"call_1\",\"command\":\"touch a\",\"cwd\":\"/\"}",
    "\"result\":{\"decision\":\"decline\"}}"};
static const question file_change = {
    CODEX_REQUEST_FILE_CHANGE, "item/fileChange/requestApproval",
    "{" IDS "\"itemId\":\"call_1\",\"reason\":null,\"grantRoot\":null}",
    "\"result\":{\"decision\":\"decline\"}}"};
static const question permissions = {
    CODEX_REQUEST_PERMISSIONS, "item/permissions/requestApproval",
    "{" IDS "\"itemId\":\"call_1\",\"cwd\":\"/\",\"reason\":\"want write\",\"permissions\":{\"network\":{\"enabled\":true}}}",
    "\"result\":{\"permissions\":{},\"scope\":\"turn\"}}"};
static const question user_input = {
    CODEX_REQUEST_QUESTION, "item/tool/requestUserInput",
    "{" IDS "\"itemId\":\"call_1\",\"questions\":[{\"id\":\"color\",\"header\":\"Color\",\"question\":\"Which?\"}]}",
    "\"result\":{\"answers\":{}}}"};
static const question elicitation = {
    CODEX_REQUEST_ELICITATION, "mcpServer/elicitation/request",
    "{" IDS "\"serverName\":\"t\",\"mode\":\"form\",\"_meta\":null,\"message\":\"Your name?\","
    "\"requestedSchema\":{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"}}}}",
    "\"result\":{\"action\":\"decline\"}}"};
static const question mcp_tool = {
    CODEX_REQUEST_MCP_TOOL, "mcpServer/elicitation/request",
    "{" IDS "\"serverName\":\"t\",\"mode\":\"form\",\"_meta\":{\"codex_approval_kind\":\"mcp_tool_call\","
    "\"persist\":[\"session\",\"always\"],\"tool_name\":\"ask\"},\"message\":\"Allow?\",\"requestedSchema\":{\"type\":\"object\"}}",
    "\"result\":{\"action\":\"decline\"}}"};
static const question tool_call = {
    CODEX_REQUEST_TOOL_CALL, "item/tool/call",
    "{" IDS "\"callId\":\"call_1\",\"namespace\":null,\"tool\":\"get_weather\",\"arguments\":{\"city\":\"Rome\"}}",
    "\"result\":{\"contentItems\":[{\"type\":\"inputText\",\"text\":"};
static const question auth_refresh = {
    CODEX_REQUEST_AUTH_REFRESH, "account/chatgptAuthTokens/refresh",
    "{\"reason\":\"unauthorized\",\"previousAccountId\":\"acc-1\"}",
    "\"error\":{\"code\":"};
static const question unknown = {
    CODEX_REQUEST_OTHER, "future/question", "{" IDS "\"x\":1}",
    "\"error\":{\"code\":"};

static const question *const questions[] = {&command, &file_change, &permissions, &user_input, &elicitation,
                                            &mcp_tool, &tool_call, &auth_refresh, &unknown};

/* Asks in the middle of a turn, waits for the answer, confirms it and ends the turn. */
static const char *script_asking_then(const question *asked, const char *ending) {
  return text("{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}},"
              "{\"notify\":[\"item/started\",{" IDS "\"item\":{\"type\":\"commandExecution\",\"id\":\"call_1\",\"command\":\"touch a\","
              "\"status\":\"inProgress\"}}]},"
              "{\"request\":[" ASKED_ID ",\"%s\",%s]},{\"waitAnswer\":" ASKED_ID "},"
              "{\"notify\":[\"serverRequest/resolved\",{\"threadId\":\"$threadId\",\"requestId\":" ASKED_ID "}]},"
              "%s]}}",
              asked->method, asked->params, ending);
}

static const char *script_asking(const question *asked) { return script_asking_then(asked, "{\"finishTurn\":{}}"); }

static session *session_asking(const question *asked) { return session_with_fake(script_asking(asked)); }

static const char *answer_line(const session *s) {
  CHECK(wait_for_text(s->record, "{\"id\":" ASKED_ID ","));
  const char *record = read_file(s->record);
  const char *line = strstr(record, "{\"id\":" ASKED_ID ",");
  return line == NULL ? "" : text("%.*s", (int)strcspn(line, "\n"), line);
}

static void check_answer(const session *s, const char *rest) {
  CHECK_STR(answer_line(s), text("{\"id\":" ASKED_ID ",%s", rest));
}

static void check_declined(const session *s, const question *asked) {
  const char *line = answer_line(s);
  const char *start = text("{\"id\":" ASKED_ID ",%s", asked->decline);
  CHECK_STR(text("%.*s", (int)strlen(start), line), start);
  if (asked->kind == CODEX_REQUEST_TOOL_CALL) CHECK_CONTAINS(line, "\"success\":false");
  if (strncmp(asked->decline, "\"result\"", 8) == 0 && asked->kind != CODEX_REQUEST_TOOL_CALL) CHECK_STR(line, start);
}

/* A turn that has been asked; what was asked does not belong to the turn if it names none. */
typedef struct asked_turn {
  session *session;
  codex_turn *turn;
  codex_request *request;
} asked_turn;

static codex_request *take_request(codex_event *event) {
  codex_request *request = codex_event_take_request(event);
  CHECK(request != NULL);
  codex_event_free(event);
  return request;
}

static asked_turn ask_in(session *s, const question *asked) {
  codex_event *event = NULL;
  bool of_turn = asked->kind != CODEX_REQUEST_AUTH_REFRESH;
  if (!of_turn) codex_client_next_event(s->client, 0, &event, NULL);
  codex_event_free(event);
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  event = of_turn ? await_event(turn, CODEX_EVENT_REQUEST) : await_client_event(s->client, CODEX_EVENT_REQUEST);
  return (asked_turn){s, turn, take_request(event)};
}

static asked_turn ask(const question *asked) { return ask_in(session_asking(asked), asked); }

static void end_asked(asked_turn *asked, codex_status expected) {
  codex_request_free(asked->request);
  CHECK_INT(drain(asked->turn), expected);
  codex_turn_free(asked->turn);
}

TEST(every_kind_of_request_is_recognized) {
  for (size_t i = 0; i < COUNT(questions); i++) {
    asked_turn asked = ask(questions[i]);
    CHECK_INT(codex_request_get_kind(asked.request), questions[i]->kind);
    CHECK_STR(codex_request_method(asked.request), questions[i]->method);
    end_asked(&asked, CODEX_OK);
  }
}

TEST(declining_has_the_form_of_the_kind) {
  for (size_t i = 0; i < COUNT(questions); i++) {
    asked_turn asked = ask(questions[i]);
    codex_error *err = NULL;
    CHECK_OK(codex_request_decline(asked.request, &err), err);
    check_declined(asked.session, questions[i]);
    end_asked(&asked, CODEX_OK);
  }
}

TEST(freeing_an_unanswered_request_declines_it) {
  for (size_t i = 0; i < COUNT(questions); i++) {
    asked_turn asked = ask(questions[i]);
    codex_request_free(asked.request);
    asked.request = NULL;
    check_declined(asked.session, questions[i]);
    end_asked(&asked, CODEX_OK);
  }
}

TEST(a_run_without_a_callback_declines_at_once) {
  for (size_t i = 0; i < COUNT(questions); i++) {
    session *s = session_asking(questions[i]);
    CHECK_STR(codex_turn_result_status(run_or_fail(s->thread, "go")), "completed");
    check_declined(s, questions[i]);
  }
}

TEST(waiting_for_a_turn_declines_what_it_asks) {
  session *s = session_asking(&command);
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  CHECK_OK(codex_turn_wait(turn, 20000, &result, &err), err);
  check_declined(s, &command);
  codex_turn_result_free(result);
  codex_turn_free(turn);
}

TEST(a_request_in_an_event_that_is_freed_is_declined) {
  session *s = session_asking(&command);
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  codex_event_free(await_event(turn, CODEX_EVENT_REQUEST));
  check_declined(s, &command);
  CHECK_INT(drain(turn), CODEX_OK);
  codex_turn_free(turn);
}

TEST(a_request_in_a_turn_that_is_freed_is_declined) {
  session *s = session_asking(&command);
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  codex_event_free(await_event(turn, CODEX_EVENT_ITEM_STARTED));
  sleep_ms(300);
  codex_turn_free(turn);
  check_declined(s, &command);
}

TEST(a_request_tells_what_is_asked) {
  int mark = 0;
  size_t length = 0;
  session *s = session_asking(&command);
  codex_thread_set_user_data(s->thread, &mark);
  asked_turn asked = ask_in(s, &command);
  const char *json = codex_request_json(asked.request, &length);
  CHECK_INT(length, strlen(json));
  CHECK_STR(string_at(parsed(json), "/command"), "touch a");
  CHECK_STR(string_at(codex_request_value(asked.request), "/itemId"), "call_1");
  CHECK_STR(codex_request_thread_id(asked.request), codex_thread_id(s->thread));
  CHECK_STR(codex_request_turn_id(asked.request), codex_turn_id(asked.turn));
  CHECK(codex_request_user_data(asked.request) == &mark);
  CHECK_STR(string_at(codex_request_item(asked.request), "/type"), "commandExecution");
  CHECK(codex_request_id(asked.request) != 0);
  CHECK(!codex_request_is_cancelled(asked.request));
  end_asked(&asked, CODEX_OK);
}

TEST(a_request_without_an_item_has_none) {
  asked_turn asked = ask(&unknown);
  CHECK(codex_request_item(asked.request) == NULL);
  end_asked(&asked, CODEX_OK);
}

TEST(a_request_is_taken_once) {
  session *s = session_asking(&command);
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  codex_event *event = await_event(turn, CODEX_EVENT_REQUEST);
  codex_request *request = codex_event_take_request(event);
  CHECK_INT(codex_event_request_id(event), codex_request_id(request));
  CHECK(codex_event_take_request(event) == NULL);
  codex_event_free(event);
  CHECK_OK(codex_request_approve(request, false, NULL), NULL);
  check_answer(s, "\"result\":{\"decision\":\"accept\"}}");
  codex_request_free(request);
  codex_turn_free(turn);
}

TEST(a_resolved_event_follows_every_request) {
  asked_turn asked = ask(&tool_call);
  uint64_t id = codex_request_id(asked.request);
  codex_error *err = NULL;
  CHECK_OK(codex_request_respond_text(asked.request, true, "22C", &err), err);
  codex_event *event = await_event(asked.turn, CODEX_EVENT_REQUEST_RESOLVED);
  CHECK_INT(codex_event_request_id(event), id);
  codex_event_free(event);
  end_asked(&asked, CODEX_OK);
}

static void check_approval(const question *asked_question, bool for_session, const char *rest) {
  asked_turn asked = ask(asked_question);
  codex_error *err = NULL;
  CHECK_OK(codex_request_approve(asked.request, for_session, &err), err);
  check_answer(asked.session, rest);
  end_asked(&asked, CODEX_OK);
}

TEST(approving_has_the_form_of_the_kind) {
  check_approval(&command, false, "\"result\":{\"decision\":\"accept\"}}");
  check_approval(&command, true, "\"result\":{\"decision\":\"acceptForSession\"}}");
  check_approval(&file_change, false, "\"result\":{\"decision\":\"accept\"}}");
  check_approval(&file_change, true, "\"result\":{\"decision\":\"acceptForSession\"}}");
  check_approval(&permissions, false, "\"result\":{\"permissions\":{\"network\":{\"enabled\":true}},\"scope\":\"turn\"}}");
  check_approval(&permissions, true, "\"result\":{\"permissions\":{\"network\":{\"enabled\":true}},\"scope\":\"session\"}}");
}

TEST(an_mcp_tool_is_approved_once_or_for_the_session) {
  for (int for_session = 0; for_session <= 1; for_session++) {
    asked_turn asked = ask(&mcp_tool);
    CHECK_OK(codex_request_approve(asked.request, for_session == 1, NULL), NULL);
    const codex_value *line = parsed(answer_line(asked.session));
    CHECK_STR(string_at(line, "/result/action"), "accept");
    CHECK_STR(string_at(line, "/result/_meta/persist"), for_session == 1 ? "session" : "");
    end_asked(&asked, CODEX_OK);
  }
}

TEST(a_tool_call_is_answered_with_text) {
  for (int success = 0; success <= 1; success++) {
    asked_turn asked = ask(&tool_call);
    CHECK_OK(codex_request_respond_text(asked.request, success == 1, "22 \"C\"", NULL), NULL);
    const codex_value *result = codex_value_at(parsed(answer_line(asked.session)), "/result");
    CHECK_STR(string_at(result, "/contentItems/0/type"), "inputText");
    CHECK_STR(string_at(result, "/contentItems/0/text"), "22 \"C\"");
    CHECK(codex_value_bool(codex_value_at(result, "/success"), success == 0) == (success == 1));
    end_asked(&asked, CODEX_OK);
  }
}

TEST(any_request_can_be_answered_with_json) {
  asked_turn asked = ask(&user_input);
  CHECK_OK(codex_request_respond_json(asked.request, " {\"answers\" : {\"color\":{\"answers\":[\"Red\"]}} }\n", NULL), NULL);
  check_answer(asked.session, "\"result\":{\"answers\":{\"color\":{\"answers\":[\"Red\"]}}}}");
  end_asked(&asked, CODEX_OK);
}

TEST(any_request_can_be_failed) {
  asked_turn asked = ask(&auth_refresh);
  CHECK_OK(codex_request_fail(asked.request, -32000, "no \"token\"", NULL), NULL);
  const codex_value *line = parsed(answer_line(asked.session));
  CHECK_INT(int_at(line, "/error/code"), -32000);
  CHECK_STR(string_at(line, "/error/message"), "no \"token\"");
  end_asked(&asked, CODEX_OK);
}

TEST(cancelling_the_turn_declines_and_interrupts) {
  const char *ending = "{\"finishTurn\":{\"with\":{\"status\":\"interrupted\"}}}";
  asked_turn asked = ask_in(session_with_fake(script_asking_then(&command, ending)), &command);
  codex_error *err = NULL;
  CHECK_OK(codex_request_cancel_turn(asked.request, &err), err);
  check_answer(asked.session, "\"result\":{\"decision\":\"cancel\"}}");
  end_asked(&asked, CODEX_ERROR_TURN_INTERRUPTED);
}

TEST(an_answer_that_does_not_fit_leaves_the_request_open) {
  static const question *const not_approvable[] = {&user_input, &elicitation, &tool_call, &auth_refresh, &unknown};
  for (size_t i = 0; i < COUNT(not_approvable); i++) {
    asked_turn asked = ask(not_approvable[i]);
    codex_error *err = NULL;
    CHECK_STATUS(codex_request_approve(asked.request, false, &err), CODEX_ERROR_INVALID_ARGUMENT, err);
    CHECK(strlen(codex_error_message(err)) > 0);
    forget(&err);
    CHECK_OK(codex_request_decline(asked.request, &err), err);
    check_declined(asked.session, not_approvable[i]);
    end_asked(&asked, CODEX_OK);
  }
}

TEST(text_is_no_answer_to_an_approval) {
  asked_turn asked = ask(&command);
  codex_error *err = NULL;
  CHECK_STATUS(codex_request_respond_text(asked.request, true, "yes", &err), CODEX_ERROR_INVALID_ARGUMENT, err);
  forget(&err);
  CHECK_OK(codex_request_approve(asked.request, false, &err), err);
  check_answer(asked.session, "\"result\":{\"decision\":\"accept\"}}");
  end_asked(&asked, CODEX_OK);
}

TEST(a_request_is_answered_once) {
  asked_turn asked = ask(&command);
  codex_error *err = NULL;
  CHECK_OK(codex_request_decline(asked.request, &err), err);
  CHECK_STATUS(codex_request_approve(asked.request, false, &err), CODEX_ERROR_ALREADY_ANSWERED, err);
  forget(&err);
  CHECK_STATUS(codex_request_decline(asked.request, NULL), CODEX_ERROR_ALREADY_ANSWERED, NULL);
  CHECK_STATUS(codex_request_cancel_turn(asked.request, NULL), CODEX_ERROR_ALREADY_ANSWERED, NULL);
  CHECK_STATUS(codex_request_respond_json(asked.request, "{}", NULL), CODEX_ERROR_ALREADY_ANSWERED, NULL);
  CHECK_STATUS(codex_request_fail(asked.request, 1, "no", NULL), CODEX_ERROR_ALREADY_ANSWERED, NULL);
  check_declined(asked.session, &command);
  end_asked(&asked, CODEX_OK);
}

/* ---- questions that nobody needs an answer to any more ----------------------------------------------------------- */

/* Somebody else answers as soon as a name is set. */
static const char script_answered_elsewhere[] =
    "{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}},"
    "{\"request\":[" ASKED_ID ",\"item/commandExecution/requestApproval\",{" IDS "\"itemId\":\"c\",\"command\":\"x\"}]},"
    "{\"waitFor\":\"thread/name/set\"},"
    "{\"notify\":[\"serverRequest/resolved\",{\"threadId\":\"$threadId\",\"requestId\":" ASKED_ID "}]},{\"sleepMs\":300},"
    "{\"finishTurn\":{}}]}}";

/* What a callback and its destroy function share. */
typedef struct hook {
  flag called;
  flag destroyed;
} hook;
#define HOOK_INITIALIZER {FLAG_INITIALIZER, FLAG_INITIALIZER}

static void hook_called(void *h) { flag_raise(&((hook *)h)->called); }
static void hook_destroyed(void *h) { flag_raise(&((hook *)h)->destroyed); }

TEST(a_request_that_was_answered_elsewhere_is_cancelled) {
  hook h = HOOK_INITIALIZER;
  session *s = session_with_fake(script_answered_elsewhere);
  asked_turn asked = ask_in(s, &command);
  codex_error *err = NULL;
  CHECK_OK(codex_request_set_cancelled(asked.request, hook_called, &h, hook_destroyed), NULL);
  CHECK_INT(flag_count(&h.called), 0);
  CHECK_OK(codex_thread_set_name(s->thread, "now", &err), err);
  CHECK(flag_wait(&h.called, 1));
  CHECK(codex_request_is_cancelled(asked.request));
  CHECK_STATUS(codex_request_approve(asked.request, false, &err), CODEX_ERROR_ALREADY_ANSWERED, err);
  CHECK_STR(codex_error_reason(err), "answeredElsewhere");
  CHECK_CONTAINS(codex_error_message(err), "by somebody else");
  forget(&err);
  end_asked(&asked, CODEX_OK);
  CHECK(flag_wait(&h.destroyed, 1));
  CHECK_INT(flag_count(&h.called), 1);
  CHECK_INT(flag_count(&h.destroyed), 1);
  CHECK(strstr(read_file(s->record), "{\"id\":" ASKED_ID ",") == NULL);
}

TEST(a_cancel_callback_that_comes_late_is_called_at_once) {
  hook h = HOOK_INITIALIZER;
  session *s = session_with_fake(script_answered_elsewhere);
  asked_turn asked = ask_in(s, &command);
  CHECK_OK(codex_thread_set_name(s->thread, "now", NULL), NULL);
  codex_event_free(await_event(asked.turn, CODEX_EVENT_REQUEST_RESOLVED));
  CHECK_OK(codex_request_set_cancelled(asked.request, hook_called, &h, hook_destroyed), NULL);
  CHECK(flag_wait(&h.called, 1));
  end_asked(&asked, CODEX_OK);
  CHECK(flag_wait(&h.destroyed, 1));
}

TEST(a_cancel_callback_that_is_never_called_is_destroyed) {
  hook h = HOOK_INITIALIZER;
  asked_turn asked = ask(&command);
  CHECK_OK(codex_request_set_cancelled(asked.request, hook_called, &h, hook_destroyed), NULL);
  CHECK_OK(codex_request_approve(asked.request, false, NULL), NULL);
  end_asked(&asked, CODEX_OK);
  CHECK(flag_wait(&h.destroyed, 1));
  CHECK_INT(flag_count(&h.called), 0);
}

TEST(a_cancel_callback_that_comes_after_the_answer_is_never_called) {
  hook h = HOOK_INITIALIZER;
  asked_turn asked = ask(&command);
  CHECK_OK(codex_request_approve(asked.request, false, NULL), NULL);
  CHECK(!codex_request_is_cancelled(asked.request));
  CHECK_OK(codex_request_set_cancelled(asked.request, hook_called, &h, hook_destroyed), NULL);
  CHECK_INT(drain(asked.turn), CODEX_OK);
  CHECK_OK(codex_request_set_cancelled(asked.request, hook_called, &h, hook_destroyed), NULL);
  codex_request_free(asked.request);
  codex_turn_free(asked.turn);
  CHECK_INT(flag_count(&h.destroyed), 2);
  CHECK_INT(flag_count(&h.called), 0);
}

TEST(a_turn_that_ends_cancels_what_it_asked) {
  hook h = HOOK_INITIALIZER;
  asked_turn asked = ask(&command);
  codex_error *err = NULL;
  CHECK_OK(codex_request_set_cancelled(asked.request, hook_called, &h, hook_destroyed), NULL);
  CHECK_OK(codex_turn_interrupt(asked.turn, &err), err);
  CHECK(flag_wait(&h.called, 1));
  CHECK(codex_request_is_cancelled(asked.request));
  CHECK_STATUS(codex_request_approve(asked.request, false, &err), CODEX_ERROR_ALREADY_ANSWERED, err);
  CHECK_CONTAINS(codex_error_message(err), "its turn has ended");
  forget(&err);
  end_asked(&asked, CODEX_ERROR_TURN_INTERRUPTED);
  CHECK(flag_wait(&h.destroyed, 1));
}

TEST(closing_the_client_declines_what_is_open) {
  asked_turn asked = ask(&command);
  codex_error *err = NULL;
  CHECK_OK(codex_client_close(asked.session->client, 10000, &err), err);
  check_declined(asked.session, &command);
  CHECK(codex_request_is_cancelled(asked.request));
  CHECK_STATUS(codex_request_approve(asked.request, false, NULL), CODEX_ERROR_ALREADY_ANSWERED, NULL);
  end_asked(&asked, CODEX_ERROR_CLOSED);
}

TEST(a_request_that_is_not_answered_in_time_is_declined) {
  hook h = HOOK_INITIALIZER;
  const char *record = text("%s/record", fresh_directory());
  codex_client_options *options = options_for_fake(script_asking(&command), record);
  CHECK_OK(codex_client_options_set_answer_timeout_ms(options, 500), NULL);
  session *s = session_with_options(options, NULL);
  s->record = record;
  asked_turn asked = ask_in(s, &command);
  CHECK_OK(codex_request_set_cancelled(asked.request, hook_called, &h, hook_destroyed), NULL);
  CHECK(flag_wait(&h.called, 1));
  check_declined(s, &command);
  CHECK(codex_request_is_cancelled(asked.request));
  codex_error *err = NULL;
  CHECK_STATUS(codex_request_approve(asked.request, false, &err), CODEX_ERROR_ALREADY_ANSWERED, err);
  CHECK_CONTAINS(codex_error_message(err), "answer_timeout_ms (500)");
  forget(&err);
  end_asked(&asked, CODEX_OK);
  CHECK(flag_wait(&h.destroyed, 1));
}

/* ---- requests of turns without a handle -------------------------------------------------------------------------- */

static const char script_sub_agent_asks[] =
    "{\"on\":{\"thread/name/set\":[{\"request\":[" ASKED_ID ",\"item/commandExecution/requestApproval\","
    "{\"threadId\":\"child-thread\",\"turnId\":\"child-turn\",\"itemId\":\"c\",\"command\":\"x\"}]},{\"reply\":{}}]}}";

TEST(a_request_of_a_foreign_turn_goes_to_the_client_queue) {
  session *s = session_with_fake(script_sub_agent_asks);
  codex_event *event = NULL;
  codex_error *err = NULL;
  codex_client_next_event(s->client, 0, &event, NULL);
  codex_event_free(event);
  CHECK_OK(codex_thread_set_name(s->thread, "now", &err), err);
  codex_request *request = take_request(await_client_event(s->client, CODEX_EVENT_REQUEST));
  CHECK_STR(codex_request_thread_id(request), "child-thread");
  CHECK_OK(codex_request_approve(request, false, &err), err);
  check_answer(s, "\"result\":{\"decision\":\"accept\"}}");
  codex_request_free(request);
}

TEST(a_request_of_a_foreign_turn_is_declined_when_nobody_reads) {
  session *s = session_with_fake(script_sub_agent_asks);
  codex_error *err = NULL;
  CHECK_OK(codex_thread_set_name(s->thread, "now", &err), err);
  check_answer(s, command.decline);
}

/* ---- the request handler ----------------------------------------------------------------------------------------- */

/* Static in every test: its destroy function may run after the test. */
typedef struct handler {
  hook hook;
  codex_request *kept;
  codex_client *client;
  codex_thread *thread;
  pthread_t called_on;
  codex_status of_run;
  codex_status of_close;
  codex_status of_call;
  hook cancelled;
} handler;

static void approve_request(void *user_data, codex_request *request) {
  handler *h = user_data;
  h->called_on = pthread_self();
  CHECK_OK(codex_request_approve(request, false, NULL), NULL);
  codex_request_free(request);
  flag_raise(&h->hook.called);
}

static void keep_request(void *user_data, codex_request *request) {
  handler *h = user_data;
  h->kept = request;
  flag_raise(&h->hook.called);
}

static void wait_until_cancelled(void *user_data, codex_request *request) {
  handler *h = user_data;
  CHECK_OK(codex_request_set_cancelled(request, hook_called, &h->cancelled, hook_destroyed), NULL);
  flag_raise(&h->hook.called);
  CHECK(flag_wait(&h->cancelled.called, 1));
  codex_request_free(request);
}

static void wait_in_handler(void *user_data, codex_request *request) {
  handler *h = user_data;
  codex_turn_result *result = NULL;
  char *answer = NULL;
  h->of_run = codex_thread_run(h->thread, "inside", NULL, &result, NULL);
  h->of_close = codex_client_close(h->client, 1000, NULL);
  h->of_call = codex_client_call(h->client, "thread/read", text("{\"threadId\":\"%s\"}", codex_thread_id(h->thread)), 10000,
                                 &answer, NULL);
  codex_string_free(answer);
  codex_turn_result_free(result);
  codex_request_free(request);
  flag_raise(&h->hook.called);
}

static void handler_destroyed(void *user_data) { flag_raise(&((handler *)user_data)->hook.destroyed); }

static session *session_with_handler(const question *asked, codex_request_fn fn, handler *h) {
  const char *record = text("%s/record", fresh_directory());
  codex_client_options *options = options_for_fake(script_asking(asked), record);
  CHECK_OK(codex_client_options_set_request_handler(options, fn, h, handler_destroyed), NULL);
  session *s = session_with_options(options, NULL);
  s->record = record;
  h->client = s->client;
  h->thread = s->thread;
  return s;
}

TEST(a_request_handler_answers_on_a_thread_of_the_library) {
  static handler h = {.hook = HOOK_INITIALIZER};
  session *s = session_with_handler(&command, approve_request, &h);
  CHECK_STR(codex_turn_result_status(run_or_fail(s->thread, "go")), "completed");
  check_answer(s, "\"result\":{\"decision\":\"accept\"}}");
  CHECK_INT(flag_count(&h.hook.called), 1);
  CHECK(!pthread_equal(h.called_on, pthread_self()));
}

TEST(a_request_handler_may_answer_later) {
  static handler h = {.hook = HOOK_INITIALIZER};
  session *s = session_with_handler(&command, keep_request, &h);
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  CHECK(flag_wait(&h.hook.called, 1));
  CHECK_OK(codex_request_approve(h.kept, true, NULL), NULL);
  check_answer(s, "\"result\":{\"decision\":\"acceptForSession\"}}");
  codex_request_free(h.kept);
  CHECK_INT(drain(turn), CODEX_OK);
  codex_turn_free(turn);
}

TEST(a_request_handler_cannot_wait_for_a_turn_but_can_make_calls) {
  static handler h = {.hook = HOOK_INITIALIZER};
  session *s = session_with_handler(&command, wait_in_handler, &h);
  run_or_fail(s->thread, "go");
  CHECK(flag_wait(&h.hook.called, 1));
  CHECK_INT(h.of_run, CODEX_ERROR_WOULD_DEADLOCK);
  CHECK_INT(h.of_close, CODEX_ERROR_WOULD_DEADLOCK);
  CHECK_INT(h.of_call, CODEX_OK);
  check_declined(s, &command);
}

TEST(a_request_handler_may_wait_until_its_request_is_cancelled) {
  static handler h = {.hook = HOOK_INITIALIZER, .cancelled = HOOK_INITIALIZER};
  codex_error *err = NULL;
  session *s = session_with_handler(&command, wait_until_cancelled, &h);
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  CHECK(flag_wait(&h.hook.called, 1));
  CHECK_INT(flag_count(&h.cancelled.called), 0);
  CHECK_OK(codex_turn_interrupt(turn, &err), err);
  CHECK_INT(drain(turn), CODEX_ERROR_TURN_INTERRUPTED);
  CHECK(flag_wait(&h.cancelled.destroyed, 1));
  CHECK_INT(flag_count(&h.cancelled.called), 1);
  codex_turn_free(turn);
}

TEST(a_cancel_callback_that_comes_after_the_end_of_the_client_is_called_at_once) {
  static handler h = {.hook = HOOK_INITIALIZER, .cancelled = HOOK_INITIALIZER};
  codex_error *err = NULL;
  session *s = session_with_handler(&command, keep_request, &h);
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  CHECK(flag_wait(&h.hook.called, 1));
  CHECK_OK(codex_client_close(s->client, 10000, &err), err);
  CHECK_OK(codex_request_set_cancelled(h.kept, hook_called, &h.cancelled, hook_destroyed), NULL);
  CHECK_INT(flag_count(&h.cancelled.called), 1);
  CHECK_INT(flag_count(&h.cancelled.destroyed), 1);
  codex_request_free(h.kept);
  codex_turn_free(turn);
}

TEST(the_user_data_of_a_handler_is_destroyed_once_when_all_let_go) {
  static handler h = {.hook = HOOK_INITIALIZER};
  codex_error *err = NULL;
  codex_client_options *options = codex_client_options_new();
  CHECK_OK(codex_client_options_set_codex_path(options, required_env("FAKE_RUNTIME")), NULL);
  CHECK_OK(codex_client_options_set_request_handler(options, keep_request, &h, handler_destroyed), NULL);
  codex_client *first = connect_or_fail(options);
  codex_client *second = connect_or_fail(options);
  codex_client_options_free(options);
  CHECK_OK(codex_client_close(first, 10000, &err), err);
  codex_client_free(first);
  CHECK_INT(flag_count(&h.hook.destroyed), 0);
  CHECK_OK(codex_client_close(second, 10000, &err), err);
  codex_client_free(second);
  CHECK(flag_wait(&h.hook.destroyed, 1));
  sleep_ms(100);
  CHECK_INT(flag_count(&h.hook.destroyed), 1);
}

/* ---- the real runtime asks --------------------------------------------------------------------------------------- */

typedef enum reaction { APPROVE, DECLINE, CANCEL_TURN, FREE, KEEP } reaction;

typedef struct decider {
  reaction reaction;
  int asked;
  codex_request *kept;
  flag is_kept;
  char diff[256];
} decider;

static void react(decider *d, codex_request *request) {
  d->asked++;
  const char *diff = string_at(codex_request_item(request), "/changes/0/diff");
  snprintf(d->diff, sizeof d->diff, "%s", diff);
  if (d->reaction == APPROVE) CHECK_OK(codex_request_approve(request, false, NULL), NULL);
  if (d->reaction == DECLINE) CHECK_OK(codex_request_decline(request, NULL), NULL);
  if (d->reaction == CANCEL_TURN) CHECK_OK(codex_request_cancel_turn(request, NULL), NULL);
  if (d->reaction != KEEP) {
    codex_request_free(request);
    return;
  }
  d->kept = request;
  flag_raise(&d->is_kept);
}

static int32_t decide(void *user_data, codex_event *event) {
  codex_request *request = codex_event_take_request(event);
  if (request != NULL) react(user_data, request);
  return CODEX_CONTINUE;
}

/* A session whose model writes a file by a command that has to be approved, and then says something. */
static session *session_that_runs_command(const char **path) {
  session *s = session_with_model("{\"approvalMode\":\"ask\",\"sandbox\":\"read-only\"}");
  *path = text("%s/made", s->work);
  model_runs_command(s->model, "call_1", text("touch '%s'", *path));
  model_says(s->model, "the command is over");
  return s;
}

static void run_with_reaction(session *s, decider *d, codex_status expected) {
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  CHECK_STATUS(codex_thread_run_streamed(s->thread, "make a file", NULL, decide, d, &result, &err), expected, err);
  CHECK(result != NULL);
  CHECK_INT(d->asked, 1);
  codex_turn_result_free(result);
  forget(&err);
}

TEST(what_a_dialog_shows_is_in_the_values_of_a_request) {
  const char *path = NULL;
  session *s = session_that_runs_command(&path);
  codex_turn *turn = start_turn_or_fail(s->thread, "make a file");
  codex_request *request = take_request(await_event(turn, CODEX_EVENT_REQUEST));
  const codex_value *asked = codex_request_value(request);
  CHECK_CONTAINS(string_at(asked, "/command"), text("touch '%s'", path));
  CHECK_STR(string_at(asked, "/cwd"), s->work);
  CHECK(strlen(string_at(asked, "/reason")) > 0);
  CHECK_STR(string_at(asked, "/availableDecisions/0"), "accept");
  CHECK_STR(string_at(asked, "/proposedExecpolicyAmendment/0"), "touch");
  codex_request_free(request);
  CHECK_INT(drain(turn), CODEX_OK);
  codex_turn_free(turn);
}

TEST(a_command_that_is_approved_runs) {
  const char *path = NULL;
  session *s = session_that_runs_command(&path);
  decider d = {.reaction = APPROVE};
  run_with_reaction(s, &d, CODEX_OK);
  CHECK(file_exists(path));
}

TEST(a_command_that_is_declined_does_not_run_and_the_turn_goes_on) {
  const char *path = NULL;
  session *s = session_that_runs_command(&path);
  decider d = {.reaction = DECLINE};
  run_with_reaction(s, &d, CODEX_OK);
  CHECK(!file_exists(path));
  CHECK_CONTAINS(model_request(s->model, 1), "rejected by user");
}

TEST(a_command_whose_request_is_freed_does_not_run) {
  const char *path = NULL;
  session *s = session_that_runs_command(&path);
  decider d = {.reaction = FREE};
  run_with_reaction(s, &d, CODEX_OK);
  CHECK(!file_exists(path));
}

TEST(a_command_can_end_the_turn_that_asked) {
  const char *path = NULL;
  session *s = session_that_runs_command(&path);
  decider d = {.reaction = CANCEL_TURN};
  run_with_reaction(s, &d, CODEX_ERROR_TURN_INTERRUPTED);
  CHECK(!file_exists(path));
}

TEST(a_run_without_a_callback_runs_no_command_that_needs_approval) {
  const char *path = NULL;
  session *s = session_that_runs_command(&path);
  const codex_turn_result *result = run_or_fail(s->thread, "make a file");
  CHECK_STR(codex_turn_result_final_response(result, NULL), "the command is over");
  CHECK(!file_exists(path));
}

static void *approve_kept(void *user_data) {
  decider *d = user_data;
  CHECK(flag_wait(&d->is_kept, 1));
  sleep_ms(300);
  CHECK_OK(codex_request_approve(d->kept, false, NULL), NULL);
  codex_request_free(d->kept);
  return NULL;
}

TEST(a_command_can_be_approved_later_by_another_thread) {
  const char *path = NULL;
  session *s = session_that_runs_command(&path);
  decider d = {.reaction = KEEP, .is_kept = FLAG_INITIALIZER};
  pthread_t approving = thread_start(approve_kept, &d);
  run_with_reaction(s, &d, CODEX_OK);
  thread_join(approving);
  CHECK(file_exists(path));
}

TEST(a_request_handler_approves_a_command) {
  const char *directory = fresh_directory();
  const char *path = text("%s/made", directory);
  const model *m = model_start();
  static handler h = {.hook = HOOK_INITIALIZER};
  codex_client_options *options = options_for_model(m, make_directory(directory, "home"), directory);
  CHECK_OK(codex_client_options_set_request_handler(options, approve_request, &h, handler_destroyed), NULL);
  session *s = session_with_options(options, "{\"approvalMode\":\"ask\",\"sandbox\":\"read-only\"}");
  model_runs_command(m, "call_1", text("touch '%s'", path));
  model_says(m, "done");
  CHECK_STR(codex_turn_result_final_response(run_or_fail(s->thread, "make a file"), NULL), "done");
  CHECK(file_exists(path));
  CHECK(flag_count(&h.hook.called) > 0);
}

static session *session_that_patches(const char **path) {
  session *s = session_with_model("{\"approvalMode\":\"ask\",\"sandbox\":\"read-only\"}");
  *path = text("%s/note.txt", s->work);
  model_patches(s->model, "call_1", text("*** Begin Patch\n*** Add File: %s\n+a line of the patch\n*** End Patch\n",
                                                *path));
  model_says(s->model, "patched or not");
  return s;
}

TEST(a_request_for_a_file_change_shows_its_diff_and_is_applied_when_approved) {
  const char *path = NULL;
  session *s = session_that_patches(&path);
  decider d = {.reaction = APPROVE};
  run_with_reaction(s, &d, CODEX_OK);
  CHECK_CONTAINS(d.diff, "a line of the patch");
  CHECK_STR(read_file(path), "a line of the patch\n");
}

TEST(a_file_change_that_is_declined_is_not_applied) {
  const char *path = NULL;
  session *s = session_that_patches(&path);
  decider d = {.reaction = DECLINE};
  run_with_reaction(s, &d, CODEX_OK);
  CHECK(!file_exists(path));
}

TEST(interrupting_a_turn_that_waits_for_approval_ends_it) {
  const char *path = NULL;
  session *s = session_that_runs_command(&path);
  codex_error *err = NULL;
  codex_turn *turn = start_turn_or_fail(s->thread, "make a file");
  codex_request *request = take_request(await_event(turn, CODEX_EVENT_REQUEST));
  CHECK_OK(codex_turn_interrupt(turn, &err), err);
  CHECK_INT(drain(turn), CODEX_ERROR_TURN_INTERRUPTED);
  CHECK_STATUS(codex_request_approve(request, false, NULL), CODEX_ERROR_ALREADY_ANSWERED, NULL);
  codex_request_free(request);
  codex_turn_free(turn);
  CHECK(!file_exists(path));
}

int main(int argc, char **argv) {
  static const test_case with_fake[] = {
      CASE(every_kind_of_request_is_recognized),
      CASE(declining_has_the_form_of_the_kind),
      CASE(freeing_an_unanswered_request_declines_it),
      CASE(a_run_without_a_callback_declines_at_once),
      CASE(waiting_for_a_turn_declines_what_it_asks),
      CASE(a_request_in_an_event_that_is_freed_is_declined),
      CASE(a_request_in_a_turn_that_is_freed_is_declined),
      CASE(a_request_tells_what_is_asked),
      CASE(a_request_without_an_item_has_none),
      CASE(a_request_is_taken_once),
      CASE(a_resolved_event_follows_every_request),
      CASE(approving_has_the_form_of_the_kind),
      CASE(an_mcp_tool_is_approved_once_or_for_the_session),
      CASE(a_tool_call_is_answered_with_text),
      CASE(any_request_can_be_answered_with_json),
      CASE(any_request_can_be_failed),
      CASE(cancelling_the_turn_declines_and_interrupts),
      CASE(an_answer_that_does_not_fit_leaves_the_request_open),
      CASE(text_is_no_answer_to_an_approval),
      CASE(a_request_is_answered_once),
      CASE(a_request_that_was_answered_elsewhere_is_cancelled),
      CASE(a_cancel_callback_that_comes_late_is_called_at_once),
      CASE(a_cancel_callback_that_is_never_called_is_destroyed),
      CASE(a_cancel_callback_that_comes_after_the_answer_is_never_called),
      CASE(a_turn_that_ends_cancels_what_it_asked),
      CASE(closing_the_client_declines_what_is_open),
      CASE(a_request_that_is_not_answered_in_time_is_declined),
      CASE(a_request_of_a_foreign_turn_goes_to_the_client_queue),
      CASE(a_request_of_a_foreign_turn_is_declined_when_nobody_reads),
      CASE(a_request_handler_answers_on_a_thread_of_the_library),
      CASE(a_request_handler_may_answer_later),
      CASE(a_request_handler_cannot_wait_for_a_turn_but_can_make_calls),
      CASE(a_request_handler_may_wait_until_its_request_is_cancelled),
      CASE(a_cancel_callback_that_comes_after_the_end_of_the_client_is_called_at_once),
      CASE(the_user_data_of_a_handler_is_destroyed_once_when_all_let_go),
  };
  static const test_case with_runtime[] = {
      CASE(what_a_dialog_shows_is_in_the_values_of_a_request),
      CASE(a_command_that_is_approved_runs),
      CASE(a_command_that_is_declined_does_not_run_and_the_turn_goes_on),
      CASE(a_command_whose_request_is_freed_does_not_run),
      CASE(a_command_can_end_the_turn_that_asked),
      CASE(a_run_without_a_callback_runs_no_command_that_needs_approval),
      CASE(a_command_can_be_approved_later_by_another_thread),
      CASE(a_request_handler_approves_a_command),
      CASE(a_request_for_a_file_change_shows_its_diff_and_is_applied_when_approved),
      CASE(a_file_change_that_is_declined_is_not_applied),
      CASE(interrupting_a_turn_that_waits_for_approval_ends_it),
  };
  harness_start(argc, argv);
  run_tests(with_fake, COUNT(with_fake));
  run_tests_with_each_runtime(with_runtime, COUNT(with_runtime));
  return harness_end();
}
