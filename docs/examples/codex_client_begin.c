codex_client_options_set_single_queue(options, true);

/* Nothing is waited for: the turn waits inside the library for its thread, and the thread for the runtime. */
if (codex_client_begin(options, &client, &error) == CODEX_OK &&
    codex_thread_begin(client, NULL, &thread, &error) == CODEX_OK &&
    codex_turn_begin(thread, "What is in this directory?", NULL, &turn, &error) == CODEX_OK) {
  int descriptor = codex_client_wakeup_fd(client); /* for the loop of the program */
  printf("watching %d\n", descriptor);
}
