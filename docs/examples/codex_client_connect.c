if (codex_client_connect(NULL, &client, &error) != CODEX_OK) {
  fprintf(stderr, "%s\n", codex_error_message(error));
  codex_error_free(error);
}
codex_client_free(client);
