#include "turn.h"

int main(void) {
  return run_a_turn() ? 0 : 1;
}
