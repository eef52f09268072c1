const char *limits = "{\"limits\": {\"timeoutMs\": 3600000, \"maxTokens\": 500000}}";
if (codex_thread_goal(thread, "All tests pass.", limits, &turn, &error) == CODEX_OK) {
  codex_turn_wait(turn, CODEX_WAIT_FOREVER, &result, &error);
}
