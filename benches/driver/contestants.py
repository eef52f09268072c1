"""Runs one contestant once, in one process."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from . import build
from .scenarios import FLOOR, LIBCODEX, PYTHON, TYPESCRIPT

TIMEOUT_SECONDS = 180


class RunFailed(Exception):
    """A run ended badly; the message says how."""


def figures_of(line, variables):
    """What a benchmark program reports."""
    try:
        done = subprocess.run(line, env=variables, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        raise RunFailed(f"{' '.join(line)}\ndid not end within {TIMEOUT_SECONDS} s") from None
    if done.returncode != 0:
        raise RunFailed(f"{' '.join(line)}\nended with {done.returncode}: {done.stderr.strip()[-1500:]}")
    return json.loads(done.stdout.splitlines()[-1])


class Bench:
    """The programs and the scripts of a session."""

    def __init__(self, python, sdk, real):
        self.python = python
        self.sdk = sdk
        self.real = real
        self.scripts = build.STORE / "scripts"
        self.scripts.mkdir(parents=True, exist_ok=True)
        self.written = set()

    def close(self):
        if self.real:
            self.real.close()

    def takes_part(self, who):
        return {PYTHON: self.python, TYPESCRIPT: self.sdk}.get(who, True) is not None

    def run(self, scenario, who):
        """The figures of one run."""
        return figures_of(*self.command(scenario, who))

    def command(self, scenario, who):
        """The command line of one run, and its environment."""
        entry = scenario.entries[who]
        line = self.launcher(scenario) + self.program(who) + [entry.scenario] + self.settings(scenario, who, entry)
        return line, {**os.environ, **self.variables(scenario, who, entry)}

    def program(self, who):
        peers = build.BENCHES / "peers"
        return {
            FLOOR: [str(build.BIN / "floor")],
            LIBCODEX: [str(build.BIN / "bench")],
            PYTHON: [str(self.python), str(peers / "python_peer.py")],
            TYPESCRIPT: [shutil.which("node") or "node", str(peers / "ts_peer.mjs")],
        }[who]

    def launcher(self, scenario):
        return [str(build.BIN / "launch")] if scenario.launch else []

    def settings(self, scenario, who, entry):
        settings = {"runtime": self.runtime(scenario, who), "count": entry.count, **entry.settings}
        if scenario.small_pipe:
            settings["pipe"] = 64 * 1024
        if who == TYPESCRIPT:
            settings["sdk"] = self.sdk
        pairs = [f"{name}={value}" for name, value in settings.items()]
        if scenario.needs == "real":
            pairs += [f"config={override}" for override in self.real.overrides]
        return pairs

    def runtime(self, scenario, who):
        if scenario.needs == "real":
            return self.real.runtime
        if who == TYPESCRIPT:
            return build.BIN / "fake-exec"
        return build.BIN / "small-pipe" if scenario.small_pipe else build.RELEASE / "fake-runtime"

    def variables(self, scenario, who, entry):
        if scenario.needs == "real":
            return self.real.variables
        if who == TYPESCRIPT:
            return {name: str(value) for name, value in scenario.exec_variables(entry.count).items()}
        script = self.script(scenario, entry.count)
        return {"FAKE_RUNTIME_SCRIPT": str(script), "SMALL_PIPE_RUNTIME": str(build.RELEASE / "fake-runtime")}

    def script(self, scenario, count):
        """The script's file, because Linux takes no long variable; written once."""
        path = self.scripts / f"{scenario.name}-{count}.json"
        if path not in self.written:
            path.write_text(json.dumps(scenario.script(count)))
            self.written.add(path)
        return path


class RealRuntime:
    """The real runtime, with a scripted model for it to talk to."""

    ANSWERS = 2000

    def __init__(self, runtime):
        self.runtime = runtime
        home, codex_home = build.STORE / "home", build.STORE / "codex-home"
        for directory in [home, codex_home]:
            directory.mkdir(parents=True, exist_ok=True)
        script = build.STORE / "model.json"
        script.write_text(json.dumps([{"text": ["Hello ", "there."]}] * self.ANSWERS))
        self.model = subprocess.Popen(
            [build.RELEASE / "scripted-model", "--script", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        address = self.model.stdout.readline().removeprefix("listening on ").strip()
        provider = (
            f'{{name="scripted", base_url="{address}", wire_api="responses", env_key="SCRIPTED_MODEL_KEY", '
            "request_max_retries=0, stream_max_retries=0, supports_websockets=false}"
        )
        self.overrides = [
            'model="gpt-5.5"',
            'model_provider="scripted"',
            f"model_providers.scripted={provider}",
            "features.shell_snapshot=false",
            "features.plugins=false",
        ]
        self.variables = {"HOME": str(home), "CODEX_HOME": str(codex_home), "SCRIPTED_MODEL_KEY": "unused"}
        self.read_executable()

    def read_executable(self):
        """The first start would else wait for the disk."""
        with open(self.runtime, "rb") as executable:
            while executable.read(1 << 20):
                pass

    def close(self):
        self.model.stdin.close()
        self.model.wait(10)


def find_real_runtime(named):
    if named:
        return Path(named)
    if os.environ.get("CODEX_PATH"):
        return Path(os.environ["CODEX_PATH"])
    return Path(build.command(build.ROOT / "scripts" / "runtime", "pinned").splitlines()[-1])
