#include "support.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { SECONDS_PER_PROGRAM = 120, PATIENCE_MS = 20000, MAX_DEFERRED = 1024, MAX_FAILURES_SHOWN = 8 };

/* ---- harness ----------------------------------------------------------------------------------------------------- */

typedef struct deferred {
  void (*clean_up)(void *);
  void *argument;
} deferred;

static const char *name_filter = "";
static const char *current_runtime;
static const char *current_label = "";
static const char *current_test = "";
static char current_promise[512];
static int passed_count;
static int failed_count;
static int failures_of_test;
static deferred deferred_list[MAX_DEFERRED];
static size_t deferred_count;
/* Guards failures_of_test and the deferred list: checks and texts are used on several threads. */
static pthread_mutex_t harness_mutex = PTHREAD_MUTEX_INITIALIZER;

static void end_hanging_test(int signal_number) {
  static const char before[] = "not ok - ";
  static const char after[] = ": the test did not end in time\n";
  (void)signal_number;
  (void)!write(STDOUT_FILENO, before, sizeof before - 1);
  (void)!write(STDOUT_FILENO, current_promise, strlen(current_promise));
  (void)!write(STDOUT_FILENO, after, sizeof after - 1);
  _exit(1);
}

void harness_start(int argc, char **argv) {
  name_filter = argc > 1 ? argv[1] : "";
  setvbuf(stdout, NULL, _IOLBF, 0);
  signal(SIGALRM, end_hanging_test);
}

