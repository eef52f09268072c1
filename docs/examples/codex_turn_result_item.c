size_t i;
for (i = 0; i < codex_turn_result_item_count(result); i++) {
  const codex_value *item = codex_turn_result_item(result, i);
  const char *type = codex_value_string(codex_value_at(item, "/type"), NULL);
  if (type && strcmp(type, "commandExecution") == 0) {
    printf("%s: exit code %d\n", codex_value_string(codex_value_at(item, "/command"), NULL),
           (int)codex_value_int(codex_value_at(item, "/exitCode"), -1));
  }
}
