static void on_wakeup(void *user_data) {
  int *mailbox = user_data;
  *mailbox = 1; /* in a real program: post a message to the loop, from whatever thread this is */
}

static int mailbox;
codex_client_set_wakeup(client, on_wakeup, &mailbox, NULL);
