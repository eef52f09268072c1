codex_value *value = NULL;
if (codex_value_parse("{\"items\": [{\"text\": \"hello\"}]}", &value, &error) == CODEX_OK) {
  puts(codex_value_string(codex_value_at(value, "/items/0/text"), NULL));
}
codex_value_free(value);
