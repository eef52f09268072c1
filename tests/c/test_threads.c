/* Threads after their first turn: listed, forked, put away and taken back, compacted, reviewed; and threads with a goal. */
#include "support.h"

/* A thread with one turn behind it. */
static session *stored_session(void) {
  session *s = session_with_model(NULL);
  model_says(s->model, "blue");
  run_or_fail(s->thread, "a colour?");
  return s;
}

/* The page of threads that these params ask for; lives until the end of the test. */
static const codex_value *list_threads(codex_client *client, const char *params) {
  char *json = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_thread_list(client, params, &json, &err), err);
  forget(&err);
  const codex_value *page = parsed(json == NULL ? "{}" : json);
  codex_string_free(json);
  return page;
}

static size_t count_threads(codex_client *client, const char *params) {
  return codex_value_count(codex_value_at(list_threads(client, params), "/data"));
}

static const char *reason_of(codex_error *err) {
  const char *reason = text("%s", codex_error_reason(err));
  codex_error_free(err);
  return reason;
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

TEST(a_stored_thread_is_listed) {
  session *s = stored_session();
  const codex_value *page = list_threads(s->client, NULL);
  CHECK_STR(string_at(page, "/data/0/id"), codex_thread_id(s->thread));
  CHECK_STR(string_at(page, "/data/0/preview"), "a colour?");
  CHECK_INT(codex_value_get_type(codex_value_at(page, "/nextCursor")), CODEX_VALUE_NULL);
  CHECK_INT(count_threads(s->client, "{\"searchTerm\":\"nothing like it\"}"), 0);
}

TEST(a_fork_is_another_thread_and_knows_the_past) {
  session *s = stored_session();
  codex_thread *fork = NULL;
  codex_error *err = NULL;
  char *json = NULL;
  CHECK_OK(codex_thread_fork(s->client, codex_thread_id(s->thread), NULL, &fork, &err), err);
  CHECK(strcmp(codex_thread_id(fork), codex_thread_id(s->thread)) != 0);
  CHECK_OK(codex_thread_read(fork, true, &json, &err), err);
  CHECK_CONTAINS(json, "a colour?");
  codex_string_free(json);
  codex_thread_free(fork);
}

/* ---- putting away ------------------------------------------------------------------------------------------------ */

TEST(an_archived_thread_can_be_taken_back) {
  session *s = stored_session();
  codex_thread *again = NULL;
  codex_error *err = NULL;
  const char *id = codex_thread_id(s->thread);
  CHECK_OK(codex_thread_archive(s->thread, &err), err);
  CHECK_INT(count_threads(s->client, "{\"archived\":true}"), 1);
  CHECK_INT(count_threads(s->client, "{\"archived\":false}"), 0);
  CHECK_STATUS(codex_thread_resume(s->client, id, NULL, &again, &err), CODEX_ERROR_RPC, err);
  CHECK_STR(reason_of(err), "threadArchived");
  CHECK_OK(codex_thread_unarchive(s->client, id, &err), err);
  CHECK_OK(codex_thread_resume(s->client, id, NULL, &again, &err), err);
  model_says(s->model, "still blue");
  CHECK_STR(codex_turn_result_final_response(run_or_fail(again, "and now?"), NULL), "still blue");
  codex_thread_free(again);
}

TEST(a_deleted_thread_is_gone) {
  session *s = stored_session();
  codex_error *err = NULL;
  CHECK_OK(codex_thread_delete(s->thread, &err), err);
  CHECK_INT(count_threads(s->client, NULL), 0);
  CHECK_STATUS(codex_thread_delete(s->thread, &err), CODEX_ERROR_RPC, err);
  CHECK_STR(reason_of(err), "threadNotFound");
}

TEST(a_thread_that_was_unsubscribed_takes_turns_after_a_resume) {
  session *s = stored_session();
  codex_turn *turn = NULL;
  codex_thread *again = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_thread_unsubscribe(s->thread, &err), err);
  CHECK_STATUS(codex_turn_start(s->thread, "there?", NULL, &turn, &err), CODEX_ERROR_INVALID_ARGUMENT, err);
  CHECK_STR(reason_of(err), "threadNotSubscribed");
  CHECK_OK(codex_thread_resume(s->client, codex_thread_id(s->thread), NULL, &again, &err), err);
  model_says(s->model, "yes");
  CHECK_STR(codex_turn_result_final_response(run_or_fail(s->thread, "there?"), NULL), "yes");
  codex_thread_free(again);
}

