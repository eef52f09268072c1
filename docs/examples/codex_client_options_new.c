options = codex_client_options_new();
codex_client_options_set_cwd(options, "/srv/project");
codex_client_options_add_config(options, "model_reasoning_effort=\"high\"");
codex_client_options_set_limits(options, "{\"timeoutMs\": 600000}");

/* What a setter refused, connecting tells. */
codex_status status = codex_client_connect(options, &client, &error);
codex_client_options_free(options);
if (status != CODEX_OK) fprintf(stderr, "%s\n", codex_error_message(error));
