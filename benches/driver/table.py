"""The table of medians and ratios."""

import statistics

from .scenarios import CONTESTANTS, FLOOR, LIBCODEX, MORE, PYTHON, TYPESCRIPT, AboveFloor

NEVER = "never"
HEADINGS = ["property", FLOOR, PYTHON, TYPESCRIPT, "required", "goal", LIBCODEX, "spread", "reached", "by ratio"]


class Results:
    """The figures of all runs: by scenario and contestant, one dictionary per round."""

    def __init__(self):
        self.runs = {}
        self.failures = []

    def add(self, scenario, who, figures):
        self.runs.setdefault((scenario.name, who), []).append(figures)

    def median(self, scenario, who, figure):
        """None when it was not measured, NEVER when what is measured did not happen."""
        runs = [run[figure] for run in self.runs.get((scenario.name, who), []) if figure in run]
        if not runs:
            return None
        numbers = [value for value in runs if value is not None]
        return statistics.median(numbers) if numbers else NEVER

    def spread(self, scenario, who, figure):
        """How far apart the rounds were, as a share of their median."""
        values = [run[figure] for run in self.runs.get((scenario.name, who), []) if (run.get(figure) or 0) > 0]
        return (max(values) - min(values)) / statistics.median(values) if len(values) > 1 else None


def number(value):
    if value is None:
        return "–"
    if value == NEVER:
        return NEVER
    if abs(value) >= 1e6:
        return f"{value / 1e6:.2f} M"
    if abs(value) >= 10_000:
        return f"{value / 1e3:.0f} k"
    if abs(value) >= 100:
        return f"{value:.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}".removesuffix(".0")
    return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"


def share(value):
    return "" if value is None else f"{value:.0%}"


def target(value):
    if isinstance(value, AboveFloor):
        return f"floor + {number(value.distance)}"
    return "" if value is None else number(value)


def reached(row, value, limit, floor):
    if isinstance(limit, AboveFloor):
        limit = limit.distance + floor
    # A figure is what its print shows: 0.004 MB is no growth.
    value = round(value, 2)
    return value >= limit if row.better == MORE else value <= limit


def verdict(row, value, floor):
    if row.goal is None or not isinstance(value, (int, float)):
        return ""
    if isinstance(row.goal, AboveFloor) and floor is None:
        return ""
    if reached(row, value, row.goal, floor):
        return "goal"
    return "required" if reached(row, value, row.required, floor) else "MISSED"


def verdict_by_ratio(row, value, floor):
    """The same when the targets are as many times the floor of this run as they were of the one for which they were set."""
    if row.measure is None or not isinstance(floor, (int, float)) or not isinstance(value, (int, float)):
        return ""
    return verdict(row, value * row.measure / floor, row.measure)


def cell(row, who, values):
    """The value; libcodex with its ratio to the floor, a peer with its ratio to libcodex."""
    value = values[who]
    base = {LIBCODEX: values[FLOOR], FLOOR: None}.get(who, values[LIBCODEX])
    if not isinstance(value, (int, float)) or not isinstance(base, (int, float)) or value <= 0 or base <= 0:
        return number(value)
    ratio = value / base
    return f"{number(value)} (×{ratio:.0f})" if ratio >= 9.95 else f"{number(value)} (×{ratio:.2g})"


def values_of(results, scenario, row):
    values = {}
    for who in CONTESTANTS:
        value = results.median(scenario, who, row.figure) if who in row.only else None
        values[who] = value * row.scale if isinstance(value, (int, float)) else value
    return values


def line(results, scenario, row):
    values = values_of(results, scenario, row)
    floor, libcodex, *peers = [cell(row, who, values) for who in CONTESTANTS]
    return [
        f"{row.label}, {row.unit}" if row.unit else row.label,
        floor,
        *peers,
        target(row.required),
        target(row.goal),
        libcodex,
        share(results.spread(scenario, LIBCODEX, row.figure)),
        verdict(row, values[LIBCODEX], values[FLOOR]),
        verdict_by_ratio(row, values[LIBCODEX], values[FLOOR]),
    ]


def lines(results, scenarios):
    return [line(results, scenario, row) for scenario in scenarios for row in scenario.rows]


def as_text(rows):
    return aligned([HEADINGS, *rows])


def aligned(rows):
    """The first column begins, the others end at the same place."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows)]
    texts = []
    for first, *rest in rows:
        cells = [first.ljust(widths[0]), *(text.rjust(width) for text, width in zip(rest, widths[1:]))]
        texts.append("  ".join(cells).rstrip())
    return "\n".join(texts)


def as_markdown(rows):
    ruler = ["---", *["---:"] * (len(HEADINGS) - 3), "---", "---"]
    return "\n".join("| " + " | ".join(row) + " |" for row in [HEADINGS, ruler, *rows])


def noise(results, scenarios):
    """How much the floor varied between rounds: what differs by less says nothing."""
    spreads = []
    for scenario in scenarios:
        spread = results.spread(scenario, FLOOR, scenario.rows[0].figure)
        if spread is not None:
            spreads.append((spread, scenario.name))
    if not spreads:
        return "The floor ran too few rounds to say how noisy the machine was."
    usual = statistics.median(spread for spread, _ in spreads)
    worst, name = max(spreads)
    return (
        f"Noise: between rounds the floor varied by {usual:.0%} of its median (the middle scenario), "
        f"at most by {worst:.0%} ({name})."
    )
