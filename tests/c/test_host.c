/* A good guest in any host. Each test starts this program anew as a small host, which must end as it should, print nothing, and
 * find its signals, its mask, its directory, its environment and its standard streams as they were. */
#define _GNU_SOURCE /* environ, gettid, dladdr */

#include "support.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LAST_SIGNAL = 64, PATIENCE = 20000, OUTPUT_FLAGS = O_NONBLOCK | O_APPEND };

/* The notification test/crash kills the runtime; a turn says one word and stays open until test/finish. */
static const char crashes[] = "{\"on\":{\"test/crash\":[{\"abort\":true}],\"test/never\":[]}}";
static const char held[] = "{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true,\"deltas\":[\"word\"]}}],"
                           "\"test/finish\":[{\"finishTurn\":{\"turns\":\"all\"}},{\"reply\":{}}],\"test/never\":[]}}";
static const char asks[] = "{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}},{\"request\":[0,\"item/commandExecution/requestApproval\","
                           "{\"threadId\":\"$threadId\",\"turnId\":\"$turnId\",\"itemId\":\"i\",\"command\":\"ls\"}]}]}}";

/* ---- what belongs to the host ------------------------------------------------------------------------------------ */

typedef struct belongings {
  struct sigaction signals[LAST_SIGNAL + 1];
  sigset_t mask;
  char **variables;
  char *values;
  char directory[4096];
  mode_t permissions;
  int streams[3];
} belongings;

static belongings before;

static char *joined(char **variables) {
  size_t length = 1;
  for (char **variable = variables; *variable != NULL; variable++) length += strlen(*variable) + 1;
  char *all = calloc(1, length);
  if (all == NULL) abort();
  for (char **variable = variables; *variable != NULL; variable++) strcat(strcat(all, *variable), "\n");
  return all;
}

static belongings belongings_now(void) {
  belongings now;
  memset(&now, 0, sizeof now);
  for (int i = 1; i <= LAST_SIGNAL; i++) sigaction(i, NULL, &now.signals[i]);
  pthread_sigmask(SIG_BLOCK, NULL, &now.mask);
  now.variables = environ;
  now.values = joined(environ);
  now.permissions = umask(0);
  umask(now.permissions);
  if (getcwd(now.directory, sizeof now.directory) == NULL) abort();
  for (int fd = 0; fd < 3; fd++) now.streams[fd] = fcntl(fd, F_GETFL) & OUTPUT_FLAGS;
  return now;
}

/* The host has set itself up: from now on nothing that belongs to it may change. */
static void settle(void) {
  free(before.values);
  before = belongings_now();
}

static bool same_signals(const sigset_t *a, const sigset_t *b) {
  for (int i = 1; i <= LAST_SIGNAL; i++)
    if (sigismember(a, i) != sigismember(b, i)) return false;
  return true;
}

static bool same_disposition(const struct sigaction *a, const struct sigaction *b) {
  return a->sa_handler == b->sa_handler && a->sa_flags == b->sa_flags && same_signals(&a->sa_mask, &b->sa_mask);
}

static void check_nothing_changed(void *unused) {
  (void)unused;
  belongings now = belongings_now();
  for (int i = 1; i <= LAST_SIGNAL; i++)
    check_true(__FILE__, __LINE__, text("signal %d has its disposition", i), same_disposition(&now.signals[i], &before.signals[i]));
  CHECK(same_signals(&now.mask, &before.mask));
  CHECK(now.variables == before.variables);
  CHECK_STR(now.values, before.values);
  free(now.values);
  CHECK_STR(now.directory, before.directory);
  CHECK_INT(now.permissions, before.permissions);
  for (int fd = 0; fd < 3; fd++) CHECK_INT(now.streams[fd], before.streams[fd]);
}

/* ---- starting a host --------------------------------------------------------------------------------------------- */

typedef struct host {
  const char *name;
  void (*live)(void);
  int exit_status;
} host;

#define HOST(name) static void name(void)
#define LIVES(name) {#name, name, EXIT_SUCCESS}
#define EXITS(name, status) {#name, name, status}

static const host *host_named(const char *name);

static char *copy_of(const char *plain) { return (char *)(uintptr_t)plain; }

