/* launch PROGRAM [ARGUMENT...]: becomes the program, which finds the time of its start in BENCH_SINCE_NS. */
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
  char since[32];
  if (argc < 2) fail("usage: launch PROGRAM [ARGUMENT...]");
  snprintf(since, sizeof since, "%llu", (unsigned long long)now_ns());
  setenv("BENCH_SINCE_NS", since, 1);
  execv(argv[1], argv + 1);
  perror(argv[1]);
  return EXIT_FAILURE;
}
