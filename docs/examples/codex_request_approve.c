const char *command = codex_value_string(codex_value_at(codex_request_value(request), "/command"), NULL);
if (codex_request_get_kind(request) == CODEX_REQUEST_COMMAND) printf("Run %s? [y/n] ", command ? command : "it");
if (getchar() == 'y') {
  codex_request_approve(request, false, &error);
} else {
  codex_request_decline(request, &error);
}
codex_request_free(request);