/* Runs a program whose output is to be empty and whose exit status is known. */
static void run_program(const char *program, const char *first, const char *second, int exit_status) {
  const char *output = text("%s/output", fresh_directory());
  char *const arguments[] = {copy_of(program), copy_of(first), copy_of(second), NULL};
  posix_spawn_file_actions_t actions;
  pid_t pid = -1;
  int status = 0;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  CHECK_INT(posix_spawn(&pid, program, &actions, NULL, arguments, environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  CHECK_INT(waitpid(pid, &status, 0), pid);
  CHECK_INT(WIFSIGNALED(status) ? WTERMSIG(status) : 0, 0);
  CHECK_INT(WEXITSTATUS(status), exit_status);
  CHECK_STR(read_file(output), "");
}

/* Whether a process has ended; a zombie is left to whoever adopted it. */
static bool has_ended(int64_t pid) {
  const char *status = read_file(text("/proc/%lld/status", (long long)pid));
  return *status == '\0' || strstr(status, "State:\tZ") != NULL;
}

/* Nothing that a host started may outlive it. */
static void check_runtimes_have_ended(const char *record) {
  int64_t deadline = now_ms() + PATIENCE;
  for (const char *note = read_file(record); (note = strstr(note, "#pid ")) != NULL; note++) {
    while (!has_ended(atoll(note + 5)) && now_ms() < deadline) sleep_ms(10);
    CHECK(has_ended(atoll(note + 5)));
  }
}

/* The path of this program: below a tool such as valgrind, the system would give the tool. */
static const char *own_path(void) {
  char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  CHECK(length > 0);
  return text("%.*s", (int)length, path);
}

static void run_host(void) {
  const char *record = text("%s/record", fresh_directory());
  setenv("HOST_RECORD", record, 1);
  run_program(own_path(), "--host", test_name(), host_named(test_name())->exit_status);
  check_runtimes_have_ended(record);
}

static int live_as_host(const char *name) {
  const host *self = host_named(name);
  test_case life = {self->name, self->live};
  settle();
  defer(check_nothing_changed, NULL);
  bool lived_well = run_quietly(&life);
  return lived_well ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- what hosts do ----------------------------------------------------------------------------------------------- */

static codex_client_options *fake(const char *script) { return options_for_fake(script, required_env("HOST_RECORD")); }

static void end_client(codex_client *client) {
  codex_error *err = NULL;
  CHECK_OK(codex_client_close(client, PATIENCE, &err), err);
  codex_client_free(client);
}

/* A turn that runs to its end. */
static void run_a_turn(codex_client *client) {
  codex_thread *thread = start_thread_or_fail(client, NULL);
  CHECK_STR(codex_turn_result_status(run_or_fail(thread, "go")), "completed");
  codex_thread_free(thread);
}

/* One runtime is killed, and tells how it ended; one ends by itself. */
static void live_with_runtimes(const char *exit_status) {
  codex_error *err = NULL;
  codex_client *killed = connect_or_fail(fake(crashes)), *closed = connect_or_fail(fake(NULL));
  run_a_turn(killed);
  CHECK_OK(codex_client_notify(killed, "test/crash", NULL, &err), err);
  CHECK_STATUS(codex_client_call(killed, "test/never", NULL, PATIENCE, NULL, &err), CODEX_ERROR_TRANSPORT, err);
  CHECK_CONTAINS(string_at(parsed(codex_error_json(err)), "/exitStatus"), exit_status);
  forget(&err);
  run_a_turn(closed);
  end_client(killed);
  end_client(closed);
}

static void check_no_child_is_left(void) {
  CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
  CHECK_INT(errno, ECHILD);
}

static void set_handler(int number, void (*handler)(int), int flags) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigaction(number, &action, NULL);
}

static volatile sig_atomic_t handled;
static volatile pid_t handled_on;

static void count_signal(int number) {
  (void)number;
  handled++;
  handled_on = (pid_t)syscall(SYS_gettid);
}

/* ---- SIGPIPE ----------------------------------------------------------------------------------------------------- */

/* Whoever writes to the dead runtime, and when: at once, in a call, at the end. */
static void outlive_dead_runtimes(void) {
  enum { RUNTIMES = 8, LINES = 300 };
  for (int i = 0; i < RUNTIMES; i++) {
    codex_client *client = connect_or_fail(fake(crashes));
    codex_thread *thread = start_thread_or_fail(client, NULL);
    codex_error *err = NULL;
    codex_client_notify(client, "test/crash", NULL, NULL);
    for (int line = 0; line < LINES; line++) codex_client_notify(client, "test/after", "{\"text\":\"nobody reads this line\"}", NULL);
    CHECK_STATUS(codex_client_call(client, "test/never", NULL, PATIENCE, NULL, &err), CODEX_ERROR_TRANSPORT, err);
    forget(&err);
    codex_thread_free(thread);
    end_client(client);
  }
}

HOST(a_host_that_dies_of_sigpipe_outlives_dead_runtimes) {
  set_handler(SIGPIPE, SIG_DFL, 0);
  settle();
  outlive_dead_runtimes();
}

HOST(the_sigpipe_handler_of_a_host_is_not_called) {
  set_handler(SIGPIPE, count_signal, SA_RESTART);
  settle();
  outlive_dead_runtimes();
  CHECK_INT(handled, 0);
}

HOST(no_sigpipe_is_left_pending_in_a_host_that_blocks_it) {
  sigset_t pipe_signal, pending;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL);
  settle();
  outlive_dead_runtimes();
  sigpending(&pending);
  CHECK_INT(sigismember(&pending, SIGPIPE), 0);
}

/* ---- SIGCHLD ----------------------------------------------------------------------------------------------------- */

HOST(a_host_with_sigchld_at_its_default_is_told_how_a_runtime_ended) {
  set_handler(SIGCHLD, SIG_DFL, 0);
  settle();
  live_with_runtimes("SIGKILL");
  check_no_child_is_left();
}

HOST(a_host_that_ignores_sigchld_loses_only_the_exit_status) {
  set_handler(SIGCHLD, SIG_IGN, 0);
  settle();
  live_with_runtimes("status unknown");
  check_no_child_is_left();
}

HOST(a_host_that_handles_sigchld_keeps_its_handler) {
  set_handler(SIGCHLD, count_signal, SA_RESTART);
  settle();
  live_with_runtimes("SIGKILL");
  check_no_child_is_left();
  CHECK(handled > 0);
}

static void reap_every_child(int number) {
  int kept = errno;
  (void)number;
  while (waitpid(-1, NULL, WNOHANG) > 0) handled++;
  errno = kept;
}

/* Whether the host or the library is quicker decides who learns the status. */
HOST(a_host_that_reaps_every_child_in_its_handler_goes_on) {
  set_handler(SIGCHLD, reap_every_child, SA_RESTART);
  settle();
  for (int i = 0; i < 5; i++) live_with_runtimes("");
  check_no_child_is_left();
}

static void *reap_until_raised(void *done) {
  while (flag_count(done) == 0)
    if (waitpid(-1, NULL, 0) < 0) sleep_ms(1);
  return NULL;
}

HOST(a_host_with_a_thread_that_reaps_every_child_goes_on) {
  flag done = FLAG_INITIALIZER;
  pthread_t thread = thread_start(reap_until_raised, &done);
  for (int i = 0; i < 5; i++) live_with_runtimes("");
  flag_raise(&done);
  thread_join(thread);
  check_no_child_is_left();
}

HOST(the_children_of_the_host_are_left_to_it) {
  char *const arguments[] = {copy_of("sh"), copy_of("-c"), copy_of("exit 7"), NULL};
  pid_t pid = -1;
  int status = 0;
  CHECK_INT(posix_spawn(&pid, "/bin/sh", NULL, NULL, arguments, environ), 0);
  live_with_runtimes("SIGKILL");
  CHECK_INT(waitpid(pid, &status, 0), pid);
  CHECK_INT(WEXITSTATUS(status), 7);
}

/* ---- threads and their signals ----------------------------------------------------------------------------------- */

static const char *const host_thread = "the host";

/* How many threads the process has that are not the host's; each must bear the library's name and block what others send. */
static int library_threads(void) {
  DIR *tasks = opendir("/proc/self/task");
  struct dirent *task;
  int count = 0;
  while (tasks != NULL && (task = readdir(tasks)) != NULL) {
    if (task->d_name[0] == '.') continue;
    const char *status = read_file(text("/proc/self/task/%s/status", task->d_name));
    if (*status == '\0' || strstr(status, host_thread) != NULL) continue;
    CHECK_CONTAINS(status, "Name:\tcodex");
    CHECK_CONTAINS(status, "SigBlk:\tff");
    count++;
  }
  if (tasks != NULL) closedir(tasks);
  return count;
}

static bool has_library_threads(int count) {
  int64_t deadline = now_ms() + PATIENCE;
  while (library_threads() != count) {
    if (now_ms() > deadline) return false;
    sleep_ms(5);
  }
  return true;
}

static void ignore_log(void *user_data, int32_t level, const char *target, const char *message) {
  (void)user_data, (void)level, (void)target, (void)message;
}

static void drop_request(void *user_data, codex_request *request) {
  (void)user_data;
  codex_request_free(request);
}

HOST(a_client_is_one_thread_and_one_more_for_each_kind_of_callback) {
  pthread_setname_np(pthread_self(), host_thread);
  codex_client_options *options = fake(NULL);
  codex_client *plain = connect_or_fail(options);
  CHECK(has_library_threads(1));
  CHECK_OK(codex_client_options_set_log(options, CODEX_LOG_TRACE, ignore_log, NULL, NULL), NULL);
  CHECK_OK(codex_client_options_set_request_handler(options, drop_request, NULL, NULL), NULL);
  codex_client *watched = connect_or_fail(options);
  CHECK(has_library_threads(4));
  end_client(plain);
  end_client(watched);
  CHECK(has_library_threads(0));
}

HOST(a_signal_of_the_host_never_lands_on_a_thread_of_the_library) {
  sigset_t user_signal, pending;
  set_handler(SIGUSR1, count_signal, SA_RESTART);
  settle();
  codex_client *client = connect_or_fail(fake(NULL));
  sigemptyset(&user_signal);
  sigaddset(&user_signal, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &user_signal, NULL);
  kill(getpid(), SIGUSR1);
  run_a_turn(client);
  sigpending(&pending);
  CHECK_INT(handled, 0);
  CHECK_INT(sigismember(&pending, SIGUSR1), 1);
  pthread_sigmask(SIG_UNBLOCK, &user_signal, NULL);
  CHECK_INT(handled, 1);
  CHECK_INT(handled_on, getpid());
  end_client(client);
}

typedef struct disturber {
  pthread_t disturbed;
  flag done;
} disturber;

static void *interrupt_with_signals(void *pointer) {
  disturber *d = pointer;
  for (int i = 0; i < 200; i++) {
    pthread_kill(d->disturbed, SIGUSR1);
    sleep_ms(1);
  }
  flag_raise(&d->done);
  return NULL;
}

/* The handler does not ask for system calls to be repeated, so every one of them may fail with EINTR. */
HOST(signals_of_the_host_do_not_disturb_a_call_that_waits) {
  enum { MOST_TURNS = 100 };
  disturber d = {pthread_self(), FLAG_INITIALIZER};
  set_handler(SIGUSR1, count_signal, 0);
  settle();
  codex_client *client = connect_or_fail(fake(NULL));
  pthread_t other = thread_start(interrupt_with_signals, &d);
  for (int turns = 0; flag_count(&d.done) == 0 && turns < MOST_TURNS; turns++) run_a_turn(client);
  thread_join(other);
  CHECK(handled > 0);
  end_client(client);
}

/* ---- environment, standard streams, descriptors ------------------------------------------------------------------ */

static const char asks_and_crashes[] =
    "{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}},{\"request\":[0,\"item/commandExecution/requestApproval\","
    "{\"threadId\":\"$threadId\",\"turnId\":\"$turnId\",\"itemId\":\"i\",\"command\":\"ls\"}]},{\"waitAnswer\":0},{\"finishTurn\":{}}],"
    "\"test/crash\":[{\"abort\":true}],\"test/never\":[]}}";

/* A client with a handler, which is asked in each turn, a log and a trace. */
static codex_client *client_with_callbacks(codex_status (*open)(const codex_client_options *, codex_client **, codex_error **)) {
  codex_client *client = NULL;
  codex_error *err = NULL;
  codex_client_options *options = fake(asks_and_crashes);
  CHECK_OK(codex_client_options_set_request_handler(options, drop_request, NULL, NULL), NULL);
  CHECK_OK(codex_client_options_set_log(options, CODEX_LOG_TRACE, ignore_log, NULL, NULL), NULL);
  CHECK_OK(open(options, &client, &err), err);
  return client;
}

static void live_until_the_crash(codex_client *client) {
  codex_error *err = NULL;
  run_a_turn(client);
  codex_client_notify(client, "test/crash", NULL, NULL);
  CHECK_STATUS(codex_client_call(client, "test/never", NULL, PATIENCE, NULL, &err), CODEX_ERROR_TRANSPORT, err);
  forget(&err);
  end_client(client);
}

/* Whoever read a variable now would end the process. */
HOST(the_environment_is_read_by_the_call_that_connects_and_never_again) {
  char **own = environ;
  codex_client *connected = client_with_callbacks(codex_client_connect), *begun = client_with_callbacks(codex_client_begin);
  environ = (char **)(uintptr_t)8;
  live_until_the_crash(connected);
  live_until_the_crash(begun);
  environ = own;
}

HOST(a_host_without_standard_streams_keeps_their_numbers_free) {
  for (int fd = 0; fd < 3; fd++) close(fd);
  settle();
  codex_client *client = connect_or_fail(fake(NULL));
  CHECK(codex_client_wakeup_fd(client) > 2);
  run_a_turn(client);
  for (int fd = 0; fd < 3; fd++) CHECK_INT(fcntl(fd, F_GETFD), -1);
  end_client(client);
}

HOST(nothing_is_printed_whatever_happens) {
  codex_client *client = NULL;
  codex_error *err = NULL;
  setenv("RUST_LOG", "trace", 1);
  setenv("RUST_BACKTRACE", "full", 1);
  settle();
  const char *const garbage[] = {"sh", "-c", "echo out; echo err >&2; exit 3"};
  codex_client_options *options = fake(NULL);
  CHECK_OK(codex_client_options_set_command(options, garbage, COUNT(garbage)), NULL);
  CHECK_STATUS(codex_client_connect(options, &client, &err), CODEX_ERROR_RUNTIME_START, err);
  forget(&err);
  client = connect_or_fail(fake("{\"start\":[{\"stderr\":\"on the terminal?\"},{\"raw\":\"not a message\"}],"
                                "\"on\":{\"test/crash\":[{\"stderr\":\"thread 'main' panicked\"},{\"abort\":true}]}}"));
  run_a_turn(client);
  CHECK_INT(codex_client_call(client, NULL, "{", -7, NULL, NULL), CODEX_ERROR_INVALID_ARGUMENT);
  CHECK_INT(codex_client_call(client, "test/crash", NULL, PATIENCE, NULL, NULL), CODEX_ERROR_TRANSPORT);
  end_client(client);
}

static bool is_open(int fd) { return fcntl(fd, F_GETFD) != -1; }

/* The library's thread may still be closing what it had. */
static bool comes_to_be(int fd, bool open) {
  int64_t deadline = now_ms() + PATIENCE;
  while (is_open(fd) != open && now_ms() < deadline) sleep_ms(5);
  return is_open(fd) == open;
}

HOST(every_descriptor_of_the_library_is_closed_on_exec) {
  enum { HIGHEST = 256 };
  bool own[HIGHEST];
  int of_library = 0;
  codex_client_options *options = fake(NULL);
  for (int fd = 0; fd < HIGHEST; fd++) own[fd] = is_open(fd);
  codex_client *client = connect_or_fail(options);
  CHECK(codex_client_wakeup_fd(client) > 2);
  run_a_turn(client);
  for (int fd = 0; fd < HIGHEST; fd++) {
    if (own[fd] || !is_open(fd)) continue;
    of_library++;
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
  }
  CHECK(of_library >= 4);
  end_client(client);
  for (int fd = 0; fd < HIGHEST; fd++) CHECK(comes_to_be(fd, own[fd]));
}

/* The host's files are not closed on exec, and another client is open. */
HOST(a_runtime_holds_its_three_streams_and_nothing_of_the_host) {
  const char *list = text("%s/descriptors", fresh_directory());
  const char *script = text("ls -l /proc/$$/fd >%s; exec '%s'", list, required_env("FAKE_RUNTIME"));
  const char *const command[] = {"sh", "-c", script};
  codex_client *other = connect_or_fail(fake(NULL));
  int secret = open("/etc/hostname", O_RDONLY), ends[2];
  CHECK(secret > 2 && pipe(ends) == 0);
  codex_client_options *options = fake(NULL);
  CHECK_OK(codex_client_options_set_command(options, command, COUNT(command)), NULL);
  codex_client *client = connect_or_fail(options);
  int held_open = 0;
  for (const char *line = read_file(list); (line = strstr(line, " -> ")) != NULL; line++) {
    if (strncmp(line, text(" -> %s", list), strlen(list) + 4) != 0) held_open++;
  }
  CHECK_INT(held_open, 3);
  end_client(client);
  end_client(other);
  close(secret), close(ends[0]), close(ends[1]);
}

/* ---- fork -------------------------------------------------------------------------------------------------------- */

typedef struct possessions {
  codex_client *client;
  codex_thread *thread;
  codex_turn *turn;
  codex_event *event;
  codex_event *question;
  codex_request *request;
  codex_login *login;
  flag done;
} possessions;

static void *wait_inside(void *pointer) {
  possessions *p = pointer;
  codex_event *event = NULL;
  while (codex_turn_next_event(p->turn, CODEX_WAIT_FOREVER, &event, NULL) == CODEX_OK) codex_event_free(event);
  return NULL;
}

/* So that a fork finds the locks of the library taken. */
static void *keep_busy(void *pointer) {
  possessions *p = pointer;
  while (flag_count(&p->done) == 0) codex_string_free(codex_client_stats_json(p->client));
  return NULL;
}

static int32_t exit_at_the_first_event(void *user_data, codex_event *event) {
  (void)user_data, (void)event;
  exit(7);
}

#define CHECK_FORKED(status)                        \
  do {                                              \
    CHECK_STATUS(status, CODEX_ERROR_FORKED, err);  \
    forget(&err);                                   \
  } while (0)

/* tests/evidence.rs compares these calls with the header. */
static void check_calls_of_the_client_are_refused(codex_client *client) {
  codex_error *err = NULL;
  codex_thread *thread = NULL;
  codex_login *login = NULL;
  codex_event *event = NULL;
  char *json = NULL;
  CHECK_FORKED(codex_client_call(client, "m", NULL, CODEX_WAIT_FOREVER, NULL, &err));
  CHECK_FORKED(codex_client_begin_call(client, "m", NULL, CODEX_WAIT_FOREVER, NULL, NULL, &err));
  CHECK_FORKED(codex_client_notify(client, "m", NULL, &err));
  CHECK_FORKED(codex_client_next_event(client, CODEX_WAIT_FOREVER, &event, &err));
  CHECK_FORKED(codex_client_set_wakeup(client, NULL, NULL, NULL));
  CHECK_FORKED(codex_client_add_tool(client, "t", "a tool", "{\"type\":\"object\"}", drop_request, NULL, NULL, &err));
  CHECK_FORKED(codex_client_login_api_key(client, "key", &err));
  CHECK_FORKED(codex_client_login_chatgpt(client, &login, &err));
  CHECK_FORKED(codex_client_login_device_code(client, &login, &err));
  CHECK_FORKED(codex_client_account(client, false, &json, &err));
  CHECK_FORKED(codex_client_logout(client, &err));
  CHECK_FORKED(codex_client_models(client, NULL, &json, &err));
  CHECK_FORKED(codex_client_close(client, CODEX_WAIT_DEFAULT, &err));
  CHECK_FORKED(codex_thread_start(client, NULL, &thread, &err));
  CHECK_FORKED(codex_thread_begin(client, NULL, &thread, &err));
  CHECK_FORKED(codex_thread_resume(client, "t", NULL, &thread, &err));
  CHECK_FORKED(codex_thread_resume_begin(client, "t", NULL, &thread, &err));
  CHECK_FORKED(codex_thread_fork(client, "t", NULL, &thread, &err));
  CHECK_FORKED(codex_thread_fork_begin(client, "t", NULL, &thread, &err));
  CHECK_FORKED(codex_thread_from_id(client, "t", &thread, &err));
  CHECK_FORKED(codex_thread_unarchive(client, "t", &err));
  CHECK_FORKED(codex_thread_list(client, NULL, &json, &err));
  CHECK(codex_client_stats_json(client) == NULL);
  CHECK_INT(codex_client_wakeup_fd(client), -1);
}

static void check_calls_of_the_thread_are_refused(codex_thread *thread) {
  codex_error *err = NULL;
  codex_turn *turn = NULL;
  codex_turn_result *result = NULL;
  char *json = NULL;
  CHECK_FORKED(codex_thread_wait(thread, CODEX_WAIT_FOREVER, &err));
  CHECK_FORKED(codex_thread_read(thread, true, &json, &err));
  CHECK_FORKED(codex_thread_set_name(thread, "n", &err));
  CHECK_FORKED(codex_thread_archive(thread, &err));
  CHECK_FORKED(codex_thread_delete(thread, &err));
  CHECK_FORKED(codex_thread_unsubscribe(thread, &err));
  CHECK_FORKED(codex_thread_run(thread, "go", NULL, &result, &err));
  CHECK_FORKED(codex_thread_run_streamed(thread, "go", NULL, exit_at_the_first_event, NULL, &result, &err));
  CHECK_FORKED(codex_thread_review(thread, "{\"type\":\"uncommittedChanges\"}", NULL, &turn, &err));
  CHECK_FORKED(codex_thread_goal(thread, "goal", NULL, &turn, &err));
  CHECK_FORKED(codex_thread_compact(thread, &turn, &err));
  CHECK_FORKED(codex_turn_start(thread, "go", NULL, &turn, &err));
  CHECK_FORKED(codex_turn_begin(thread, "go", NULL, &turn, &err));
  CHECK_FORKED(codex_turn_attach(thread, NULL, &turn, &err));
}

static void check_calls_of_the_rest_are_refused(possessions *p) {
  codex_error *err = NULL;
  codex_turn_result *result = NULL;
  codex_event *event = NULL;
  CHECK_FORKED(codex_turn_next_event(p->turn, CODEX_WAIT_FOREVER, &event, &err));
  CHECK_FORKED(codex_turn_steer(p->turn, "go", NULL, &err));
  CHECK_FORKED(codex_turn_interrupt(p->turn, &err));
  CHECK_FORKED(codex_turn_wait(p->turn, CODEX_WAIT_FOREVER, &result, &err));
  CHECK_FORKED(codex_login_wait(p->login, CODEX_WAIT_FOREVER, &err));
  CHECK_FORKED(codex_login_cancel(p->login, &err));
  CHECK_FORKED(codex_request_approve(p->request, false, &err));
  CHECK_FORKED(codex_request_decline(p->request, &err));
  CHECK_FORKED(codex_request_cancel_turn(p->request, &err));
  CHECK_FORKED(codex_request_respond_text(p->request, true, "done", &err));
  CHECK_FORKED(codex_request_respond_items(p->request, true, "{\"input\":[{\"type\":\"text\",\"text\":\"t\"}]}", &err));
  CHECK_FORKED(codex_request_respond_json(p->request, "{}", &err));
  CHECK_FORKED(codex_request_fail(p->request, -32603, "no", &err));
  CHECK_FORKED(codex_request_set_cancelled(p->request, flag_raise_callback, NULL, NULL));
  CHECK_STR(codex_event_method(p->event), "item/agentMessage/delta");
}

static void check_everything_is_refused(possessions *p) {
  check_calls_of_the_client_are_refused(p->client);
  check_calls_of_the_thread_are_refused(p->thread);
  check_calls_of_the_rest_are_refused(p);
}

static void free_possessions(possessions *p) {
  codex_login_free(p->login);
  codex_request_free(p->request);
  codex_event_free(p->question);
  codex_event_free(p->event);
  codex_turn_free(p->turn);
  codex_thread_free(p->thread);
  codex_client_free(p->client);
}

static const char asks_and_waits[] =
    "{\"on\":{\"turn/start\":[[{\"turn\":{\"hold\":true,\"deltas\":[\"word\"]}},{\"request\":[0,\"item/commandExecution/requestApproval\","
    "{\"threadId\":\"$threadId\",\"turnId\":\"$turnId\",\"itemId\":\"i\",\"command\":\"ls\"}]},{\"waitAnswer\":0},{\"finishTurn\":{}}],"
    "[{\"builtin\":true}]],\"account/login/start\":[{\"reply\":{\"type\":\"chatgpt\",\"loginId\":\"l\",\"authUrl\":\"http://a\"}}]}}";

HOST(the_child_of_a_fork_is_refused_and_may_free_everything_and_the_parent_goes_on) {
  enum { FORKS = 10 };
  codex_error *err = NULL;
  possessions p = {.done = FLAG_INITIALIZER};
  p.client = connect_or_fail(fake(asks_and_waits));
  p.thread = start_thread_or_fail(p.client, NULL);
  p.turn = start_turn_or_fail(p.thread, "go");
  p.event = await_event(p.turn, CODEX_EVENT_MESSAGE_DELTA);
  p.question = await_event(p.turn, CODEX_EVENT_REQUEST);
  p.request = codex_event_take_request(p.question);
  CHECK_OK(codex_client_login_chatgpt(p.client, &p.login, &err), err);
  pthread_t waiting = thread_start(wait_inside, &p), busy = thread_start(keep_busy, &p);
  for (int i = 0; i < FORKS; i++) {
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
      alarm(PATIENCE / 1000);
      check_everything_is_refused(&p);
      free_possessions(&p);
      _exit(0);
    }
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
  }
  flag_raise(&p.done);
  CHECK_OK(codex_request_approve(p.request, false, &err), err);
  thread_join(waiting);
  thread_join(busy);
  run_a_turn(p.client);
  CHECK_OK(codex_client_close(p.client, PATIENCE, &err), err);
  free_possessions(&p);
  CHECK(strstr(read_file(required_env("HOST_RECORD")), "#sigterm") == NULL);
}

