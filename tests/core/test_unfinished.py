"""Outputs of a command that was killed once they were in place, and what else a kill leaves behind."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lsr.core import unfinished
from lsr.core.errors import OutputExistsError
from lsr.core.files import atomic_file, atomic_folder, check_output, naming, scratch_folder
from lsr.core.places import beside, is_kept_inside, named
from lsr.core.unfinished import announce, begin_command, end_command


@pytest.fixture(autouse=True)
def command() -> Iterator[None]:
    begin_command(["encode", "corpus"])
    yield
    end_command(well=False)


def write(path: Path, content: str) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text(content)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_same_command_replaces_what_it_published_before_it_was_killed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    announce(out)
    write(out, "a")
    assert names(tmp_path) == [".out.command", "out"]
    begin_command(["encode", "corpus"])
    with pytest.raises(OutputExistsError):  # it was not to be made
        check_output(out)
    announce(out)
    write(out, "b")
    end_command(well=True)
    assert names(tmp_path) == ["out"] and out.read_text() == "b"


def test_another_command_or_another_file_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    announce(out)
    write(out, "a")
    begin_command(["encode", "another"])
    announce(out)
    with pytest.raises(OutputExistsError):
        check_output(out)
    begin_command(["encode", "corpus"])
    announce(out)
    check_output(out)
    out.unlink()
    out.write_text("theirs")
    with pytest.raises(OutputExistsError):
        check_output(out)
    (tmp_path / ".out.command").write_text("rubbish")
    with pytest.raises(OutputExistsError):
        check_output(out)


def test_python_marks_nothing(tmp_path: Path) -> None:
    end_command(well=True)
    announce(tmp_path / "out")
    write(tmp_path / "out", "a")
    assert names(tmp_path) == ["out"] and not unfinished.is_unfinished(tmp_path / "out", unfinished.file_identity)


@pytest.mark.parametrize("left", ["file", "folder", "link"])
def test_what_a_killed_writer_left_is_replaced(tmp_path: Path, left: str) -> None:
    for name in ("a", "b"):
        stale = tmp_path / f".{name}.tmp"
        if left == "file":
            stale.write_text("stale")
        elif left == "folder":
            (stale / "inner").mkdir(parents=True)
        else:
            stale.symlink_to(tmp_path)
    write(tmp_path / "a", "new")
    with atomic_folder(tmp_path / "b") as temporary:
        assert names(temporary) == []
    assert names(tmp_path) == ["a", "b"] and (tmp_path / "a").read_text() == "new"


def test_a_folder_moved_aside_by_a_killed_writer_is_put_back(tmp_path: Path) -> None:
    aside = tmp_path / ".model.old"
    aside.mkdir()
    (aside / "weights").touch()
    with pytest.raises(OutputExistsError), atomic_folder(tmp_path / "model"):
        pass
    assert names(tmp_path) == ["model"] and names(tmp_path / "model") == ["weights"]


def test_two_writers_of_one_file(tmp_path: Path) -> None:
    with (
        atomic_file(tmp_path / "out"),
        pytest.raises(OutputExistsError, match="another process is writing it"),
        atomic_file(tmp_path / "out"),
    ):
        pass
    with (
        scratch_folder(tmp_path / "work") as work,
        pytest.raises(OutputExistsError, match="another process is writing it"),
        scratch_folder(work),
    ):
        pass
    assert names(tmp_path) == ["out"]


def test_the_current_folder_is_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "thesis.tex").touch()
    for path in (".", "..", tmp_path.parent):
        with pytest.raises(OutputExistsError, match="current folder"), atomic_folder(path, force=True):
            pass
    with pytest.raises(OutputExistsError, match="is a folder, where a file"), atomic_file(".", force=True):
        pass
    assert names(tmp_path) == ["thesis.tex"]


def test_a_full_disk_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full") as raised, atomic_file(tmp_path / "out"):
        raise OSError(errno.ENOSPC, "full")
    assert raised.value.filename == str(tmp_path / "out") and names(tmp_path) == []
    with pytest.raises(OSError, match="gone") as raised, atomic_file(tmp_path / "out"):
        raise OSError(errno.ENOENT, "gone")  # of something that is read
    assert raised.value.filename is None


def test_a_copy_to_a_full_disk_names_what_is_written_and_not_what_is_read(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full") as raised, naming(tmp_path):
        raise OSError(errno.ENOSPC, "full", "read", None, "written")  # as of shutil
    assert (raised.value.filename, raised.value.filename2) == ("written", None)
    with pytest.raises(FileNotFoundError) as missing, naming(tmp_path):
        shutil.copyfile(tmp_path / "none", tmp_path / "copy")
    assert missing.value.filename == str(tmp_path / "none")


def test_work_is_kept_inside_a_folder_whose_parent_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert beside(tmp_path / "index", "encoding") == tmp_path / "index.encoding"
    mount = tmp_path / "mount"
    mount.mkdir()
    assert beside(mount, "dense") == tmp_path / "mount.dense"
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    assert beside(mount, "dense") == mount / ".dense" and is_kept_inside(".dense.lock")
    assert not is_kept_inside("manifest.json") and not is_kept_inside(".densely")
    monkeypatch.chdir(mount)
    assert beside(".", "late") == mount / ".late" and named("..") == tmp_path
