static void on_request(void *user_data, codex_request *request) {
  const char *command = codex_value_string(codex_value_at(codex_request_value(request), "/command"), NULL);
  (void)user_data;
  if (command && strncmp(command, "git status", 10) == 0) codex_request_approve(request, false, NULL);
  codex_request_free(request); /* what was not approved is declined */
}

codex_client_options_set_request_handler(options, on_request, NULL, NULL);