int harness_end(void) {
  printf("%d passed, %d failed\n", passed_count, failed_count);
  return failed_count == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void set_promise(const char *name) {
  snprintf(current_promise, sizeof current_promise, "%s%s", name, current_label);
  for (char *c = current_promise; *c != '\0'; c++)
    if (*c == '_') *c = ' ';
}

static void clean_up_test(void) {
  while (deferred_count > 0) {
    deferred last = deferred_list[--deferred_count];
    last.clean_up(last.argument);
  }
}

/* Three quarters of what scripts/run-c-tests gives the whole program, so that the test that hangs is named. */
static unsigned seconds_per_test(void) {
  const char *given = getenv("C_TEST_TIMEOUT");
  int program = given == NULL ? SECONDS_PER_PROGRAM : atoi(given);
  return (unsigned)program * 3 / 4;
}

bool run_quietly(const test_case *test) {
  current_test = test->name;
  set_promise(test->name);
  failures_of_test = 0;
  alarm(seconds_per_test());
  test->run();
  clean_up_test();
  alarm(0);
  return failures_of_test == 0;
}

const char *test_name(void) { return current_test; }

static void run_test(const test_case *test) {
  if (strstr(test->name, name_filter) == NULL) return;
  if (!run_quietly(test)) {
    failed_count++;
    return;
  }
  passed_count++;
  printf("ok - %s\n", current_promise);
}

void run_tests(const test_case *tests, size_t count) {
  for (size_t i = 0; i < count; i++) run_test(&tests[i]);
}

static void run_tests_with_runtime(const char *variable, const char *label, const test_case *tests, size_t count) {
  current_runtime = required_env(variable);
  current_label = label;
  run_tests(tests, count);
  current_runtime = NULL;
  current_label = "";
}

void run_tests_with_each_runtime(const test_case *tests, size_t count) {
  run_tests_with_runtime("CODEX_PATH", " (runtime)", tests, count);
  run_tests_with_runtime("CODEX_PATH_OLD", " (older runtime)", tests, count);
}

const char *runtime_path(void) {
  return current_runtime != NULL ? current_runtime : required_env("CODEX_PATH");
}

const char *required_env(const char *name) {
  const char *value = getenv(name);
  if (value != NULL && *value != '\0') return value;
  printf("not ok - %s: the environment variable %s is not set; run the tests by `make test`\n", current_promise, name);
  exit(EXIT_FAILURE);
}

void defer(void (*clean_up)(void *), void *argument) {
  pthread_mutex_lock(&harness_mutex);
  bool full = deferred_count == MAX_DEFERRED;
  if (!full) deferred_list[deferred_count++] = (deferred){clean_up, argument};
  pthread_mutex_unlock(&harness_mutex);
  if (full) check_true(__FILE__, __LINE__, "there is room for another deferred clean-up", false);
}

/* ---- checks ------------------------------------------------------------------------------------------------------ */

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

static bool report(const char *file, int line, const char *format, ...) {
  va_list arguments;
  pthread_mutex_lock(&harness_mutex);
  failures_of_test++;
  if (failures_of_test <= MAX_FAILURES_SHOWN) {
    if (failures_of_test == 1) printf("not ok - %s: ", current_promise);
    else printf("    and ");
    printf("%s:%d: ", base_name(file), line);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
  }
  pthread_mutex_unlock(&harness_mutex);
  return false;
}

bool check_true(const char *file, int line, const char *what, bool held) {
  return held || report(file, line, "%s", what);
}

static const char *shown(const char *string) { return string == NULL ? "NULL" : string; }

bool check_string(const char *file, int line, const char *what, const char *actual, const char *expected) {
  if (actual == NULL && expected == NULL) return true;
  if (actual != NULL && expected != NULL && strcmp(actual, expected) == 0) return true;
  return report(file, line, "%s is \"%s\" and not \"%s\"", what, shown(actual), shown(expected));
}

bool check_int(const char *file, int line, const char *what, int64_t actual, int64_t expected) {
  if (actual == expected) return true;
  return report(file, line, "%s is %lld and not %lld", what, (long long)actual, (long long)expected);
}

bool check_contains(const char *file, int line, const char *what, const char *text, const char *part) {
  if (text != NULL && strstr(text, part) != NULL) return true;
  return report(file, line, "%s does not contain \"%s\": \"%s\"", what, part, shown(text));
}

bool check_status(const char *file, int line, const char *what, codex_status actual, codex_status expected,
                  const codex_error *err) {
  if (actual == expected && (actual < 0 || err == NULL)) return true;
  return report(file, line, "%s gave %s and not %s%s%s", what, codex_status_name(actual), codex_status_name(expected),
                err == NULL ? "" : ": ", err == NULL ? "" : codex_error_message(err));
}

void forget(codex_error **err) {
  codex_error_free(*err);
  *err = NULL;
}

/* ---- text, time, threads ----------------------------------------------------------------------------------------- */

static void *allocate(size_t size) {
  void *memory = calloc(1, size);
  if (memory != NULL) return memory;
  fprintf(stderr, "out of memory\n");
  exit(EXIT_FAILURE);
}

const char *text(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  char *made = allocate((size_t)length + 1);
  va_start(arguments, format);
  vsnprintf(made, (size_t)length + 1, format, arguments);
  va_end(arguments);
  defer(free, made);
  return made;
}

static void free_value(void *value) { codex_value_free(value); }

const codex_value *parsed(const char *json) {
  codex_value *value = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_value_parse(json, &value, &err), err);
  forget(&err);
  defer(free_value, value);
  return value;
}

const char *string_at(const codex_value *value, const char *pointer) {
  const char *found = codex_value_string(codex_value_at(value, pointer), NULL);
  return found == NULL ? "" : found;
}

int64_t int_at(const codex_value *value, const char *pointer) {
  return codex_value_int(codex_value_at(value, pointer), INT64_MIN);
}

bool has(const codex_value *value, const char *pointer) { return codex_value_at(value, pointer) != NULL; }

int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void sleep_ms(int64_t milliseconds) {
  struct timespec pause = {(time_t)(milliseconds / 1000), (long)(milliseconds % 1000) * 1000000};
  while (nanosleep(&pause, &pause) != 0 && errno == EINTR) continue;
}

pthread_t thread_start(void *(*run)(void *), void *argument) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, run, argument) == 0) return thread;
  fprintf(stderr, "a thread could not be started\n");
  exit(EXIT_FAILURE);
}

void thread_join(pthread_t thread) { pthread_join(thread, NULL); }

