"""Files mapped without a descriptor."""

from __future__ import annotations

import errno
import gc
import os
from pathlib import Path

import pytest

from lsr.core.mapping import map_file


def test_a_mapping_outlives_its_name_and_keeps_no_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"held" * 5000)
    before = len(list(Path("/proc/self/fd").iterdir()))
    part = map_file(path)[4:8]
    path.unlink()
    gc.collect()
    assert part.tobytes() == b"held" and not part.flags.writeable
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert len(map_file(tmp_path / "file")) == 0


def test_links_pipes_and_folders_are_refused_without_waiting(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    for name, code in (("link", errno.ELOOP), ("pipe", errno.EINVAL), (".", errno.EINVAL)):
        with pytest.raises(OSError) as raised:
            map_file(tmp_path / name)
        assert raised.value.errno == code
    assert map_file(tmp_path / "link", follow=True).tobytes() == b"content"
