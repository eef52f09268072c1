/* In the function of a tool, or later from any thread: */
codex_request_respond_text(request, true, "7 left", NULL);
codex_request_free(request);