void flag_raise(flag *f) {
  pthread_mutex_lock(&f->mutex);
  f->raised++;
  pthread_cond_broadcast(&f->changed);
  pthread_mutex_unlock(&f->mutex);
}

void flag_raise_callback(void *f) { flag_raise(f); }

bool flag_wait(flag *f, int times) {
  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += PATIENCE_MS / 1000;
  pthread_mutex_lock(&f->mutex);
  int waited = 0;
  while (f->raised < times && waited == 0) waited = pthread_cond_timedwait(&f->changed, &f->mutex, &deadline);
  bool reached = f->raised >= times;
  pthread_mutex_unlock(&f->mutex);
  return reached;
}

int flag_count(flag *f) {
  pthread_mutex_lock(&f->mutex);
  int count = f->raised;
  pthread_mutex_unlock(&f->mutex);
  return count;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static bool is_dot(const char *name) { return strcmp(name, ".") == 0 || strcmp(name, "..") == 0; }

static void remove_tree(const char *path) {
  DIR *directory = opendir(path);
  struct dirent *entry;
  while (directory != NULL && (entry = readdir(directory)) != NULL) {
    char child[4096];
    struct stat status;
    if (is_dot(entry->d_name)) continue;
    snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
    if (lstat(child, &status) == 0 && S_ISDIR(status.st_mode)) remove_tree(child);
    else unlink(child);
  }
  if (directory != NULL) closedir(directory);
  rmdir(path);
}

static void remove_directory(void *path) {
  /* A tool that outlived its turn may still write while the directory goes. */
  for (int attempt = 0; attempt < 20 && file_exists(path); attempt++) {
    if (attempt > 0) sleep_ms(50);
    remove_tree(path);
  }
  free(path);
}

static void make_directories(const char *path) {
  char part[4096];
  snprintf(part, sizeof part, "%s", path);
  for (char *c = part + 1; *c != '\0'; c++) {
    if (*c != '/') continue;
    *c = '\0';
    mkdir(part, 0777);
    *c = '/';
  }
  mkdir(part, 0777);
}

static const char *directory_of_all_tests(void) {
  static char absolute[4096];
  char here[2048];
  const char *configured = getenv("CODEX_TEST_TMP");
  if (configured == NULL) configured = "target/c-tests";
  if (getcwd(here, sizeof here) == NULL) here[0] = '\0';
  if (*configured == '/') snprintf(absolute, sizeof absolute, "%s", configured);
  else snprintf(absolute, sizeof absolute, "%s/%s", here, configured);
  make_directories(absolute);
  return absolute;
}

const char *fresh_directory(void) {
  const char *parent = directory_of_all_tests();
  size_t size = strlen(parent) + sizeof "/XXXXXX";
  char *path = allocate(size);
  snprintf(path, size, "%s/XXXXXX", parent);
  CHECK(mkdtemp(path) != NULL);
  defer(remove_directory, path);
  return path;
}

const char *make_directory(const char *parent, const char *name) {
  const char *path = text("%s/%s", parent, name);
  CHECK(mkdir(path, 0777) == 0);
  return path;
}

void write_file(const char *path, const char *content) {
  FILE *file = fopen(path, "w");
  if (!CHECK(file != NULL)) return;
  CHECK(fputs(content, file) >= 0);
  CHECK(fclose(file) == 0);
}

void write_program(const char *path, const char *content) {
  write_file(path, content);
  CHECK(chmod(path, 0755) == 0);
}

const char *read_file(const char *path) {
  FILE *file = fopen(path, "r");
  size_t length = 0, capacity = 4096, got;
  char *content = allocate(capacity);
  while (file != NULL && (got = fread(content + length, 1, capacity - length - 1, file)) > 0) {
    length += got;
    if (capacity - length > 1) continue;
    capacity *= 2;
    content = realloc(content, capacity);
    if (content == NULL) abort();
  }
  content[length] = '\0';
  if (file != NULL) fclose(file);
  defer(free, content);
  return content;
}

bool file_exists(const char *path) {
  struct stat status;
  return lstat(path, &status) == 0;
}

static bool file_contains(const char *path, const char *part) {
  FILE *file = fopen(path, "r");
  char *line = NULL;
  size_t capacity = 0;
  bool found = false;
  while (file != NULL && !found && getline(&line, &capacity, file) > 0) found = strstr(line, part) != NULL;
  free(line);
  if (file != NULL) fclose(file);
  return found;
}

bool wait_for_text(const char *path, const char *part) {
  int64_t deadline = now_ms() + PATIENCE_MS;
  while (!file_contains(path, part)) {
    if (now_ms() > deadline) return false;
    sleep_ms(10);
  }
  return true;
}

bool wait_until_gone(int64_t pid) {
  int64_t deadline = now_ms() + PATIENCE_MS;
  while (kill((pid_t)pid, 0) == 0) {
    if (now_ms() > deadline) return false;
    sleep_ms(10);
  }
  return true;
}

/* ---- the scripted model ------------------------------------------------------------------------------------------ */

/* The library starts processes too, and they must not hold the other ends of these pipes open. */
static void make_private_pipe(int ends[2]) {
  CHECK(pipe(ends) == 0);
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
}

/* What exec and its kin want, although they change nothing. */
static char *writable(const char *string) { return (char *)(uintptr_t)string; }

/* A program that ends with its input. */
typedef struct helper {
  pid_t pid;
  int stdin_fd;
} helper;

static void helper_stop(void *pointer) {
  helper *h = pointer;
  close(h->stdin_fd);
  while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR) continue;
  free(h);
}

