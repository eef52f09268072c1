"""What is counted of a dump of callgrind."""

import unittest

from .callgrind import read
from .contestants import RunFailed

LIBRARY = "/lib/libcodex.so"
DUMP = """\
# callgrind format
positions: line
events: Ir
summary: 1000

ob=(1) /lib/libcodex.so
fl=(1) ???
fn=(1) codex_turn_next_event
0 40
+3 2
cob=(2) /lib/libc.so.6
cfi=(2) ???
cfn=(2) malloc
calls=3 0
0 500
cfn=(3) next
calls=7 0
* 70
* 8

fn=(3)
0 50
cob=(2)
cfn=(4) memcpy
calls=2 0
0 60

ob=(2)
fn=(2)
0 500
cob=(1)
cfn=(3)
calls=1 0
0 9
"""


class Dump(unittest.TestCase):
    def test_only_instructions_of_the_library_itself_count(self):
        self.assertEqual(read(DUMP, LIBRARY)[0], 40 + 2 + 8 + 50)

    def test_only_calls_that_leave_the_library_count(self):
        self.assertEqual(read(DUMP, LIBRARY)[1], 3 + 2)

    def test_calls_that_ask_for_memory_are_allocations(self):
        self.assertEqual(read(DUMP, LIBRARY)[2], 3)

    def test_a_dump_without_the_library_is_no_measurement(self):
        with self.assertRaisesRegex(RunFailed, "no instruction of /lib/other.so"):
            read(DUMP, "/lib/other.so")
