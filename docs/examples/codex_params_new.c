codex_params *params = codex_params_new();
codex_params_set_string(params, "model", "gpt-5.5");
codex_params_set_int(params, "/limits/timeoutMs", 60000);
codex_params_add_image_file(params, "screenshot.png");

/* What a setter refused, the call tells. */
codex_thread_run(thread, "What is wrong here?", codex_params_json(params), &result, &error);
codex_params_free(params);
