"""When the gate opens, and what it says when it does not."""

import unittest

from .callgrind import Counts
from .gate import TOLERANCE, TOLERANCE_ELSEWHERE, Maker, judge, read_baseline, tolerance
from .scenarios import COUNTED, counted_form

RECORDED = Counts(1000, 10, 0)
HERE = Maker("1.95.0", "x86_64-unknown-linux-gnu", "avx2", "valgrind-3.19.0")


def judged(*runs):
    return judge("stream-16", [Counts(*run) for run in runs], RECORDED, TOLERANCE)


class Gate(unittest.TestCase):
    def test_what_is_worse_by_less_than_the_tolerance_passes(self):
        self.assertFalse(judged((1049, 10.4, 0.019)))

    def test_what_is_worse_by_more_fails_and_is_told_with_how_much(self):
        verdict = judged((1060, 10, 0))
        told = "An event of 16 B, pulled takes 1,060.00 instructions instead of 1,000.00 (+6.0%)."
        self.assertEqual((verdict.worse, verdict.better), ([told], []))

    def test_calls_into_libc_and_allocations_count_too(self):
        calls, allocations = judged((1000, 11, 1)).worse
        self.assertIn("11.00 calls into libc instead of 10.00 (+10.0%)", calls)
        self.assertIn("1.00 allocations instead of 0.00.", allocations)

    def test_what_is_better_is_told_and_passes(self):
        verdict = judged((900, 10, 0))
        self.assertEqual(verdict.worse, [])
        self.assertIn("900.00 instructions instead of 1,000.00 (-10.0%)", verdict.better[0])

    def test_only_what_all_runs_agree_on_is_a_change(self):
        self.assertFalse(judged((1200, 10, 0), (1040, 10, 0)))
        self.assertFalse(judged((800, 10, 0), (960, 10, 0)))

    def test_a_path_that_was_never_recorded_fails(self):
        verdict = judge("stream-16", [RECORDED], None, TOLERANCE)
        self.assertIn("An event of 16 B, pulled has no figures in instructions.json", verdict.worse[0])

    def test_figures_of_another_compiler_are_compared_with_more_tolerance(self):
        other = Maker("1.99.0", HERE.target, HERE.vectors, HERE.valgrind)
        self.assertEqual(other.differences(HERE), ["rustc 1.99.0 instead of 1.95.0"])
        self.assertEqual(tolerance(other.differences(HERE)), TOLERANCE_ELSEWHERE)
        self.assertEqual(tolerance(HERE.differences(HERE)), TOLERANCE)

    def test_every_path_is_counted_and_recorded(self):
        _, baseline = read_baseline()
        self.assertEqual(baseline.keys(), COUNTED.keys())
        self.assertEqual({scenario.name for scenario in counted_form()}, COUNTED.keys())
