"""Compiled code is loaded only from folders that nobody else may write to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lsr.core import owners

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no such owners here")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "cache" / "kernels"
    made.mkdir(parents=True)
    made.parent.chmod(0o755)
    made.chmod(0o755)
    return made


def be(monkeypatch: pytest.MonkeyPatch, user: int) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)


def test_ones_own_folder_is_trusted_and_one_that_is_not_there(folder: Path) -> None:
    (folder / "a.nbi").write_bytes(b"")
    assert owners.cache_doubt(folder) is None
    assert owners.kernels_doubt(folder) is None
    assert owners.cache_doubt(folder / "x" / "y") is None
    assert owners.kernels_doubt(folder / "x") is None


def test_roots_folder_is_trusted_by_all_and_that_of_another_user_by_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = folder.stat().st_uid
    be(monkeypatch, 4242)
    if own == 0:
        assert owners.cache_doubt(folder) is None
    be(monkeypatch, own + 1 if own else 4242)
    real = Path.stat

    def of_another(self: Path, **options: object) -> os.stat_result:
        found = list(real(self, **options))  # type: ignore[arg-type]
        found[4] = 1234
        return os.stat_result(found)

    monkeypatch.setattr(Path, "stat", of_another)
    for user in (0, 4242):
        be(monkeypatch, user)
        assert "belongs to another user" in str(owners.cache_doubt(folder))


@pytest.mark.parametrize("mode", [0o777, 0o757, 0o702])
def test_what_others_may_write_to_is_not_trusted(folder: Path, mode: int) -> None:
    folder.chmod(mode)
    assert "others may write" in str(owners.cache_doubt(folder))
    assert "others may write" in str(owners.kernels_doubt(folder))
    folder.chmod(0o755)
    folder.parent.chmod(mode)
    assert "others may write" in str(owners.cache_doubt(folder))
    folder.parent.chmod(0o1777)
    assert owners.cache_doubt(folder) is None, "nobody can rename another's folder in a sticky one"


def test_a_group_that_is_more_than_oneself_counts_as_others(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.chmod(0o775)
    monkeypatch.setattr(owners, "_is_own_group", lambda group: True)
    assert owners.cache_doubt(folder) is None
    monkeypatch.setattr(owners, "_is_own_group", lambda group: False)
    assert "chmod go-w" in str(owners.cache_doubt(folder))


def test_files_that_others_may_change_are_not_trusted_unless_nobody_comes_in(folder: Path) -> None:
    file = folder / "a.nbc"
    file.write_bytes(b"")
    file.chmod(0o666)
    assert str(file) in str(owners.kernels_doubt(folder))
    folder.chmod(0o700)
    assert owners.kernels_doubt(folder) is None


def test_what_root_keeps_is_for_all_to_read(folder: Path) -> None:
    made = folder / "kernels-of-a-file"
    made.mkdir(mode=0o700)
    (made / "a.nbi").write_bytes(b"")
    (made / "a.nbi").chmod(0o600)
    owners.share(made)
    assert made.stat().st_mode & 0o777 == 0o755 and (made / "a.nbi").stat().st_mode & 0o777 == 0o644
