if (codex_turn_wait(turn, 60000, &result, &error) == CODEX_TIMEOUT) {
  codex_turn_interrupt(turn, NULL);
  codex_turn_wait(turn, CODEX_WAIT_FOREVER, &result, &error); /* CODEX_ERROR_TURN_INTERRUPTED, with its result */
}
