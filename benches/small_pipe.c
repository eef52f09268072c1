/* Becomes the runtime that SMALL_PIPE_RUNTIME names, with a stdout of the default size whatever the client made of it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { DEFAULT_PIPE = 64 * 1024 };

int main(int argc, char **argv) {
  const char *runtime = getenv("SMALL_PIPE_RUNTIME");
  (void)argc;
  if (!runtime) {
    fputs("small-pipe: SMALL_PIPE_RUNTIME is not set; it names the runtime.\n", stderr);
    return EXIT_FAILURE;
  }
  if (fcntl(STDOUT_FILENO, F_SETPIPE_SZ, DEFAULT_PIPE) < 0) {
    perror("small-pipe: stdout cannot be made small");
    return EXIT_FAILURE;
  }
  execv(runtime, argv);
  perror(runtime);
  return EXIT_FAILURE;
}