HOST(the_child_of_a_fork_may_have_a_client_of_its_own) {
  int status = -1;
  codex_client *client = connect_or_fail(fake(NULL));
  pid_t child = fork();
  if (child == 0) {
    alarm(PATIENCE / 1000);
    codex_client *own = connect_or_fail(fake(NULL));
    run_a_turn(own);
    end_client(own);
    codex_client_free(client);
    _exit(0);
  }
  CHECK_INT(waitpid(child, &status, 0), child);
  CHECK_INT(status, 0);
  run_a_turn(client);
  end_client(client);
}

/* ---- loading and unloading --------------------------------------------------------------------------------------- */

/* A program that is not linked with the library, since only such a one can unload it. */
TEST(a_host_may_load_use_and_unload_the_library_again_and_again) {
  Dl_info library;
  const char *self = own_path();
  const char *program = text("%.*s/unlinked_host", (int)(strrchr(self, '/') - self), self);
  CHECK(dladdr((void *)(uintptr_t)codex_version, &library) != 0);
  run_program(program, library.dli_fname, required_env("FAKE_RUNTIME"), EXIT_SUCCESS);
}

/* ---- leaving ----------------------------------------------------------------------------------------------------- */

enum { RUNNING = 3 };

/* What a host that exits leaves as it is. */
static possessions left = {.done = FLAG_INITIALIZER};
static codex_thread *left_threads[RUNNING];
static codex_turn *left_turns[RUNNING];
static codex_turn_result *left_result;

