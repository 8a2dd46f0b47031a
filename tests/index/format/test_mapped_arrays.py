"""Arrays that are mapped for writing."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from lsr.index.format.arrays import new_array, open_array


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system reserves no room for files")
def test_an_array_that_is_mapped_for_writing_has_its_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a full disk would be noticed by the map, which ends the process, and not by a call, which fails."""
    values = new_array(tmp_path / "a.npy", np.uint8, 1 << 20)
    assert (tmp_path / "a.npy").stat().st_blocks * 512 >= 1 << 20
    values[:] = 7
    del values
    assert open_array(tmp_path / "a.npy", np.uint8, 1 << 20).max() == 7

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        new_array(tmp_path / "b.npy", np.uint8, 1 << 20)
