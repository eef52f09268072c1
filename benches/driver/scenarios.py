"""What is measured: the scenarios, what the runtime does in each, and the rows of the table."""

from dataclasses import dataclass, field, replace

from .crowd import GO, crowd

FLOOR, LIBCODEX, PYTHON, TYPESCRIPT = "floor", "libcodex", "Python", "TypeScript"
CONTESTANTS = [FLOOR, LIBCODEX, PYTHON, TYPESCRIPT]

MIB = 1024
LESS, MORE = "less is better", "more is better"


@dataclass
class Row:
    """A line of the table: one figure of a scenario."""

    label: str
    figure: str
    unit: str = ""
    goal: object = None  # a number, or AboveFloor
    required: object = None
    measure: float | None = None  # what the floor cost on the machine for which the targets were set
    scale: float = 1.0
    better: str = LESS
    only: list = field(default_factory=lambda: CONTESTANTS)


@dataclass
class AboveFloor:
    """A target that is measured from the floor of the same run."""

    distance: float


@dataclass
class Entry:
    """How one contestant runs a scenario."""

    scenario: str
    count: int = 0
    settings: dict = field(default_factory=dict)


@dataclass
class Scenario:
    name: str
    rows: list
    entries: dict
    script: object = None  # a function of the count
    exec_variables: object = None  # the same for the stand-in for `codex exec`
    needs: str = "fake"  # or "real"
    launch: bool = False
    small_pipe: bool = False
    times: int | None = None  # how often it is run; None: as often as there are rounds


SIZE = Scenario("size", [Row("stripped shared library", "bytes", "MB", 1, 3, scale=1e-6)], {})

# What the gate counts: its scenarios, and what one of their events is.
COUNTED = {
    "stream-16": "an event of 16 B, pulled",
    "stream-1k": "an event of 1 KiB, pulled",
    "run": "an event of 16 B that nobody looks at",
    "turns-100-queue": "an event of 16 B of 100 turns in a single queue",
    "small-turns": "a small turn, run",
    "small-turns-fd": "a small turn, single queue and poll()",
    "calls": "a request round trip",
}


def hold_and(*actions):
    return {"on": {"turn/start": [{"turn": {"hold": True}}, *actions, {"finishTurn": {}}]}}


def flood(text_bytes, per_write):
    def script(count):
        return hold_and({"flood": {"count": count, "textBytes": text_bytes, "perWrite": per_write}})

    return script


def exec_flood(text_bytes):
    return lambda count: {"FAKE_EXEC_COUNT": count, "FAKE_EXEC_BYTES": text_bytes}


def exec_pace(count):
    return {"FAKE_EXEC_COUNT": count, "FAKE_EXEC_RATE": 1000}


def paced_turns(turns):
    """The last turn to start sends the deltas of all, at 1,000 per second together."""

    def script(count):
        pace = {"pace": {"eventsPerSecond": 1000, "seconds": count / 1000, "turns": "all"}}
        last = [{"turn": {"hold": True}}, GO, pace, {"finishTurn": {"turns": "all"}}]
        return {"on": {"turn/start": [[{"turn": {"hold": True}}]] * (turns - 1) + [last]}}

    return script


def paced_alone(count):
    return hold_and({"pace": {"eventsPerSecond": 1000, "seconds": count / 1000}})


def approvals(count):
    actions = []
    for number in range(count):
        params = {"threadId": "$threadId", "turnId": "$turnId", "itemId": "call_1", "command": "true", "cwd": "/"}
        resolved = {"threadId": "$threadId", "requestId": number}
        actions += [
            {"request": [number, "item/commandExecution/requestApproval", params]},
            {"waitAnswer": number},
            {"notify": ["serverRequest/resolved", resolved]},
        ]
    return hold_and(*actions)


def held(_count):
    return {"on": {"turn/start": [{"turn": {"hold": True}}]}}


def echo(_count):
    return {"on": {"bench/echo": [{"reply": {}}]}}


