"""What the documentation's examples and snippets are run with."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from lsr.demo.collection import write_collection

# Few documents and many questions, so that what takes `lsr demo` two minutes takes a second.
MODULES = ("csv", "glob", "heapq", "json", "secrets", "shutil", "textwrap")


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
