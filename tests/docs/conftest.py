"""What the documentation's examples and snippets are run with."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch

from lsr.demo.collection import write_collection

# Few documents and many questions, so that what takes `lsr demo` two minutes takes a second.
MODULES = ("csv", "glob", "heapq", "json", "secrets", "shutil", "textwrap")


@pytest.fixture(scope="session")
def commands() -> Iterator[Path]:
    """A folder for PATH: `lsr` and `python`, which run in forks of one warm process."""
    server = Path(__file__).with_name("warm.py")
    # A socket's path must be short, which pytest's folders are not everywhere.
    with TemporaryDirectory(prefix="lsr-") as temporary:
        folder = Path(temporary)
        asked = [shlex.quote(str(part)) for part in (sys.executable, "-SE", server, folder / "socket")]
        for name, arguments in (("lsr", 'lsr "$@"'), ("python", '"$@"')):
            path = folder / name
            path.write_text(f"#!/bin/sh\nexec {' '.join(asked)} run {arguments}\n", encoding="utf-8")
            path.chmod(0o755)
        command = [sys.executable, str(server), str(folder / "socket")]
        # On busy cores a second OpenMP thread makes everything slower, several times.
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as warm:
            assert warm.stdout is not None
            assert warm.stdout.readline() == "ready\n"
            yield folder
            warm.terminate()


@pytest.fixture(scope="session")
def demo(commands: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `lsr demo` makes, with the documentation of a few modules in place of all. To copy from."""
    folder = write_collection(tmp_path_factory.mktemp("demo") / "lsr-demo", modules=MODULES)
    subprocess.run([commands / "lsr", "index", folder, "-o", folder / "index"], capture_output=True, check=True)
    return folder


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Encode on one core, as in the warm process."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
