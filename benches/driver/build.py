"""Builds what is measured, and installs the peers."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BENCHES = ROOT / "benches"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute()
RELEASE = TARGET / "release"
STORE = TARGET / "bench"
BIN = STORE / "bin"
FLAGS = "-std=gnu11 -O2 -g -Wall -Wextra -Wpedantic -Werror".split()
BENCH_SOURCES = ["bench.c", "host.c", "streams.c", "calls.c", "event_loop.c", "memory.c", "measure.c"]
PYTHON_PEER = "openai-codex>=0.163,<0.164"
TYPESCRIPT_PEER = "@openai/codex-sdk@0.163"


def say(text):
    print(text, file=sys.stderr, flush=True)


def command(*arguments, **options):
    arguments = [str(argument) for argument in arguments]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(arguments)} failed:\n{done.stdout}")
    return done.stdout


def library():
    for name in ["libcodex.so", "libcodex.dylib"]:
        if (RELEASE / name).exists():
            return RELEASE / name
    sys.exit(f"There is no libcodex in {RELEASE}: run `make` first.")


def build_library():
    say("Building the library and the stand-ins ...")
    command("make", "build", cwd=ROOT)
    command("cargo", "build", "--release", "-p", "fake-runtime", "-p", "scripted-model", cwd=ROOT)


def compile_c(name, sources, flags=(), libraries=()):
    sources = [BENCHES / source for source in sources]
    command(os.environ.get("CC", "cc"), *FLAGS, *flags, *sources, "-o", BIN / name, *libraries, "-lpthread")


def build_programs():
    BIN.mkdir(parents=True, exist_ok=True)
    compile_c("bench", BENCH_SOURCES, ["-I", ROOT / "include"], ["-L", RELEASE, "-lcodex", f"-Wl,-rpath,{RELEASE}"])
    compile_c("floor", ["floor.c", "wire.c", "measure.c"])
    compile_c("launch", ["launch.c", "measure.c"])
    compile_c("fake-exec", ["fake_exec.c", "measure.c"])
    compile_c("small-pipe", ["small_pipe.c"])


def install_python_peer():
    """The interpreter that has the Python SDK."""
    home = STORE / "python"
    python = home / "bin" / "python"
    if not (home / "installed").exists():
        say(f"Installing {PYTHON_PEER} from PyPI into {home} ...")
        command(sys.executable, "-m", "venv", home)
        command(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PYTHON_PEER)
        (home / "installed").touch()
    return python


def install_typescript_peer():
    """The directory of the TypeScript SDK; None without Node.js."""
    home = STORE / "node"
    sdk = home / "node_modules" / "@openai" / "codex-sdk"
    if not (shutil.which("npm") and shutil.which("node")):
        say("npm or node is not on PATH: the TypeScript SDK is left out.")
        return None
    if not sdk.exists():
        say(f"Installing {TYPESCRIPT_PEER} from npm into {home} ...")
        home.mkdir(parents=True, exist_ok=True)
        # Its runtime is not needed: every run names the one to use.
        options = ["--no-audit", "--no-fund", "--omit=optional", "--loglevel=error", "--no-package-lock"]
        command("npm", "install", "--prefix", home, *options, TYPESCRIPT_PEER)
    return sdk


def library_size():
    """The size of the shared library without symbols, in bytes."""
    stripped = STORE / "stripped"
    strip = shutil.which("strip")
    if strip is None:
        return library().stat().st_size
    command(strip, "-o", stripped, library())
    return stripped.stat().st_size
