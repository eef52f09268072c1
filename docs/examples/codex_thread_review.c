const char *target = "{\"type\": \"baseBranch\", \"branch\": \"main\"}";
if (codex_thread_review(thread, target, NULL, &turn, &error) == CODEX_OK &&
    codex_turn_wait(turn, CODEX_WAIT_FOREVER, &result, &error) == CODEX_OK) {
  const char *found = codex_turn_result_final_response(result, NULL);
  if (found) puts(found);
}
