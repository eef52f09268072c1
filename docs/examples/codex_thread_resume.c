codex_status status = codex_thread_resume(client, "01234567-89ab-cdef-0123-456789abcdef", NULL, &thread, &error);
if (status == CODEX_ERROR_RPC && strcmp(codex_error_reason(error), "threadNotFound") == 0) {
  codex_error_free(error);
  status = codex_thread_start(client, NULL, &thread, &error);
}