static void leave_turns_running(const codex_client_options *options) {
  left.client = connect_or_fail(options);
  for (int i = 0; i < RUNNING; i++) {
    left_threads[i] = start_thread_or_fail(left.client, NULL);
    left_turns[i] = start_turn_or_fail(left_threads[i], "go");
  }
  left.thread = start_thread_or_fail(left.client, NULL);
}

HOST(exit_with_running_turns_keeps_its_status) {
  leave_turns_running(fake(held));
  exit(7);
}

HOST(an_immediate_exit_with_running_turns_keeps_its_status) {
  leave_turns_running(fake(held));
  _exit(7);
}

static void *wait_for_the_end(void *turn) {
  codex_turn_result *result = NULL;
  codex_turn_wait(turn, CODEX_WAIT_FOREVER, &result, NULL);
  return NULL;
}

HOST(exit_while_other_threads_wait_inside_keeps_its_status) {
  leave_turns_running(fake(held));
  for (int i = 0; i < RUNNING; i++) thread_start(wait_for_the_end, left_turns[i]);
  thread_start(keep_busy, &left);
  sleep_ms(100);
  exit(7);
}

HOST(exit_in_an_event_callback_keeps_its_status) {
  leave_turns_running(fake(held));
  codex_thread_run_streamed(left.thread, "go", NULL, exit_at_the_first_event, NULL, &left_result, NULL);
}