TEST(a_thread_is_not_unsubscribed_under_a_turn) {
  session *s = stored_session();
  codex_error *err = NULL;
  model_hangs(s->model, "half");
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  CHECK_STATUS(codex_thread_unsubscribe(s->thread, &err), CODEX_ERROR_INVALID_ARGUMENT, err);
  CHECK_STR(reason_of(err), "turnRunning");
  CHECK_OK(codex_turn_interrupt(turn, NULL), NULL);
  CHECK_INT(drain(turn), CODEX_ERROR_TURN_INTERRUPTED);
  CHECK_OK(codex_thread_unsubscribe(s->thread, NULL), NULL);
  codex_turn_free(turn);
}

/* ---- compacting and reviewing ------------------------------------------------------------------------------------ */

TEST(a_compaction_is_a_turn_that_can_be_waited_for) {
  session *s = stored_session();
  codex_turn *turn = NULL;
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  model_says_to(s->model, "CONTEXT CHECKPOINT", "they spoke of blue");
  CHECK_OK(codex_thread_compact(s->thread, &turn, &err), err);
  CHECK(*codex_turn_id(turn) != '\0');
  CHECK_OK(codex_turn_wait(turn, 20000, &result, &err), err);
  CHECK_STR(codex_turn_result_id(result), codex_turn_id(turn));
  CHECK_STR(string_at(codex_turn_result_value(result), "/items/0/type"), "contextCompaction");
  CHECK(codex_turn_result_final_response(result, NULL) == NULL);
  codex_turn_result_free(result);
  codex_turn_free(turn);
}

TEST(a_compaction_need_not_be_followed) {
  session *s = stored_session();
  codex_error *err = NULL;
  model_says_to(s->model, "CONTEXT CHECKPOINT", "they spoke of blue");
  CHECK_OK(codex_thread_compact(s->thread, NULL, &err), err);
  CHECK_CONTAINS(model_request(s->model, 1), "CONTEXT CHECKPOINT");
}

TEST(a_compaction_interrupts_the_turn_that_runs) {
  session *s = stored_session();
  codex_turn *compaction = NULL;
  codex_error *err = NULL;
  model_hangs(s->model, "half");
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  codex_event_free(await_event(turn, CODEX_EVENT_MESSAGE_DELTA));
  model_says_to(s->model, "CONTEXT CHECKPOINT", "they spoke of blue");
  CHECK_OK(codex_thread_compact(s->thread, &compaction, &err), err);
  CHECK_INT(drain(turn), CODEX_ERROR_TURN_INTERRUPTED);
  CHECK_INT(drain(compaction), CODEX_OK);
  codex_turn_free(compaction);
  codex_turn_free(turn);
}

static codex_turn *start_review(session *s, const char *target) {
  codex_turn *turn = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_thread_review(s->thread, target, NULL, &turn, &err), err);
  forget(&err);
  return turn;
}

TEST(a_review_is_a_turn_whose_last_message_is_what_it_found) {
  session *s = session_with_model(NULL);
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  model_says(s->model, "No findings.");
  codex_turn *turn = start_review(s, "{\"type\":\"custom\",\"instructions\":\"look around\"}");
  codex_event *started = await_event(turn, CODEX_EVENT_TURN_STARTED);
  CHECK_STR(codex_event_turn_id(started), codex_turn_id(turn));
  codex_event_free(started);
  CHECK_INT(drain(turn), CODEX_OK);
  CHECK_OK(codex_turn_wait(turn, 0, &result, &err), err);
  CHECK_STR(codex_turn_result_final_response(result, NULL), "No findings.");
  CHECK_CONTAINS(model_request(s->model, 0), "look around");
  codex_turn_result_free(result);
  codex_turn_free(turn);
}

TEST(a_review_can_be_interrupted) {
  session *s = session_with_model(NULL);
  model_hangs(s->model, "half");
  codex_turn *turn = start_review(s, "{\"type\":\"uncommittedChanges\"}");
  codex_event_free(await_event(turn, CODEX_EVENT_TURN_STARTED));
  CHECK_OK(codex_turn_interrupt(turn, NULL), NULL);
  CHECK_INT(drain(turn), CODEX_ERROR_TURN_INTERRUPTED);
  codex_turn_free(turn);
}

