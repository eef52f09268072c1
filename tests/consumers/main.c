#include <codex.h>

#include <stdio.h>

int main(void) {
  puts(codex_version());
  return codex_check_abi() ? 0 : 1;
}
