codex_status status = codex_thread_run(thread, "Say hello in one sentence.", NULL, &result, &error);
if (status == CODEX_OK) {
  const char *answer = codex_turn_result_final_response(result, NULL);
  if (answer) puts(answer);
} else {
  fprintf(stderr, "%s\n", codex_error_message(error)); /* a result there may be all the same: what was done until then */
}
codex_error_free(error);
codex_turn_result_free(result);
