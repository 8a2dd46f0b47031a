"""Builds an index in a separate process, to measure and limit its memory; see scale.py."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from lsr.core.errors import LsrError
from lsr.eval.bench import BuiltIndex, Engine, LeftOut
from lsr.eval.bench.engines import LsrEngine, peer
from lsr.vectors.files import iter_vectors


def build_apart(
    engine: str, settings: dict[str, Any], documents: Path, folder: Path, threads: int, memory: float
) -> tuple[BuiltIndex, int]:
    """Build in the new `folder`, with at most `memory` bytes of address space per process.

    Returns the index and the peak of resident memory in bytes, mapped files included. Raises LeftOut, and leaves no
    folder, if it fails.
    """
    folder.mkdir(parents=True)
    wanted = {
        "engine": engine,
        "settings": settings,
        "documents": str(documents),
        "folder": str(folder),
        "threads": threads,
        "memory": int(memory),
    }
    done = subprocess.run([sys.executable, __file__, json.dumps(wanted)], capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"its process ended with code {done.returncode}"]
        raise LeftOut(lines[-1])
    found = json.loads(done.stdout.splitlines()[-1])
    return BuiltIndex(folder, found["bytes"], found["seconds"], found["facts"]), found["peak_bytes"]


def main() -> int:
    """Run in the new process: print one line of JSON."""
    wanted = json.loads(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (wanted["memory"], wanted["memory"]))
    engine: Engine = LsrEngine() if wanted["engine"] == LsrEngine.name else peer(wanted["engine"])
    documents = Path(wanted["documents"])
    dim = next(iter_vectors(documents, batch_rows=1)).dim
    try:
        built = engine.build(documents, dim, Path(wanted["folder"]), wanted["settings"], wanted["threads"])
    except (LeftOut, LsrError, MemoryError) as error:
        print(str(error) or "out of memory", file=sys.stderr)
        return 1
    print(json.dumps({"bytes": built.bytes, "seconds": built.seconds, "facts": built.facts, "peak_bytes": peak()}))
    return 0


def peak() -> int:
    """Peak resident memory in bytes of this process or of one that it started, such as a peer's build.

    Not `ru_maxrss` of this process: on Linux that starts from what the parent had when it started this one.
    """
    own = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return max(int(own.split()[1]), children) * 1024


if __name__ == "__main__":
    sys.exit(main())
