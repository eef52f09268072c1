static void tell_stock(void *user_data, codex_request *request) {
  const codex_value *article = codex_value_at(codex_request_value(request), "/arguments/article");
  const char *name = codex_value_string(article, NULL);
  (void)user_data;
  codex_request_respond_text(request, name != NULL, name ? "7 left" : "which article?", NULL);
  codex_request_free(request);
}

codex_client_add_tool(client, "stock", "Tells how many of an article are left.",
                      "{\"type\":\"object\",\"properties\":{\"article\":{\"type\":\"string\"}}}",
                      tell_stock, NULL, NULL, &error);