def late_echo(_count):
    """An answer that is never there before the library waits for it: that would save a wait, now and then."""
    return {"on": {"bench/echo": [{"sleepMs": 2}, {"reply": {}}]}}


def builtin(_count):
    return {}


def entries(scenario, floor=0, libcodex=0, python=0, typescript=0, floor_scenario=None, **settings):
    """The contestants with a count take part."""
    counts = {FLOOR: floor, LIBCODEX: libcodex, PYTHON: python, TYPESCRIPT: typescript}
    names = {FLOOR: floor_scenario or scenario}
    return {who: Entry(names.get(who, scenario), count, settings) for who, count in counts.items() if count}


def cpu(label, goal=None, required=None, measure=None):
    return Row(f"{label}: CPU", "cpu_us_each", "µs", goal, required, measure)


def wall(label, goal=None, required=None, measure=None):
    return Row(f"{label}: wall", "wall_us_each", "µs", goal, required, measure)


def rate(label, goal=None, required=None, measure=None):
    return Row(f"{label}: events/s", "per_second", "", goal, required, measure, better=MORE)


def latency(label, p50=(), p99=()):
    return [
        Row(f"{label}: latency p50", "p50_us", "µs", *p50),
        Row(f"{label}: latency p99", "p99_us", "µs", *p99),
    ]


def interrupts(label):
    return [
        Row(f"{label}: p50", "p50_us", "ms", 5, 50, scale=1e-3),
        Row(f"{label}: p99", "p99_us", "ms", scale=1e-3),
    ]


def megabytes(label, figure, goal=None, required=None, **options):
    return Row(label, figure, "MB", goal, required, scale=1 / MIB, **options)


def streams(many, some, few):
    def memory(count):
        return megabytes(f"RSS after {count:,} events", "rss_kb", 5, 10)

    return [
        Scenario(
            "stream-16",
            [
                cpu("saturated, 16 B, pulled", 0.45, 1.0, 0.27),
                rate("saturated, 16 B, 1 MiB pipe", 3e6, 1e6, 8.9e6),
                memory(many),
            ],
            entries("stream", many, many, few, some),
            flood(16, "buffered"),
            exec_flood(16),
        ),
        Scenario(
            "stream-16-small-pipe",
            [cpu("saturated, 16 B, 64 KiB pipe"), rate("saturated, 16 B, 64 KiB pipe", 1.6e6, 1e6, 2.3e6)],
            entries("stream", many, many),
            flood(16, "buffered"),
            small_pipe=True,
        ),
        Scenario(
            "stream-16-single",
            [cpu("saturated, 16 B, one write per message")],
            entries("stream", some, some, few),
            flood(16, "message"),
        ),
        Scenario(
            "stream-16-poll",
            [cpu("saturated, 16 B, single queue and poll()"), memory(some)],
            entries("loop-stream", some, some, floor_scenario="stream"),
            flood(16, "buffered"),
        ),
        Scenario(
            "stream-1k",
            [cpu("saturated, 1 KiB, pulled", 2.3, 3.5, 1.6)],
            entries("stream", some, some, few, some),
            flood(1024, "buffered"),
            exec_flood(1024),
        ),
        Scenario(
            "stream-1k-single",
            [cpu("saturated, 1 KiB, one write per message")],
            entries("stream", some, some),
            flood(1024, "message"),
        ),
        Scenario(
            "run-streamed",
            [cpu("saturated, 16 B, run_streamed")],
            entries("run-streamed", some, some, floor_scenario="stream"),
            flood(16, "buffered"),
        ),
        Scenario(
            "run",
            [cpu("saturated, 16 B, blocking run")],
            entries("run", some, some, few, floor_scenario="stream"),
            flood(16, "buffered"),
        ),
    ]


