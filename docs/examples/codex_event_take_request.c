static codex_request *asked;

static int32_t on_event(void *user_data, codex_event *event) {
  codex_request *request = codex_event_take_request(event);
  (void)user_data;
  if (request) asked = request; /* answered later, from any thread; then freed */
  return CODEX_CONTINUE;
}

codex_thread_run_streamed(thread, "Tidy up.", "{\"approvalMode\": \"ask\"}", on_event, NULL, &result, &error);
