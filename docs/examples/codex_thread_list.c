char *page = NULL;
codex_value *list = NULL;
if (codex_thread_list(client, "{\"limit\": 20}", &page, &error) == CODEX_OK &&
    codex_value_parse(page, &list, &error) == CODEX_OK) {
  const codex_value *threads = codex_value_at(list, "/data");
  size_t i;
  for (i = 0; i < codex_value_count(threads); i++) {
    const codex_value *stored = codex_value_item(threads, i);
    printf("%s  %s\n", codex_value_string(codex_value_at(stored, "/id"), NULL),
           codex_value_string(codex_value_at(stored, "/preview"), NULL));
  }
}
codex_value_free(list);
codex_string_free(page);
