"""Counts what a program does inside the library, with callgrind, between its two looks at the clock.

Only instructions of the library's own code are counted, and the calls by which it leaves it: what libc does in such a call
depends on libc's version and on where memory lies. One processor and SCHED_BATCH make the runtime and the library take turns
in the same order each time.
"""

import os
import re
import subprocess
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from . import build
from .contestants import RunFailed, figures_of

CLOCK = "moment_now"
# Of the three dumps (before the first look at the clock, until the second, until the end) this is what is measured.
MEASURED = 2
ALLOCATORS = {"malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc"}

NAME = re.compile(r"(ob|fn|cob|cfn)=\((\d+)\)(?: (.*))?$")
COST = re.compile(r"[+\-*\d]\S* (\d+)$")
CALLS = re.compile(r"calls=(\d+) ")


@dataclass
class Counts:
    """What one event, turn or call costs."""

    instructions: float  # in the library's own code
    libc_calls: float  # from the library to other objects
    allocations: float  # those of them that ask for memory

    def as_json(self):
        return {name: round(value, 3) for name, value in asdict(self).items()}


def take_turns():
    """Makes this process and what it starts share one processor, without preempting each other."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def count(line, variables):
    """The counts of one run of a benchmark program."""
    events, dump = measured(line, variables)
    totals = read(dump, str(build.library().resolve()))
    return Counts(*(total / events for total in totals))


def profile(line, variables):
    """The instructions of each function of the library per event, turn or call, the dearest first."""
    events, dump = measured(line, variables)
    instructions, _ = tally(dump, str(build.library().resolve()))
    return [(demangled(name), total / events) for name, total in instructions.most_common()]


def demangled(name):
    return subprocess.run(["c++filt", name], capture_output=True, text=True, check=True).stdout.strip()


def measured(line, variables):
    """How many events, turns or calls a run had, and the dump of what it measured."""
    with tempfile.TemporaryDirectory(dir=build.STORE) as directory:
        dump = Path(directory) / "dump"
        options = ["--quiet", "--tool=callgrind", f"--dump-before={CLOCK}", f"--callgrind-out-file={dump}"]
        figures = figures_of(["valgrind", *options, *line], variables)
        parts = sorted(Path(directory).iterdir())
        if len(parts) != MEASURED + 1:
            raise RunFailed(f"{' '.join(line)}\nlooked at the clock {len(parts) - 1} times instead of twice")
        return figures["events"], dump.with_suffix(f".{MEASURED}").read_text()


def read(dump, library):
    """Instructions, calls that leave, and allocations of the library, as a dump of callgrind has them."""
    instructions, calls = tally(dump, library)
    if not instructions:
        raise RunFailed(f"callgrind saw no instruction of {library}")
    return instructions.total(), calls.total(), sum(calls[name] for name in ALLOCATORS)


def tally(dump, library):
    """Instructions by function of the library, and calls that leave it by function called."""
    names, current = {}, {}
    instructions, calls = Counter(), Counter()
    inclusive = False
    for text in dump.splitlines():
        if name := NAME.match(text):
            remember(names, current, *name.groups())
        elif called := CALLS.match(text):
            # Without a "cob=" the call stays in its object. The next line is what it cost in all.
            called_object = current.pop("cob", current["ob"])
            if current["ob"] == library and called_object != library:
                calls[current["cfn"]] += int(called[1])
            inclusive = True
        elif cost := COST.match(text):
            if not inclusive and current["ob"] == library:
                instructions[current["fn"]] += int(cost[1])
            inclusive = False
    return instructions, calls


def remember(names, current, field, number, name):
    """A name is written out once; later its number stands for it."""
    kind = field.removeprefix("c")
    if name is not None:
        names[kind, number] = name
    current[field] = names[kind, number]