def paced(count):
    return [
        Scenario(
            "paced",
            [cpu("1,000/s", 9, 30, 7.0), *latency("1,000/s", (14, 36, 10.7), (80, 160, 56))],
            entries("stream", count, count, count, count, paced=1),
            paced_alone,
            exec_pace,
        ),
        Scenario(
            "paced-poll",
            [cpu("1,000/s, single queue and poll()"), *latency("1,000/s, single queue and poll()")],
            entries("loop-stream", count, count, floor_scenario="stream", paced=1),
            paced_alone,
        ),
        Scenario(
            "paced-100-threads",
            [
                cpu("1,000/s over 100 turns in 100 threads"),
                *latency("1,000/s over 100 turns in 100 threads", (40, 100, 30), (200, 500, 138)),
            ],
            entries("turns", count, count, count, turns=100, consumers="each", paced=1),
            paced_turns(100),
        ),
        Scenario(
            "paced-100-queue",
            [cpu("1,000/s over 100 turns, single queue"), *latency("1,000/s over 100 turns, single queue")],
            entries("queue-turns", count, count, floor_scenario="turns", turns=100, paced=1),
            paced_turns(100),
        ),
    ]


def many_turns(count):
    targets = {1000: (0.6, 1.5, 0.38)}
    scenarios = []
    for turns in [1, 10, 100, 1000]:
        at_once = "1 turn" if turns == 1 else f"{turns:,} turns"
        python = {"python": count} if turns in (100, 1000) else {}
        typescript = {"typescript": count} if turns == 100 else {}
        scenarios.append(
            Scenario(
                f"turns-{turns}",
                [cpu(f"{at_once}, one thread", *targets.get(turns, ()))],
                entries("turns", count, count, turns=turns, consumers="one", **python, **typescript),
                crowd(turns),
                lambda count, turns=turns: {"FAKE_EXEC_COUNT": count // turns},
            )
        )
        scenarios.append(
            Scenario(
                f"turns-{turns}-threads",
                [cpu(f"{at_once}, a thread each")],
                entries("turns", libcodex=count, python=count if turns == 100 else 0, turns=turns, consumers="each"),
                crowd(turns),
            )
        )
        scenarios.append(
            Scenario(
                f"turns-{turns}-queue",
                [cpu(f"{at_once}, single queue", *targets.get(turns, ()))],
                entries("queue-turns", count, count, floor_scenario="turns", turns=turns),
                crowd(turns),
            )
        )
    return scenarios


def one_by_one(turns, calls, few):
    return [
        Scenario(
            "small-turns",
            [
                cpu("small turn (15 lines), blocking run", 30, 60, 20),
                wall("small turn (15 lines), blocking run", 90, 150, 72),
                megabytes(f"growth over {turns:,} turns", "growth_kb", 0, 0.5),
            ],
            entries("small-turns", turns, turns, few, few // 4),
            builtin,
            lambda _count: {"FAKE_EXEC_COUNT": 5},
        ),
        Scenario(
            "small-turns-pulled",
            [cpu("small turn, pulled"), wall("small turn, pulled")],
            entries("small-turns-pulled", turns, turns, floor_scenario="small-turns"),
            builtin,
        ),
        *[
            Scenario(
                f"small-turns-{way}",
                [cpu(f"small turn, single queue and poll(), {how}"), wall(f"small turn, single queue and poll(), {how}")],
                entries(f"loop-{way}", turns, turns, floor_scenario="small-turns"),
                builtin,
            )
            for way, how in [("fd", "wakeup_fd"), ("callback", "set_wakeup")]
        ],
        Scenario(
            "calls",
            [cpu("request round trip", 25, 40, 20.6), wall("request round trip")],
            entries("calls", calls, calls, few * 5),
            echo,
        ),
        Scenario(
            "approvals",
            [cpu("approval round trip, from the turn's queue"), wall("approval round trip, from the turn's queue")],
            entries("approvals", few * 5, few * 5, few * 5),
            approvals,
        ),
        Scenario(
            "approvals-handler",
            [cpu("approval round trip, by a handler"), wall("approval round trip, by a handler")],
            entries("approvals-handler", few * 5, few * 5, floor_scenario="approvals"),
            approvals,
        ),
        Scenario(
            "interrupts",
            interrupts("interrupt with 256 quiet turns open"),
            entries("interrupts", few, few, turns=256),
            held,
        ),
        Scenario(
            "interrupts-followed",
            interrupts("interrupt with 256 threads that wait for quiet turns"),
            entries("interrupts", libcodex=few, python=1, turns=256, followed=1),
            held,
        ),
    ]


def starts(real):
    fake = Row("process start → end of the first turn, fake runtime", "wall_ms", "ms", 4, 6, 3.0)
    same_real = Row(
        "process start → end of the first turn, real runtime", "wall_ms", "ms", AboveFloor(3), AboveFloor(10)
    )
    everyone = entries("startup", 1, 1, 1, 1)
    scenarios = [
        Scenario("startup", [fake], everyone, builtin, lambda _count: {"FAKE_EXEC_COUNT": 5}, launch=True),
    ]
    if real:
        scenarios.append(Scenario("startup-real", [same_real], everyone, needs="real", launch=True))
    return scenarios


def quiet(seconds):
    """A wake-up more or less is no noise: what is idle is looked at once."""
    idle = f"idle for {seconds} s"
    return [
        Scenario(
            "idle",
            [
                Row(f"{idle}: wake-ups", "wakeups", "", 0, 0),
                Row(f"{idle}: CPU", "cpu_us", "ms", scale=1e-3),
                megabytes("RSS, idle", "rss_kb", 3, 6),
            ],
            entries("idle", 1, 1, 1, 1, seconds=seconds),
            held,
            lambda _count: {},
            times=1,
        ),
        Scenario(
            "idle-waiting",
            [Row(f"{idle} inside next_event: wake-ups", "wakeups", "", 0, 0)],
            entries("idle", libcodex=1, seconds=seconds, how="waiting"),
            held,
            times=1,
        ),
        Scenario(
            "idle-poll",
            [Row(f"{idle} in poll(), with a wake-up set: wake-ups", "wakeups", "", 0, 0)],
            entries("loop-idle", libcodex=1, seconds=seconds),
            held,
            times=1,
        ),
    ]


def memory(sizes):
    ceiling = 8 * 1024 * 1024
    slow = [
        Scenario(
            f"slow-reader-{count // 1000}k",
            [
                megabytes(f"slow reader, {count:,} × 1 KiB: growth", "growth_kb"),
                megabytes("… above its ceiling of 8 MiB", "above_ceiling_kb", 1, 2, only=[LIBCODEX]),
            ],
            entries(
                "slow-reader",
                libcodex=count,
                python=count if count <= 200_000 else 0,
                typescript=count if count <= 200_000 else 0,
                max_queued=ceiling,
            ),
            flood(1024, "buffered"),
            exec_flood(1024),
            times=1,
        )
        for count in sizes
    ]
    return [
        Scenario(
            "open-turns",
            [
                Row("memory per open turn", "bytes_each", "KB", 2, 8, scale=1 / 1024),
                Row("… and of its thread", "thread_bytes_each", "KB", scale=1 / 1024, only=[LIBCODEX]),
            ],
            entries("open-turns", 1, 1, 1, turns=1000),
            held,
        ),
        *slow,
    ]


def long_form(real):
    return [
        *streams(many=1_000_000, some=300_000, few=60_000),
        *paced(5_000),
        *many_turns(128_000),
        *one_by_one(turns=2_000, calls=20_000, few=200),
        *starts(real),
        *quiet(10),
        *memory([50_000, 200_000, 800_000]),
    ]


def short_form(real):
    return [
        *streams(many=400_000, some=100_000, few=10_000),
        *paced(1_000),
        *many_turns(64_000),
        *one_by_one(turns=500, calls=5_000, few=80),
        *starts(real),
        *quiet(2),
        *memory([50_000, 200_000]),
    ]


def counted_form():
    """Long enough for what a turn costs not to show in the figures of an event."""
    every = [*streams(40_000, 40_000, 0), *many_turns(40_000), *one_by_one(400, 2_000, 0)]
    counted = [scenario for scenario in every if scenario.name in COUNTED]
    return [replace(scenario, script=late_echo) if scenario.script is echo else scenario for scenario in counted]
