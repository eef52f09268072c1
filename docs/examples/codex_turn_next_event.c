/* Wakes up ten times a second, to look after other things. */
codex_status status;
while ((status = codex_turn_next_event(turn, 100, &event, &error)) >= 0 && status != CODEX_END) {
  if (status == CODEX_TIMEOUT) continue;
  printf("%s\n", codex_event_method(event));
  codex_event_free(event);
}