static void exit_in_handler(void *user_data, codex_request *request) {
  (void)user_data;
  left.request = request;
  exit(7);
}

HOST(exit_in_a_request_handler_keeps_its_status) {
  codex_client_options *options = fake(asks);
  CHECK_OK(codex_client_options_set_request_handler(options, exit_in_handler, NULL, NULL), NULL);
  leave_turns_running(options);
  codex_thread_run(left.thread, "go", NULL, &left_result, NULL);
}

static void exit_in_log(void *user_data, int32_t level, const char *target, const char *message) {
  (void)user_data, (void)level, (void)target, (void)message;
  exit(7);
}

HOST(exit_in_a_log_callback_keeps_its_status) {
  codex_client_options *options = fake("{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}},{\"stderr\":\"a line\"}]}}");
  CHECK_OK(codex_client_options_set_log(options, CODEX_LOG_INFO, exit_in_log, NULL, NULL), NULL);
  leave_turns_running(options);
  codex_thread_run(left.thread, "go", NULL, &left_result, NULL);
}

static void exit_in_callback(void *user_data) {
  (void)user_data;
  exit(7);
}

static void ignore_wakeup(void *user_data) { (void)user_data; }

HOST(exit_in_a_wake_up_keeps_its_status) {
  leave_turns_running(fake(held));
  CHECK_OK(codex_client_set_wakeup(left.client, exit_in_callback, NULL, NULL), NULL);
  CHECK_OK(codex_client_begin_call(left.client, "test/finish", NULL, PATIENCE, NULL, NULL, NULL), NULL);
  sleep_ms(PATIENCE);
}

