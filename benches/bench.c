/* bench SCENARIO [NAME=VALUE...]: one scenario of libcodex, over its C API. FAKE_RUNTIME_SCRIPT says what the runtime does. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const scenario *const all[] = {
    stream_scenarios,
    call_scenarios,
    memory_scenarios,
    event_loop_scenarios,
};

static const scenario *find(const char *name) {
  size_t i;
  for (i = 0; i < sizeof all / sizeof *all; i++) {
    const scenario *scenario;
    for (scenario = all[i]; scenario->name; scenario++) {
      if (strcmp(scenario->name, name) == 0) return scenario;
    }
  }
  fail("There is no scenario \"%s\".", name);
}

int main(int argc, char **argv) {
  const scenario *scenario;
  if (argc < 2) fail("usage: bench SCENARIO [NAME=VALUE...]");
  settings_load(argc - 2, argv + 2);
  scenario = find(argv[1]);
  scenario->run();
  figures_print();
  return EXIT_SUCCESS;
}
