#include "turn.h"

bool plugin_works(void) {
  return run_a_turn();
}
