"""What a second user of a machine meets: files that may not be read, and folders of compiled code of somebody else."""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from lsr import Index, SparseEncoder
from lsr.core import jit
from lsr.core.errors import ModelError
from lsr.index import verify

SECOND, THIRD = 65534, 65533
MODEL = Path(__file__).parents[1] / "golden" / "encoders" / "splade" / "model"
KERNEL = "from lsr.core.jit import kernel\n\n\n@kernel\ndef twice(number):\n    return 2 * number\n"
HINT = "compiled kernels cannot be cached, so every start compiles them again: "

pytestmark = pytest.mark.skipif(not hasattr(os, "seteuid"), reason="users are told apart in another way here")
of_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be another user")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may read, which pytest's own are not."""
    made = Path(tempfile.mkdtemp(prefix="another-user-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@contextmanager
def another_user() -> Iterator[None]:
    """Be one who owns nothing; whoever is not root stays who they are, and may not read a file without modes either."""
    if os.geteuid() != 0:
        yield
        return
    os.setegid(SECOND)
    os.seteuid(SECOND)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def test_a_file_of_an_index_that_may_not_be_read_is_not_called_damaged(folder: Path, toy_index: Path) -> None:
    shutil.copytree(toy_index, folder / "index")
    assert Index.open(folder / "index").documents.get("glacier").id == "glacier" and verify(folder / "index") == []
    [file] = folder.rglob("documents.arrow")
    file.chmod(0)
    with another_user():
        with pytest.raises(PermissionError, match=r"documents\.arrow"):
            Index.open(folder / "index").documents.get("glacier")
        with pytest.raises(PermissionError, match=r"documents\.arrow"):
            verify(folder / "index")


def test_weights_that_may_not_be_read_are_not_called_missing(folder: Path) -> None:
    shutil.copytree(MODEL, folder / "model")
    SparseEncoder.load(folder / "model", max_length=16)
    file = folder / "model" / "model.safetensors"
    file.chmod(0)
    with another_user(), pytest.raises(ModelError, match=rf"{file} cannot be read: Permission denied"):
        SparseEncoder.load(folder / "model", max_length=16)


def compiled(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Compile a kernel with a cache folder, and call it."""
    source = folder / "kernels_of_a_test.py"
    source.write_text(KERNEL)
    monkeypatch.setenv("LSR_CACHE_DIR", str(cache))
    monkeypatch.setattr(jit, "_unkept", [])
    spec = importlib.util.spec_from_file_location("kernels_of_a_test", source)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with another_user():
        spec.loader.exec_module(module)
        return int(module.twice(4))


@of_root
@pytest.mark.parametrize(
    ("owner", "mode", "said"),
    [
        (SECOND, 0o755, None),
        (SECOND, 0o700, None),
        (0, 0o755, "Permission denied"),  # nothing there yet, and it may not be made
        (0, 0o700, "Permission denied"),
        (THIRD, 0o755, "belongs to another user, whose code would be run; set LSR_CACHE_DIR to a folder of yours"),
        (THIRD, 0o777, "belongs to another user, whose code would be run; set LSR_CACHE_DIR to a folder of yours"),
        (0, 0o777, "and their code would be run; take that from them: chmod go-w "),
        (SECOND, 0o777, "and their code would be run; take that from them: chmod go-w "),
        (SECOND, 0o500, "Permission denied"),
    ],
)
def test_a_second_user_keeps_kernels_of_their_own_or_none(
    folder: Path,
    owner: int,
    mode: int,
    said: str | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # What the compiler imports is there before the user changes: the interpreter may be one of root's alone.
    (folder / "first").mkdir(mode=0o700)
    assert compiled(folder, folder / "first", monkeypatch) == 8
    caplog.clear()
    cache = folder / "cache"
    cache.mkdir()
    os.chown(cache, owner, owner)
    cache.chmod(mode)
    with caplog.at_level(logging.WARNING, "lsr.index"):
        assert compiled(folder, cache, monkeypatch) == 8
    lines = [record.getMessage() for record in caplog.records if record.name == "lsr.index"]
    kept = list(cache.rglob("*.nbc"))
    if said is None:
        assert lines == [] and [path.stat().st_uid for path in kept] == [SECOND]
        assert all(not path.stat().st_mode & 0o022 for path in [cache, *cache.rglob("*")])
    else:
        [line] = lines
        assert line.startswith(HINT) and said in line and "\n" not in line and kept == []


@of_root
def test_what_root_compiles_is_read_by_others_and_not_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys.modules[__name__], "another_user", nullcontext)
        assert compiled(folder, folder / "cache", patch) == 8
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.nb?")}
    with caplog.at_level(logging.WARNING, "lsr.index"):
        assert compiled(folder, folder / "cache", monkeypatch) == 8
    assert before and {path: path.stat().st_mtime_ns for path in folder.rglob("*.nb?")} == before
    assert caplog.records == []
