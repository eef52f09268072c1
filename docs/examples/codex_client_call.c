char *answer = NULL;
if (codex_client_call(client, "account/rateLimits/read", NULL, CODEX_WAIT_DEFAULT, &answer, &error) == CODEX_OK) {
  puts(answer);
}
codex_string_free(answer);
