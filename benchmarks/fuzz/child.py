"""The process that cases run in: it reports each before it begins and when it has ended."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import traceback
from pathlib import Path

import numpy as np

from fuzz.frame import REFUSED, SOUND, Target
from fuzz.registry import TARGETS
from lsr.core.errors import LsrError

_KIB = 1024 if sys.platform != "darwin" else 1


def main(descriptor: int) -> None:
    """`child NAME SEED FIRST LAST FOLDER`: run cases FIRST … LAST - 1 in FOLDER, and report them there."""
    name, seed, first, last, folder = sys.argv[1:]
    report = os.fdopen(descriptor, "w")
    target = TARGETS[name]
    work = Path(folder) / "work"
    work.mkdir()
    # What hostile names lead to: beside the folder of the case, where nothing may change.
    (Path(folder) / "outside").mkdir()
    (Path(folder) / "outside" / "precious").write_text("precious")
    os.chdir(work)
    state = target.prepare(work)
    before, begun = _surroundings(Path(folder)), _peak()
    _limit(target.memory)
    for case in range(int(first), int(last)):
        print(json.dumps({"case": case}), file=report, flush=True)
        started = time.perf_counter()
        result, detail = _outcome(target, state, np.random.default_rng([int(seed), case]))
        seconds, grown = time.perf_counter() - started, _peak() - begun
        if _surroundings(Path(folder)) != before:
            result, detail = "outside", "a file outside was changed"
        if seconds > target.seconds:
            result, detail = "hang", f"{seconds:.0f} s"
        if grown > target.memory:
            result, detail = "memory", f"{grown >> 20} MiB"
        line = {"case": case, "result": result, "detail": detail, "seconds": seconds, "grown": grown}
        print(json.dumps(line), file=report, flush=True)
        if result in ("outside", "memory"):
            break  # the next case begins in a process of its own


def _outcome(target: Target, state: object, random: np.random.Generator) -> tuple[str, str]:
    try:
        target.case(state, random)
    except LsrError:
        return REFUSED, ""
    except MemoryError as error:
        return "memory", _where(error)
    except Exception as error:
        return "error", _where(error)
    return SOUND, ""


def _where(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "site-packages" not in frame.filename]
    at = ours[-1] if ours else last
    return f"{type(error).__name__} in {Path(at.filename).name}:{at.lineno} ({at.name}): {str(error)[:160]}"


def _limit(memory: int) -> None:
    """Let the process grow by twice what a case may take, so that a bomb is a MemoryError and not the machine's end."""
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (taken + 2 * memory, most))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB


def _surroundings(folder: Path) -> list[tuple[str, int, int]]:
    """Names, sizes and times of what lies outside of the folder of the cases."""
    found = []
    for entry in [*os.scandir(folder), *os.scandir(folder / "outside")]:
        if entry.name not in ("work", "outside"):
            status = entry.stat(follow_symlinks=False)
            found.append((entry.name, status.st_size, status.st_mtime_ns))
    return sorted(found)


if __name__ == "__main__":
    reports = os.dup(1)
    with Path(os.devnull).open("wb") as nothing:  # for whatever else is printed
        os.dup2(nothing.fileno(), 1)
    main(reports)
