// What unit.cpp defines: the same function, once for each way in which it is compiled.
#ifndef LIBCODEX_TESTS_UNIT_HPP
#define LIBCODEX_TESTS_UNIT_HPP

#include <string>

// How a unit learns that a turn failed: "threw: …" or "returned: …".
std::string fail_with_exceptions(const char *runtime, const char *script);
std::string fail_with_expected(const char *runtime, const char *script);
std::string fail_without_exceptions(const char *runtime, const char *script);

#endif
