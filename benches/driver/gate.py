"""Compares what is counted with benches/instructions.json."""

import json
import platform
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from . import build
from .callgrind import Counts, count
from .scenarios import COUNTED, LIBCODEX, counted_form

BASELINE = build.BENCHES / "instructions.json"
RUNS, RECORDED_RUNS = 3, 5
ABOUT = (
    "Per event, turn or call, inside libcodex; written by `make bench-baseline`. Noise of single runs: 0.4 %; "
    "on a busy machine 1 %. See benches/README.md."
)
# How much worse a figure may be: by a share of it, and by so many of what is counted, for those that are close to none.
TOLERANCE = 0.05
SLACK = {"instructions": 0.1, "libc_calls": 0.1, "allocations": 0.02}
TOLERANCE_ELSEWHERE = 0.25
WORDS = {"instructions": "instructions", "libc_calls": "calls into libc", "allocations": "allocations"}


@dataclass
class Maker:
    """What makes the same source count differently."""

    rustc: str
    target: str
    vectors: str
    valgrind: str

    def differences(self, other):
        return [
            f"{field.name} {getattr(self, field.name)} instead of {getattr(other, field.name)}"
            for field in fields(self)
            if getattr(self, field.name) != getattr(other, field.name)
        ]


def maker_here():
    rustc = dict(re.findall(r"^(\w+): (.*)$", build.command("rustc", "-vV"), re.MULTILINE))
    return Maker(rustc["release"], rustc["host"], vectors(), build.command("valgrind", "--version").strip())


def vectors():
    """The widest vectors that callgrind lets the library use."""
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return platform.machine()
    return "avx2" if "avx2" in flags else platform.machine()


@dataclass
class Verdict:
    """Sentences: what got worse than is tolerated, and what got better by as much."""

    worse: list
    better: list

    def __bool__(self):
        return bool(self.worse or self.better)


def record(bench):
    """The highest counts of a few runs: other programs on the machine only lower them, by more than a little."""
    return {scenario.name: highest(runs_of(bench, scenario, RECORDED_RUNS)) for scenario in counted_form()}


def runs_of(bench, scenario, how_many):
    line, variables = bench.command(scenario, LIBCODEX)
    return [count(line, variables) for _ in range(how_many)]


def compare(bench, scenario, recorded, tolerated):
    """The runs of a scenario, and the verdict on them. One run is enough when it is as expected."""
    runs = []
    while True:
        runs += runs_of(bench, scenario, 1)
        verdict = judge(scenario.name, runs, recorded, tolerated)
        if not verdict or len(runs) == RUNS:
            return runs, verdict


def lowest(runs):
    return Counts(*(min(getattr(run, field) for run in runs) for field in WORDS))


def highest(runs):
    return Counts(*(max(getattr(run, field) for run in runs) for field in WORDS))


def write_baseline(counts):
    figures = {name: found.as_json() for name, found in counts.items()}
    text = json.dumps({"about": ABOUT, "maker": asdict(maker_here()), "figures": figures}, indent=2)
    BASELINE.write_text(text + "\n")


def read_baseline():
    """Who recorded it, and the counts by scenario."""
    baseline = json.loads(BASELINE.read_text())
    return Maker(**baseline["maker"]), {name: Counts(**figures) for name, figures in baseline["figures"].items()}


def tolerance(differences):
    return TOLERANCE_ELSEWHERE if differences else TOLERANCE


def judge(scenario, runs, recorded, tolerated):
    """Only what all runs agree on is a change."""
    if recorded is None:
        return Verdict([f"{subject(scenario)} has no figures in {BASELINE.name}."], [])
    verdict = Verdict([], [])
    for field in WORDS:
        least, most = getattr(lowest(runs), field), getattr(highest(runs), field)
        before = getattr(recorded, field)
        if least > limit(field, before, tolerated):
            verdict.worse.append(sentence(scenario, field, least, before))
        elif before > limit(field, most, tolerated):
            verdict.better.append(sentence(scenario, field, most, before))
    return verdict


def limit(field, recorded, tolerated):
    return max(recorded * (1 + tolerated), recorded + SLACK[field])


def sentence(scenario, field, found, recorded):
    change = f" ({found / recorded - 1:+.1%})" if recorded >= 1 else ""
    return f"{subject(scenario)} takes {found:,.2f} {WORDS[field]} instead of {recorded:,.2f}{change}."


def subject(scenario):
    label = COUNTED[scenario]
    return label[0].upper() + label[1:]
