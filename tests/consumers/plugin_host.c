/* Knows nothing of libcodex; loads a plugin that does, uses it and unloads it, 20 times. usage: plugin-host PLUGIN */

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool load_use_and_unload(const char *path) {
  void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  void *symbol = plugin == NULL ? NULL : dlsym(plugin, "plugin_works");
  bool (*works)(void);
  if (symbol == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return false;
  }
  memcpy(&works, &symbol, sizeof works);
  return works() && dlclose(plugin) == 0;
}

int main(int argc, char **argv) {
  for (int time = 0; time < 20; time++) {
    if (argc != 2 || !load_use_and_unload(argv[1])) return 1;
  }
  return 0;
}