static void exit_in_trace(void *user_data, int32_t direction, const char *line, size_t length) {
  (void)user_data, (void)direction, (void)length;
  if (strstr(line, "test/now") != NULL) exit(7);
}

HOST(exit_in_a_trace_callback_keeps_its_status) {
  codex_client_options *options = fake(held);
  CHECK_OK(codex_client_options_set_trace(options, exit_in_trace, NULL, NULL), NULL);
  leave_turns_running(options);
  codex_client_call(left.client, "test/now", NULL, PATIENCE, NULL, NULL);
  sleep_ms(PATIENCE);
}

HOST(exit_in_a_tool_keeps_its_status) {
  leave_turns_running(fake("{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}}],\"test/now\":[{\"request\":[0,\"item/tool/call\","
                           "{\"threadId\":\"elsewhere\",\"turnId\":\"foreign\",\"callId\":\"c\",\"tool\":\"t\",\"arguments\":{}}]}]}}"));
  CHECK_OK(codex_client_add_tool(left.client, "t", "a tool", "{\"type\":\"object\"}", exit_in_handler, NULL, NULL, NULL), NULL);
  codex_client_notify(left.client, "test/now", NULL, NULL);
  sleep_ms(PATIENCE);
}

/* What the first of the turns asks. */
static codex_request *asked_by_the_first_turn(void) {
  left.question = await_event(left_turns[0], CODEX_EVENT_REQUEST);
  return codex_event_take_request(left.question);
}

