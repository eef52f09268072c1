/* In an event loop, whenever codex_client_wakeup_fd is readable: */
codex_status status;
while ((status = codex_client_next_event(client, 0, &event, NULL)) == CODEX_OK) {
  printf("%d %s\n", (int)codex_event_get_kind(event), codex_event_method(event));
  codex_event_free(event);
}
if (status == CODEX_END) puts("The connection is over: the descriptor is not to be watched any more.");
