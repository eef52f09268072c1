if (codex_turn_start(thread, "Count the lines of every file here.", NULL, &turn, &error) == CODEX_OK) {
  while (codex_turn_next_event(turn, CODEX_WAIT_FOREVER, &event, &error) == CODEX_OK) {
    if (codex_event_get_kind(event) == CODEX_EVENT_MESSAGE_DELTA) fputs(codex_event_text(event, NULL), stdout);
    codex_event_free(event);
  }
  codex_turn_wait(turn, CODEX_WAIT_FOREVER, &result, &error);
}
codex_turn_free(turn);
