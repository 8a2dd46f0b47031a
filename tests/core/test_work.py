"""The folder of interrupted work: kept when there is something to resume, refused where it does not fit."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lsr.core.errors import InputError, OutputExistsError
from lsr.core.remedies import RESTART
from lsr.core.work import WorkFolder


class Stopped(Exception):
    pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "made.work"


def interrupt(folder: Path, *, begun: bool = True, error: type[Exception] = Stopped) -> None:
    with pytest.raises(error), WorkFolder(folder, {"a": 1}, hopeless=(InputError,)) as work:
        assert not work.begun
        (folder / "piece").touch()
        work.begun = begun
        raise error("stopped")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_work_that_is_done_leaves_nothing(folder: Path) -> None:
    with WorkFolder(folder, {"a": 1}) as work:
        assert work.folder == folder and json.loads((folder / "state.json").read_text()) == {"a": 1}
        (folder / "inner").mkdir()
        (folder / "inner" / "piece").touch()
    assert names(folder.parent) == []


def test_interrupted_work_is_kept_and_gone_on_with(folder: Path) -> None:
    interrupt(folder)
    assert names(folder.parent) == ["made.work"]
    with WorkFolder(folder, {"a": 1}) as work:
        assert work.begun and names(folder) == ["piece", "state.json"]
    # What the next run finds it may leave as it is: it does not have to say that something is there.
    interrupt(folder)
    with pytest.raises(Stopped), WorkFolder(folder, {"a": 1}):
        raise Stopped
    assert names(folder) == ["piece", "state.json"]


@pytest.mark.parametrize("options", [{"begun": False}, {"error": InputError}])
def test_what_is_not_worth_going_on_with_is_removed(folder: Path, options: dict) -> None:
    interrupt(folder, **options)
    assert names(folder.parent) == []


def test_other_settings_are_refused_with_what_differs(folder: Path) -> None:
    interrupt(folder)
    with pytest.raises(
        OutputExistsError, match=r"different settings \(a was 1, is \[2\], b was None, is 3\)"
    ) as raised:
        WorkFolder(folder, {"a": (2,), "b": 3}).__enter__()
    assert RESTART in raised.value.remedies and names(folder) == ["piece", "state.json"]
    with WorkFolder(folder, {"a": 2}, restart=True) as work:
        assert not work.begun and names(folder) == ["state.json"]


def test_settings_are_compared_as_json_has_them(folder: Path) -> None:
    settings = {"lengths": (1, 2), "names": {1: "one"}}
    with pytest.raises(Stopped), WorkFolder(folder, settings) as work:
        work.begun = True
        raise Stopped
    with WorkFolder(folder, settings):
        pass


def test_a_folder_of_other_files_is_never_touched(folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.tex").touch()
    for restart in (False, True):
        with pytest.raises(OutputExistsError, match="contains other files"):
            WorkFolder(folder, {}, restart=restart).__enter__()
    assert names(folder) == ["thesis.tex"] and names(folder.parent) == ["made.work"]


def test_a_removal_or_a_beginning_that_was_killed_is_in_nobodys_way(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(folder)

    def killed(path: Path) -> None:
        raise OSError("killed")

    with monkeypatch.context() as context:
        context.setattr(Path, "unlink", lambda path, missing_ok=False: killed(path) if path.name == "piece" else None)
        with WorkFolder(folder, {"a": 1}):
            pass
    assert (folder / "piece").exists() and json.loads((folder / "state.json").read_text()) is None
    with WorkFolder(folder, {"a": 2}) as work:
        assert not work.begun and names(folder) == ["state.json"]
    folder.mkdir()
    (folder / ".state.json.0a1b2c3d.tmp").touch()
    with WorkFolder(folder, {"a": 2}) as work:
        assert not work.begun and names(folder) == ["state.json"]


def test_two_processes_do_not_share_a_folder(folder: Path) -> None:
    code = f"""
from lsr.core.work import WorkFolder
from lsr.core.errors import OutputExistsError
try:
    WorkFolder({str(folder)!r}, {{"a": 1}}).__enter__()
except OutputExistsError as error:
    print(error)
"""
    other: Callable[[], str] = lambda: subprocess.check_output([sys.executable, "-c", code], text=True)  # noqa: E731
    with WorkFolder(folder, {"a": 1}):
        assert "another process is working" in other()
    assert other() == ""