/* It ends with the test. */
static void helper_start(char *const *arguments, int child_stdout) {
  posix_spawn_file_actions_t actions;
  int to_child[2];
  helper *h = allocate(sizeof *h);
  make_private_pipe(to_child);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to_child[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, child_stdout, STDOUT_FILENO);
  CHECK_INT(posix_spawnp(&h->pid, arguments[0], &actions, NULL, arguments, environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  h->stdin_fd = to_child[1];
  close(to_child[0]);
  defer(helper_stop, h);
}

static int read_port(int fd) {
  char line[256];
  size_t length = 0;
  while (length < sizeof line - 1 && read(fd, line + length, 1) == 1 && line[length] != '\n') length++;
  line[length] = '\0';
  const char *colon = strrchr(line, ':');
  CHECK_CONTAINS(line, "listening on http://127.0.0.1:");
  return colon == NULL ? 0 : atoi(colon + 1);
}

const model *model_start(void) {
  model *m = allocate(sizeof *m);
  int from_child[2];
  char *const arguments[] = {writable(required_env("SCRIPTED_MODEL")), NULL};
  make_private_pipe(from_child);
  defer(free, m);
  helper_start(arguments, from_child[1]);
  close(from_child[1]);
  m->port = read_port(from_child[0]);
  close(from_child[0]);
  return m;
}

static int connect_to(int port) {
  struct sockaddr_in address;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  CHECK_INT(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
  return fd;
}

static void send_all(int fd, const char *bytes) {
  size_t length = strlen(bytes);
  while (length > 0) {
    ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
    if (!CHECK(sent > 0)) return;
    bytes += sent;
    length -= (size_t)sent;
  }
}

static char *receive_all(int fd) {
  size_t length = 0, capacity = 65536;
  char *bytes = allocate(capacity);
  ssize_t got;
  while ((got = recv(fd, bytes + length, capacity - length - 1, 0)) > 0) {
    length += (size_t)got;
    if (capacity - length > 1) continue;
    capacity *= 2;
    bytes = realloc(bytes, capacity);
    if (bytes == NULL) abort();
  }
  bytes[length] = '\0';
  defer(free, bytes);
  return bytes;
}

/* HTTP/1.0, so that the answer is one body that ends with the connection. */
static const char *control(const model *m, const char *method, const char *path, const char *body) {
  int fd = connect_to(m->port);
  send_all(fd, text("%s %s HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                    method, path, strlen(body), body));
  const char *answer = receive_all(fd);
  close(fd);
  const char *body_start = strstr(answer, "\r\n\r\n");
  const char *status = strchr(answer, ' ');
  if (!CHECK(status != NULL && status[1] == '2' && body_start != NULL)) {
    fprintf(stderr, "%s %s: %s\n", method, path, answer);
    return "null";
  }
  return body_start + 4;
}

static void queue_response(const model *m, const char *response_json) {
  control(m, "POST", "/control/queue", response_json);
}

/* The plain text as a JSON string. */
static const char *quoted(const char *plain) {
  codex_params *params = codex_params_new();
  codex_params_set_string(params, "s", plain);
  char *json = codex_value_json(codex_value_at(parsed(codex_params_json(params)), "/s"));
  const char *copy = text("%s", json == NULL ? "\"\"" : json);
  codex_string_free(json);
  codex_params_free(params);
  return copy;
}

void model_says(const model *m, const char *answer) { queue_response(m, text("{\"text\":%s}", quoted(answer))); }

void model_streams(const model *m, const char *const *deltas, size_t count) {
  const char *list = "";
  for (size_t i = 0; i < count; i++) list = text("%s%s%s", list, i == 0 ? "" : ",", quoted(deltas[i]));
  queue_response(m, text("{\"text\":[%s]}", list));
}

void model_says_around_gate(const model *m, const char *first, const char *gate, const char *rest) {
  queue_response(m, text("{\"text\":[%s,{\"gate\":%s},%s]}", quoted(first), quoted(gate), quoted(rest)));
}

void model_says_to(const model *m, const char *needle, const char *answer) {
  queue_response(m, text("{\"for\":%s,\"text\":%s}", quoted(needle), quoted(answer)));
}

void model_hangs(const model *m, const char *first) {
  queue_response(m, text("{\"text\":[%s,{\"hang\":true}]}", quoted(first)));
}

void model_runs_command(const model *m, const char *call_id, const char *command) {
  queue_response(m, text("{\"output\":[{\"call\":{\"name\":\"exec_command\",\"callId\":%s,\"arguments\":{\"cmd\":%s,"
                         "\"sandbox_permissions\":\"require_escalated\",\"justification\":\"it has to write\"}}}]}",
                         quoted(call_id), quoted(command)));
}

void model_calls(const model *m, const char *call_id, const char *name, const char *arguments_json) {
  queue_response(m, text("{\"output\":[{\"call\":{\"name\":%s,\"callId\":%s,\"arguments\":%s}}]}", quoted(name),
                         quoted(call_id), arguments_json));
}

void model_patches(const model *m, const char *call_id, const char *patch) {
  queue_response(m, text("{\"output\":[{\"customCall\":{\"name\":\"apply_patch\",\"callId\":%s,\"input\":%s}}]}",
                         quoted(call_id), quoted(patch)));
}

void model_fails(const model *m, int http_status, const char *body_json) {
  queue_response(m, text("{\"http\":{\"status\":%d,\"body\":%s}}", http_status, body_json));
}

const codex_value *model_requests(const model *m) { return parsed(control(m, "GET", "/control/requests", "")); }

static bool is_turn_request(const codex_value *request) {
  return strstr(string_at(request, "/path"), "responses") != NULL;
}

static const codex_value *find_request(const model *m, size_t n) {
  const codex_value *requests = model_requests(m);
  for (size_t i = 0; i < codex_value_count(requests); i++) {
    const codex_value *request = codex_value_item(requests, i);
    if (is_turn_request(request) && n-- == 0) return codex_value_at(request, "/body");
  }
  return NULL;
}

const char *model_request(const model *m, size_t n) {
  int64_t deadline = now_ms() + PATIENCE_MS;
  const codex_value *body;
  while ((body = find_request(m, n)) == NULL && now_ms() < deadline) sleep_ms(100);
  CHECK(body != NULL);
  char *json = codex_value_json(body);
  const char *copy = text("%s", json == NULL ? "" : json);
  codex_string_free(json);
  return copy;
}

void model_await_gate(const model *m, const char *gate) {
  control(m, "GET", text("/control/gates/%s?timeoutMs=%d", gate, PATIENCE_MS), "");
}

void model_open_gate(const model *m, const char *gate) { control(m, "POST", text("/control/gates/%s", gate), ""); }

/* ---- clients ----------------------------------------------------------------------------------------------------- */

static void free_options(void *options) { codex_client_options_free(options); }

static codex_client_options *new_options(void) {
  codex_client_options *options = codex_client_options_new();
  CHECK(options != NULL);
  defer(free_options, options);
  return options;
}

enum { SETTINGS = 5 };

/* The configuration of a runtime whose only model this is. */
static void settings_for_model(const model *m, const char *settings[SETTINGS]) {
  settings[0] = "model=\"gpt-5.5\"";
  settings[1] = "model_provider=\"mock\"";
  settings[2] = text("model_providers.mock={name=\"mock\",base_url=\"http://127.0.0.1:%d/v1\",wire_api=\"responses\","
                     "request_max_retries=0,stream_max_retries=0,supports_websockets=false}", m->port);
  settings[3] = "features.shell_snapshot=false";
  settings[4] = "features.plugins=false";
}

codex_client_options *options_for_model(const model *m, const char *home, const char *work) {
  const char *settings[SETTINGS];
  settings_for_model(m, settings);
  codex_client_options *options = new_options();
  CHECK_OK(codex_client_options_set_codex_path(options, runtime_path()), NULL);
  CHECK_OK(codex_client_options_set_codex_home(options, home), NULL);
  CHECK_OK(codex_client_options_set_env(options, "HOME", home), NULL);
  CHECK_OK(codex_client_options_set_cwd(options, work), NULL);
  for (size_t i = 0; i < SETTINGS; i++) CHECK_OK(codex_client_options_add_config(options, settings[i]), NULL);
  return options;
}

codex_client_options *options_for_fake(const char *script_json, const char *record) {
  codex_client_options *options = new_options();
  CHECK_OK(codex_client_options_set_codex_path(options, required_env("FAKE_RUNTIME")), NULL);
  if (script_json != NULL) CHECK_OK(codex_client_options_set_env(options, "FAKE_RUNTIME_SCRIPT", script_json), NULL);
  if (record != NULL) CHECK_OK(codex_client_options_set_env(options, "FAKE_RUNTIME_RECORD", record), NULL);
  return options;
}

static void close_session(void *pointer) {
  session *s = pointer;
  codex_error *err = NULL;
  if (s->client != NULL) codex_client_close(s->client, PATIENCE_MS, &err);
  codex_error_free(err);
  codex_thread_free(s->thread);
  codex_client_free(s->client);
  free(s);
}

static bool is_served(const char *path) {
  struct sockaddr_un address;
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  memset(&address, 0, sizeof address);
  address.sun_family = AF_UNIX;
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  bool served = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
  close(fd);
  return served;
}

/* The endpoint of a program that ends with its input, and that listens on the socket at this path. */
static const char *listening(char *const *arguments, const char *path) {
  int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  helper_start(arguments, nowhere);
  close(nowhere);
  int64_t deadline = now_ms() + PATIENCE_MS;
  while (!is_served(path) && now_ms() < deadline) sleep_ms(10);
  CHECK(is_served(path));
  return text("unix:%s", path);
}

const char *listening_fake(const char *script_json, const char *record, const char *token) {
  const char *directory = fresh_directory();
  const char *path = text("%s/socket", directory);
  const char *recorded = record == NULL ? text("%s/record", directory) : record;
  char *const arguments[] = {writable("env"),
                             writable(text("FAKE_RUNTIME_SCRIPT=%s/script", directory)),
                             writable(text("FAKE_RUNTIME_RECORD=%s", recorded)),
                             writable(required_env("FAKE_RUNTIME")),
                             writable("--listen"),
                             writable(text("unix://%s", path)),
                             token == NULL ? NULL : writable("--token"),
                             writable(token),
                             NULL};
  write_file(text("%s/script", directory), script_json == NULL ? "{}" : script_json);
  return listening(arguments, path);
}

/* A runtime does not end with its input: somebody has to end it. */
static const char ends_with_its_input[] = "\"$0\" \"$@\" 2>/dev/null & cat; kill $!; wait $!";

const char *listening_runtime(const model *m) {
  const char *home = fresh_directory(), *path = text("%s/socket", home), *config = "", *settings[SETTINGS];
  char *const arguments[] = {writable("env"),
                             writable(text("HOME=%s", home)),
                             writable(text("CODEX_HOME=%s", home)),
                             writable("sh"),
                             writable("-c"),
                             writable(ends_with_its_input),
                             writable(runtime_path()),
                             writable("app-server"),
                             writable("--listen"),
                             writable(text("unix://%s", path)),
                             NULL};
  settings_for_model(m, settings);
  for (size_t i = 0; i < SETTINGS; i++) config = text("%s%s\n", config, settings[i]);
  write_file(text("%s/config.toml", home), config);
  return listening(arguments, path);
}

codex_client *connect_or_fail(const codex_client_options *options) {
  codex_client *client = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_client_connect(options, &client, &err), err);
  CHECK(client != NULL);
  forget(&err);
  return client;
}

codex_thread *start_thread_or_fail(codex_client *client, const char *params_json) {
  codex_thread *thread = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_thread_start(client, params_json, &thread, &err), err);
  CHECK(thread != NULL);
  forget(&err);
  return thread;
}

codex_turn *start_turn_or_fail(codex_thread *thread, const char *user_text) {
  codex_turn *turn = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_turn_start(thread, user_text, NULL, &turn, &err), err);
  CHECK(turn != NULL);
  forget(&err);
  return turn;
}

session *session_with_options(const codex_client_options *options, const char *thread_params_json) {
  session *s = allocate(sizeof *s);
  s->client = connect_or_fail(options);
  s->thread = start_thread_or_fail(s->client, thread_params_json);
  defer(close_session, s);
  return s;
}

session *session_with_model(const char *thread_params_json) {
  const char *directory = fresh_directory();
  const char *home = make_directory(directory, "home");
  const char *work = make_directory(directory, "work");
  const model *m = model_start();
  session *s = session_with_options(options_for_model(m, home, work), thread_params_json);
  s->model = m;
  s->home = home;
  s->work = work;
  return s;
}

session *session_with_fake(const char *script_json) {
  const char *record = text("%s/record", fresh_directory());
  session *s = session_with_options(options_for_fake(script_json, record), NULL);
  s->record = record;
  return s;
}

static void free_result(void *result) { codex_turn_result_free(result); }

const codex_turn_result *run_or_fail(codex_thread *thread, const char *user_text) {
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_thread_run(thread, user_text, NULL, &result, &err), err);
  CHECK(result != NULL);
  forget(&err);
  defer(free_result, result);
  return result;
}

static codex_event *missing_event(codex_event_kind kind, codex_error *err) {
  check_true(__FILE__, __LINE__, text("an event of kind %d comes; %s", (int)kind, codex_error_message(err)), false);
  codex_error_free(err);
  return NULL;
}

codex_event *await_event(codex_turn *turn, codex_event_kind kind) {
  codex_event *event = NULL;
  codex_error *err = NULL;
  while (codex_turn_next_event(turn, PATIENCE_MS, &event, &err) == CODEX_OK) {
    if (codex_event_get_kind(event) == kind) return event;
    codex_event_free(event);
  }
  return missing_event(kind, err);
}

codex_event *await_client_event(codex_client *client, codex_event_kind kind) {
  codex_event *event = NULL;
  codex_error *err = NULL;
  while (codex_client_next_event(client, PATIENCE_MS, &event, &err) == CODEX_OK) {
    if (codex_event_get_kind(event) == kind) return event;
    codex_event_free(event);
  }
  return missing_event(kind, err);
}

codex_status drain(codex_turn *turn) {
  codex_event *end = await_event(turn, CODEX_EVENT_TURN_ENDED);
  codex_error *err = NULL;
  codex_status status = codex_event_status(end, &err);
  forget(&err);
  codex_event_free(end);
  return status;
}
