/* The thread need not be ready yet. How the turn ends tells its last event. */
if (codex_thread_begin(client, NULL, &thread, &error) == CODEX_OK &&
    codex_turn_begin(thread, "Tell a joke.", NULL, &turn, &error) == CODEX_OK) {
  codex_turn_set_user_data(turn, stdout);
}