HOST(exit_in_a_cancel_callback_keeps_its_status) {
  leave_turns_running(fake(asks));
  left.request = asked_by_the_first_turn();
  CHECK_OK(codex_request_set_cancelled(left.request, exit_in_callback, NULL, NULL), NULL);
  codex_turn_interrupt(left_turns[0], NULL);
  sleep_ms(PATIENCE);
}

HOST(exit_in_a_destroy_function_keeps_its_status) {
  leave_turns_running(fake(held));
  CHECK_OK(codex_client_set_wakeup(left.client, ignore_wakeup, NULL, exit_in_callback), NULL);
  codex_client_set_wakeup(left.client, NULL, NULL, NULL);
  sleep_ms(PATIENCE);
}

/* The thread that exits has lost what is kept for a thread when its exit handlers run. */
static void end_everything_at_exit(void) {
  codex_error *err = NULL;
  codex_event *event = NULL;
  CHECK_OK(codex_turn_next_event(left_turns[0], PATIENCE, &event, &err), err);
  codex_event_free(event);
  run_a_turn(left.client);
  CHECK_OK(codex_client_close(left.client, PATIENCE, &err), err);
  CHECK_INT(drain(left_turns[0]), CODEX_ERROR_CLOSED);
  for (int i = 0; i < RUNNING; i++) {
    codex_turn_free(left_turns[i]);
    codex_thread_free(left_threads[i]);
  }
  free_possessions(&left);
}

