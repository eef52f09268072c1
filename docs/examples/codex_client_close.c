/* The runtime may take two seconds to end by itself. Freeing the client instead ends it without waiting. */
codex_client_close(client, 2000, NULL);
codex_client_free(client);
