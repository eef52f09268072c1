codex_status status = codex_thread_run(thread, "Go on.", NULL, &result, &error);
if (status < 0) {
  fprintf(stderr, "%s (%s, %s)\n", codex_error_message(error), codex_status_name(status), codex_error_reason(error));
  if (codex_error_is_retryable(error)) fputs("It may work later.\n", stderr);
}
codex_error_free(error);