TEST(a_review_of_a_branch_without_a_name_is_refused) {
  session *s = session_with_model(NULL);
  codex_turn *turn = NULL;
  codex_error *err = NULL;
  const char *target = "{\"type\":\"baseBranch\",\"branch\":\"\"}";
  CHECK_STATUS(codex_thread_review(s->thread, target, NULL, &turn, &err), CODEX_ERROR_RPC, err);
  CHECK(turn == NULL);
  CHECK_CONTAINS(codex_error_message(err), "branch must not be empty");
  CHECK_STR(reason_of(err), "invalidParams");
}

/* ---- goals ------------------------------------------------------------------------------------------------------- */

static codex_turn *pursue(session *s, const char *params) {
  codex_turn *turn = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_thread_goal(s->thread, "count to three", params, &turn, &err), err);
  CHECK(turn != NULL);
  forget(&err);
  return turn;
}

TEST(a_goal_is_one_turn_however_many_the_runtime_makes_of_it) {
  session *s = session_with_model(NULL);
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  model_says(s->model, "one, two");
  model_calls(s->model, "call_1", "update_goal", "{\"status\":\"complete\"}");
  model_says(s->model, "three");
  codex_turn *turn = pursue(s, NULL);
  CHECK_INT(drain(turn), CODEX_OK);
  CHECK_OK(codex_turn_wait(turn, 0, &result, &err), err);
  CHECK_STR(codex_turn_result_id(result), codex_turn_id(turn));
  CHECK_STR(codex_turn_result_final_response(result, NULL), "three");
  const codex_value *usage = codex_value_at(codex_turn_result_value(result), "/usage");
  CHECK_INT(codex_turn_result_total_tokens(result), 3 * int_at(usage, "/last/totalTokens"));
  codex_turn_result_free(result);
  codex_turn_free(turn);
}

TEST(a_goal_that_crosses_a_limit_is_paused) {
  session *s = session_with_model(NULL);
  char *goal = NULL;
  codex_error *err = NULL;
  model_says(s->model, "one");
  model_hangs(s->model, "half");
  codex_turn *turn = pursue(s, "{\"limits\":{\"timeoutMs\":3000}}");
  CHECK_INT(drain(turn), CODEX_ERROR_TURN_TIMED_OUT);
  const char *params = text("{\"threadId\":\"%s\"}", codex_thread_id(s->thread));
  CHECK_OK(codex_client_call(s->client, "thread/goal/get", params, CODEX_WAIT_DEFAULT, &goal, &err), err);
  CHECK_CONTAINS(goal, "\"status\":\"paused\"");
  codex_string_free(goal);
  codex_turn_free(turn);
}

TEST(a_thread_that_pursues_a_goal_takes_no_other_turn) {
  session *s = session_with_model(NULL);
  codex_turn *other = NULL;
  codex_error *err = NULL;
  model_hangs(s->model, "half");
  codex_turn *turn = pursue(s, NULL);
  CHECK_STATUS(codex_turn_start(s->thread, "go", NULL, &other, &err), CODEX_ERROR_INVALID_ARGUMENT, err);
  CHECK(other == NULL);
  CHECK_STR(reason_of(err), "goalActive");
  CHECK_OK(codex_turn_interrupt(turn, NULL), NULL);
  CHECK_INT(drain(turn), CODEX_ERROR_TURN_INTERRUPTED);
  codex_turn_free(turn);
}

int main(int argc, char **argv) {
  static const test_case tests[] = {
      CASE(a_stored_thread_is_listed),
      CASE(a_fork_is_another_thread_and_knows_the_past),
      CASE(an_archived_thread_can_be_taken_back),
      CASE(a_deleted_thread_is_gone),
      CASE(a_thread_that_was_unsubscribed_takes_turns_after_a_resume),
      CASE(a_thread_is_not_unsubscribed_under_a_turn),
      CASE(a_compaction_is_a_turn_that_can_be_waited_for),
      CASE(a_compaction_need_not_be_followed),
      CASE(a_compaction_interrupts_the_turn_that_runs),
      CASE(a_review_is_a_turn_whose_last_message_is_what_it_found),
      CASE(a_review_can_be_interrupted),
      CASE(a_review_of_a_branch_without_a_name_is_refused),
      CASE(a_goal_is_one_turn_however_many_the_runtime_makes_of_it),
      CASE(a_goal_that_crosses_a_limit_is_paused),
      CASE(a_thread_that_pursues_a_goal_takes_no_other_turn),
  };
  harness_start(argc, argv);
  run_tests_with_each_runtime(tests, COUNT(tests));
  return harness_end();
}
