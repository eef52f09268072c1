"""A script of the fake runtime in which many turns stream at once, their lines mixed.

The fake runtime gives every flood a thread of its own, and a thousand of those are slower than any client. Here one thread
writes the lines of all turns. They are copies of what the fake runtime says in one small turn, with ids of their own.
"""

import json
import os
import subprocess

from . import build

GO = {"waitFor": "bench/go"}
LINES_PER_WRITE = 1000
DELTA = '"method":"item/agentMessage/delta"'
SAMPLE = {"on": {"turn/start": [{"turn": {"deltas": ["x" * 16]}}]}}


class Sample:
    """What the fake runtime says in one turn."""

    def __init__(self):
        variables = {**os.environ, "FAKE_RUNTIME_SCRIPT": json.dumps(SAMPLE)}
        self.process = subprocess.Popen(
            [build.RELEASE / "fake-runtime"], env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.call("initialize", {"clientInfo": {"name": "bench", "version": "0"}})
        self.thread = self.call("thread/start", {})
        self.thread_id = self.thread["thread"]["id"]
        self.turn = self.call("turn/start", {"threadId": self.thread_id, "input": [{"type": "text", "text": "go"}]})
        self.turn_id = self.turn["turn"]["id"]
        lines = list(self.events())
        place = next(index for index, line in enumerate(lines) if DELTA in line)
        self.opening, self.delta, self.closing = lines[:place], lines[place], lines[place + 1 :]
        self.process.communicate()

    def call(self, method, params):
        self.process.stdin.write(json.dumps({"id": 1, "method": method, "params": params}) + "\n")
        self.process.stdin.flush()
        return next(message["result"] for message in map(json.loads, self.process.stdout) if "result" in message)

    def events(self):
        for line in self.process.stdout:
            yield line.rstrip("\n")
            if '"method":"turn/completed"' in line:
                return

    def of(self, place, text):
        """The text with the ids of another turn, which are as long."""
        other = f"{place:08x}"
        return text.replace(self.thread_id, other + self.thread_id[8:]).replace(self.turn_id, other + self.turn_id[8:])

    def result_of(self, place, result):
        return json.loads(self.of(place, json.dumps(result)))


def crowd(turns):
    """A function of the count of deltas."""

    def script(count):
        sample = Sample()
        places = range(1, turns + 1)
        threads = [[{"reply": sample.result_of(place, sample.thread)}] for place in places]
        starts = [opening(sample, place) for place in places]
        lines = [sample.of(place, sample.delta) for place in places]
        round_of_all = "\n".join(lines * max(1, LINES_PER_WRITE // turns))
        writes = count // (round_of_all.count("\n") + 1)
        closing = "\n".join(sample.of(place, line) for place in places for line in sample.closing)
        starts[-1] += [GO, *[{"raw": round_of_all}] * writes, {"raw": closing}]
        return {"on": {"thread/start": threads, "turn/start": starts}}

    return script


def opening(sample, place):
    lines = "\n".join(sample.of(place, line) for line in sample.opening)
    return [{"reply": sample.result_of(place, sample.turn)}, {"raw": lines}]
