uint64_t asked = 0;
codex_client_begin_call(client, "model/list", "{\"limit\": 5}", CODEX_WAIT_DEFAULT, NULL, &asked, &error);

/* Later, when the client queue has something: */
while (codex_client_next_event(client, 0, &event, NULL) == CODEX_OK) {
  if (codex_event_get_kind(event) == CODEX_EVENT_RESPONSE && codex_event_call_id(event) == asked) {
    puts(codex_event_json(event, NULL));
  }
  codex_event_free(event);
}
