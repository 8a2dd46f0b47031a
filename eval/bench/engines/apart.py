"""Calling a function in a separate process.

Engines build and search there: what they print stays out of our output, their thread pool gets the size that we want,
a panic or an out-of-memory kill ends only that process, and its memory is returned to the system.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from importlib import import_module
from typing import Any

from lsr.eval.bench.engines.contract import LeftOut


def call_apart(function: str, threads: int, **arguments: Any) -> Any:
    """Call `function`, named as "module:name", with these arguments in a new process; return its result.

    Arguments and result are values that can be pickled. Rust's thread pool (Rayon) has `threads` threads there. Raises
    LeftOut, with the last line of what the process wrote to stderr, if it fails.
    """
    done = subprocess.run(
        [sys.executable, "-m", "lsr.eval.bench.engines.apart", function],
        input=pickle.dumps(arguments),
        capture_output=True,
        env={**os.environ, "RAYON_NUM_THREADS": str(threads), "RUST_BACKTRACE": "0"},
    )
    if done.returncode < 0:
        raise LeftOut(f"its process was ended by {signal.Signals(-done.returncode).name}, often for lack of memory")
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise LeftOut(lines[-1] if lines else f"its process ended with code {done.returncode}")
    return pickle.loads(done.stdout)


def main() -> None:
    """Run in the new process: arguments from stdin, the result to stdout, anything printed meanwhile to stderr."""
    module, name = sys.argv[1].split(":")
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    result = getattr(import_module(module), name)(**pickle.load(sys.stdin.buffer))
    with answer:
        pickle.dump(result, answer)


if __name__ == "__main__":
    main()