HOST(exit_handlers_may_use_close_and_free_a_client) {
  leave_turns_running(fake("{\"on\":{\"turn/start\":[[{\"turn\":{\"hold\":true}}],[{\"turn\":{\"hold\":true}}],"
                           "[{\"turn\":{\"hold\":true}}],[{\"builtin\":true}]]}}"));
  atexit(end_everything_at_exit);
  exit(7);
}

static void end_client_of_thread(void *client) {
  run_a_turn(client);
  end_client(client);
}

static void *live_as_thread(void *key) {
  codex_client *client = connect_or_fail(fake(NULL));
  run_a_turn(client);
  pthread_setspecific(*(pthread_key_t *)key, client);
  return NULL;
}

HOST(a_thread_that_ends_may_still_use_close_and_free_a_client) {
  pthread_key_t key;
  CHECK_INT(pthread_key_create(&key, end_client_of_thread), 0);
  thread_join(thread_start(live_as_thread, &key));
}

/* ---- all hosts --------------------------------------------------------------------------------------------------- */

static const host hosts[] = {
    LIVES(a_host_that_dies_of_sigpipe_outlives_dead_runtimes),
    LIVES(the_sigpipe_handler_of_a_host_is_not_called),
    LIVES(no_sigpipe_is_left_pending_in_a_host_that_blocks_it),
    LIVES(a_host_with_sigchld_at_its_default_is_told_how_a_runtime_ended),
    LIVES(a_host_that_ignores_sigchld_loses_only_the_exit_status),
    LIVES(a_host_that_handles_sigchld_keeps_its_handler),
    LIVES(a_host_that_reaps_every_child_in_its_handler_goes_on),
    LIVES(a_host_with_a_thread_that_reaps_every_child_goes_on),
    LIVES(the_children_of_the_host_are_left_to_it),
    LIVES(a_client_is_one_thread_and_one_more_for_each_kind_of_callback),
    LIVES(a_signal_of_the_host_never_lands_on_a_thread_of_the_library),
    LIVES(signals_of_the_host_do_not_disturb_a_call_that_waits),
    LIVES(the_environment_is_read_by_the_call_that_connects_and_never_again),
    LIVES(a_host_without_standard_streams_keeps_their_numbers_free),
    LIVES(nothing_is_printed_whatever_happens),
    LIVES(every_descriptor_of_the_library_is_closed_on_exec),
    LIVES(a_runtime_holds_its_three_streams_and_nothing_of_the_host),
    LIVES(the_child_of_a_fork_is_refused_and_may_free_everything_and_the_parent_goes_on),
    LIVES(the_child_of_a_fork_may_have_a_client_of_its_own),
    EXITS(exit_with_running_turns_keeps_its_status, 7),
    EXITS(an_immediate_exit_with_running_turns_keeps_its_status, 7),
    EXITS(exit_while_other_threads_wait_inside_keeps_its_status, 7),
    EXITS(exit_in_an_event_callback_keeps_its_status, 7),
    EXITS(exit_in_a_request_handler_keeps_its_status, 7),
    EXITS(exit_in_a_log_callback_keeps_its_status, 7),
    EXITS(exit_in_a_wake_up_keeps_its_status, 7),
    EXITS(exit_in_a_trace_callback_keeps_its_status, 7),
    EXITS(exit_in_a_tool_keeps_its_status, 7),
    EXITS(exit_in_a_cancel_callback_keeps_its_status, 7),
    EXITS(exit_in_a_destroy_function_keeps_its_status, 7),
    EXITS(exit_handlers_may_use_close_and_free_a_client, 7),
    LIVES(a_thread_that_ends_may_still_use_close_and_free_a_client),
};

static const host *host_named(const char *name) {
  for (size_t i = 0; i < COUNT(hosts); i++)
    if (strcmp(hosts[i].name, name) == 0) return &hosts[i];
  fprintf(stderr, "there is no host called %s\n", name);
  exit(2);
}

int main(int argc, char **argv) {
  static const test_case unloading[] = {CASE(a_host_may_load_use_and_unload_the_library_again_and_again)};
  test_case tests[COUNT(hosts)];
  bool is_host = argc == 3 && strcmp(argv[1], "--host") == 0;
  harness_start(is_host ? 1 : argc, argv);
  if (is_host) return live_as_host(argv[2]);
  for (size_t i = 0; i < COUNT(hosts); i++) tests[i] = (test_case){hosts[i].name, run_host};
  run_tests(tests, COUNT(hosts));
  run_tests(unloading, COUNT(unloading));
  return harness_end();
}
