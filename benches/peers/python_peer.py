"""python_peer.py SCENARIO [NAME=VALUE...]: the scenarios of the benchmark with the Python SDK, `openai-codex`."""

import asyncio
import json
import os
import resource
import sys
import threading
import time

from openai_codex import AsyncCodex, Codex, CodexConfig

SETTINGS = [argument.partition("=")[::2] for argument in sys.argv[2:]]
FIGURES = {}


def setting(name, fallback=None):
    return next((value for key, value in SETTINGS if key == name), fallback)


def number(name, fallback):
    return int(setting(name, fallback))


def config():
    overrides = tuple(value for key, value in SETTINGS if key == "config")
    return CodexConfig(codex_bin=setting("runtime"), config_overrides=overrides)


def memory_kb(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field + ":"))


def moment():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return time.monotonic() * 1e6, (usage.ru_utime + usage.ru_stime) * 1e6, usage.ru_nvcsw


def figures_of_span(begin, events):
    wall, cpu, waits = (now - then for now, then in zip(moment(), begin))
    FIGURES.update(
        events=events,
        wall_us_each=wall / events,
        cpu_us_each=cpu / events,
        per_second=events / wall * 1e6,
        waits_each=waits / events,
    )


def figures_of_latencies(latencies):
    if not latencies:
        return
    latencies.sort()
    FIGURES.update(
        p50_us=latencies[len(latencies) // 2], p99_us=latencies[len(latencies) * 99 // 100], max_us=latencies[-1]
    )


def since(sent):
    return time.monotonic_ns() // 1000 - int(sent)


class View:
    """What has been seen of a stream."""

    def __init__(self):
        self.deltas = 0
        self.touched = 0
        self.latencies = []
        self.take = self.take_time if number("paced", 0) else self.take_text

    def take_text(self, payload):
        self.touched += len(payload.thread_id) + len(payload.turn_id) + len(payload.item_id) + len(payload.delta)

    def take_time(self, payload):
        self.latencies.append(since(payload.delta))

    def event(self, event):
        if event.method == "item/agentMessage/delta":
            self.deltas += 1
            self.take(event.payload)

    def drain(self, turn):
        for event in turn.stream():
            self.event(event)


def report(views, begin):
    figures_of_span(begin, sum(view.deltas for view in views))
    figures_of_latencies([latency for view in views for latency in view.latencies])
    FIGURES["rss_kb"] = memory_kb("VmRSS")


def stream(codex):
    thread = codex.thread_start()
    view = View()
    begin = moment()
    view.drain(thread.turn("go"))
    report([view], begin)


def run(codex):
    thread = codex.thread_start()
    begin = moment()
    thread.run("go")
    figures_of_span(begin, number("count", 0))


def in_threads(turns, views):
    workers = [threading.Thread(target=view.drain, args=[turn]) for view, turn in zip(views, turns)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def in_order(turns, views):
    for view, turn in zip(views, turns):
        view.drain(turn)


def turns(codex):
    opened = [codex.thread_start().turn("go") for _ in range(number("turns", 100))]
    views = [View() for _ in opened]
    begin = moment()
    codex._client.notify("bench/go", {})
    consume = in_threads if setting("consumers") == "each" else in_order
    consume(opened, views)
    report(views, begin)


def small_turns(codex):
    thread = codex.thread_start()
    count = number("count", 200)
    for _ in range(number("warm", count // 10)):
        thread.run("go")
    rss = memory_kb("VmRSS")
    begin = moment()
    for _ in range(count):
        thread.run("go")
    figures_of_span(begin, count)
    FIGURES["growth_kb"] = memory_kb("VmRSS") - rss


def calls(codex):
    count = number("count", 2000)
    begin = moment()
    for _ in range(count):
        codex._client._request_raw("bench/echo", {})
    figures_of_span(begin, count)


def approvals(codex):
    """The SDK accepts by itself: it has no handler in its public API."""
    thread = codex.thread_start()
    begin = moment()
    thread.run("go")
    figures_of_span(begin, number("count", 0))


def startup(codex):
    codex.thread_start().run("go")
    FIGURES["wall_ms"] = (time.monotonic_ns() - int(os.environ["BENCH_SINCE_NS"])) / 1e6


def idle(codex):
    codex.thread_start().turn("go")
    time.sleep(1)
    wall, cpu, waits = moment()
    time.sleep(number("seconds", 10))
    _, cpu_after, waits_after = moment()
    FIGURES.update(wakeups=waits_after - waits - 1, cpu_us=cpu_after - cpu, rss_kb=memory_kb("VmRSS"))


def open_turns(codex):
    count = number("turns", 1000)
    threads = [codex.thread_start() for _ in range(count + 1)]
    kept = [threads.pop().turn("go")]
    rss = memory_kb("VmRSS")
    kept += [thread.turn("go") for thread in threads]
    FIGURES["bytes_each"] = (memory_kb("VmRSS") - rss) * 1024 / count


def slow_reader(codex):
    thread = codex.thread_start()
    rss = memory_kb("VmRSS")
    events = thread.turn("go").stream()
    next(events)
    peak, same = rss, 0
    while same < 5:
        time.sleep(0.2)
        now = memory_kb("VmRSS")
        same = same + 1 if now <= peak else 0
        peak = max(peak, now)
    FIGURES["growth_kb"] = peak - rss


async def interrupts_async():
    """Each stream of the asynchronous API holds a thread of the default executor, and so does the interrupt."""
    codex = AsyncCodex(config())
    quiet = [await (await codex.thread_start()).turn("go") for _ in range(number("turns", 256))]

    async def follow(turn):
        async for _ in turn.stream():
            pass

    followers = [asyncio.create_task(follow(turn)) for turn in quiet]
    await asyncio.sleep(0.5)
    begin = time.monotonic_ns()
    try:
        await asyncio.wait_for(asyncio.shield(asyncio.create_task(quiet[0].interrupt())), number("patience", 3))
        await asyncio.wait_for(asyncio.shield(followers[0]), number("patience", 3))
        FIGURES["p50_us"] = (time.monotonic_ns() - begin) / 1000
    except asyncio.TimeoutError:
        FIGURES["p50_us"] = None


def finish():
    """Prints the figures and ends at once: threads of the SDK may still wait."""
    print(json.dumps(FIGURES), flush=True)
    os._exit(0)


def main():
    name = sys.argv[1]
    if name == "interrupts":
        asyncio.run(run_and_finish())
    scenario = {
        "stream": stream,
        "run": run,
        "turns": turns,
        "small-turns": small_turns,
        "calls": calls,
        "approvals": approvals,
        "startup": startup,
        "idle": idle,
        "open-turns": open_turns,
        "slow-reader": slow_reader,
    }[name]
    scenario(Codex(config()))
    finish()


async def run_and_finish():
    await interrupts_async()
    finish()


main()
