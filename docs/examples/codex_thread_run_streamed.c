static int32_t on_event(void *user_data, codex_event *event) {
  size_t *bytes = user_data;
  size_t length;
  const char *text = codex_event_text(event, &length);
  if (codex_event_get_kind(event) != CODEX_EVENT_MESSAGE_DELTA) return CODEX_CONTINUE;
  fwrite(text, 1, length, stdout);
  *bytes += length;
  return *bytes < 10000 ? CODEX_CONTINUE : CODEX_INTERRUPT;
}

size_t bytes = 0;
codex_thread_run_streamed(thread, "Tell a story.", NULL, on_event, &bytes, &result, &error);
