#include "turn.h"

extern bool neighbour_works(void);

int main(void) {
  return neighbour_works() && run_a_turn() && neighbour_works() ? 0 : 1;
}
