codex_login *login = NULL;
if (codex_client_login_device_code(client, &login, &error) == CODEX_OK) {
  printf("Open %s and type %s\n", codex_login_url(login), codex_login_user_code(login));
  if (codex_login_wait(login, 15 * 60 * 1000, &error) == CODEX_TIMEOUT) codex_login_cancel(login, NULL);
}
codex_login_free(login);
