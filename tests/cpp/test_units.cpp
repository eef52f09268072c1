// Several units in one program, whatever each of them does about exceptions.
#include "support.hpp"

#include "unit.hpp"

TEST(units_with_and_without_exceptions_work_in_one_program) {
  const char *runtime = required_env("FAKE_RUNTIME");
  CHECK_CONTAINS(fail_with_exceptions(runtime, failing_turn).c_str(), "threw: ");
  CHECK_CONTAINS(fail_with_expected(runtime, failing_turn).c_str(), "returned: ");
  CHECK_CONTAINS(fail_without_exceptions(runtime, failing_turn).c_str(), "returned: ");
  for (const auto fail : {fail_with_exceptions, fail_with_expected, fail_without_exceptions})
    CHECK_CONTAINS(fail(runtime, failing_turn).c_str(), "no more ideas");
}

int main(int argc, char **argv) {
  static const test_case tests[] = {
      CASE(units_with_and_without_exceptions_work_in_one_program),
  };
  harness_start(argc, argv);
  run_tests(tests, COUNT(tests));
  return harness_end();
}
