const char *params = "{\"outputSchema\": {\"type\": \"object\", \"additionalProperties\": false,"
                     " \"properties\": {\"lines\": {\"type\": \"integer\"}}, \"required\": [\"lines\"]}}";
if (codex_thread_run(thread, "How many lines has README.md?", params, &result, &error) == CODEX_OK) {
  printf("%d\n", (int)codex_value_int(codex_value_at(codex_turn_result_output(result), "/lines"), -1));
}
