/* Gives the agent a table of the program's own to look things up in, and shows how it uses it.
 *
 *   cc -std=c99 tools.c -o tools -lcodex
 *   ./tools "What does Ada still have to pay?"
 */
#include <codex.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const char *customer;
  const char *article;
  int cents;
  int paid;
} order;

static const order orders[] = {
    {"Ada", "loom cards", 1250, 1},
    {"Ada", "brass wheels", 8900, 0},
    {"Charles", "tea", 420, 0},
    {"Ada", "ink", 315, 0},
};

/* A JSON Schema: what the agent may ask for. */
static const char schema[] =
    "{\"type\": \"object\", \"properties\": {\"customer\": {\"type\": \"string\", \"description\": \"A first name\"}},"
    " \"required\": [\"customer\"], \"additionalProperties\": false}";

/* Adds the orders of a customer to an answer, one text each; says how many there are. */
static int add_orders(codex_params *answer, const char *customer) {
  char row[128];
  size_t i;
  int found = 0;
  for (i = 0; i < sizeof orders / sizeof orders[0]; i++) {
    const order *o = &orders[i];
    if (strcmp(o->customer, customer) != 0) continue;
    snprintf(row, sizeof row, "%s: %d.%02d, %s\n", o->article, o->cents / 100, o->cents % 100, o->paid ? "paid" : "open");
    codex_params_add_text(answer, row);
    found++;
  }
  return found;
}

/* Runs on a thread of the library, whenever the agent calls the tool. A function that needs longer keeps the request,
 * returns, and answers from a thread of its own. */
static void find_orders(void *user_data, codex_request *request) {
  const codex_value *value = codex_value_at(codex_request_value(request), "/arguments/customer");
  const char *customer = codex_value_string(value, NULL);
  codex_params *answer = codex_params_new();
  int found = customer ? add_orders(answer, customer) : 0;
  (void)user_data;
  printf("[looked up %s: %d orders]\n", customer ? customer : "nobody", found);
  if (found > 0) {
    codex_request_respond_items(request, true, codex_params_json(answer), NULL);
  } else {
    codex_request_respond_text(request, false, "There is no customer of this name.", NULL);
  }
  codex_params_free(answer);
  codex_request_free(request);
}

int main(int argc, char **argv) {
  const char *prompt = argc > 1 ? argv[1] : "What does Ada still have to pay?";
  codex_client *client = NULL;
  codex_thread *thread = NULL;
  codex_turn_result *result = NULL;
  codex_error *error = NULL;

  int ok = codex_client_connect(NULL, &client, &error) == CODEX_OK &&
           codex_client_add_tool(client, "find_orders", "Finds what a customer ordered, and whether it is paid.", schema,
                                 find_orders, NULL, NULL, &error) == CODEX_OK &&
           codex_thread_start(client, NULL, &thread, &error) == CODEX_OK &&
           codex_thread_run(thread, prompt, NULL, &result, &error) == CODEX_OK;

  if (ok && codex_turn_result_final_response(result, NULL)) puts(codex_turn_result_final_response(result, NULL));
  if (error) fprintf(stderr, "tools: %s\n", codex_error_message(error));

  codex_error_free(error);
  codex_turn_result_free(result);
  codex_thread_free(thread);
  codex_client_free(client);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
