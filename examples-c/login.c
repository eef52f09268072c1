/* Logs in with a code that is typed on another device, as on a machine without a browser.
 *
 *   cc -std=c99 login.c -o login -lcodex
 *   ./login
 */
#include <codex.h>

#include <stdio.h>
#include <stdlib.h>

static const int64_t FIFTEEN_MINUTES = 15 * 60 * 1000;

/* A login that nobody completes is given up, so that the code is worth nothing any more. */
static codex_status wait_for_person(codex_login *login, codex_error **error) {
  codex_status status = codex_login_wait(login, FIFTEEN_MINUTES, error);
  if (status != CODEX_TIMEOUT) return status;
  codex_login_cancel(login, NULL);
  return codex_login_wait(login, CODEX_WAIT_DEFAULT, error);
}

static codex_status log_in(codex_client *client, codex_error **error) {
  codex_login *login = NULL;
  codex_status status = codex_client_login_device_code(client, &login, error);
  if (status == CODEX_OK) {
    printf("Open %s on any device and type %s\n", codex_login_url(login), codex_login_user_code(login));
    fflush(stdout);
    status = wait_for_person(login, error);
  }
  codex_login_free(login);
  return status;
}

static codex_status print_account(codex_client *client, codex_error **error) {
  char *account = NULL;
  codex_status status = codex_client_account(client, false, &account, error);
  if (status == CODEX_OK) printf("Logged in: %s\n", account);
  codex_string_free(account);
  return status;
}

int main(void) {
  codex_client *client = NULL;
  codex_error *error = NULL;
  int ok = codex_client_connect(NULL, &client, &error) == CODEX_OK && log_in(client, &error) == CODEX_OK &&
           print_account(client, &error) == CODEX_OK;
  if (!ok) fprintf(stderr, "login: %s\n", codex_error_message(error));

  codex_error_free(error);
  codex_client_free(client);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
