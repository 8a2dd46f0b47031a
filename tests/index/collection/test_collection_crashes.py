"""Writers that are killed, and disks that fail: what was acknowledged is there, and what was deleted stays deleted.

benchmarks/live_kills.py does more of the same.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from collection_kills import kill_once


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.parametrize(
    ("acknowledgements", "what"),
    [(1, ()), (13, ()), (60, ()), (25, ("compact",)), (40, ("compact", "copy", "restore"))],
)
def test_killed_writers(tmp_path: Path, acknowledgements: int, what: tuple[str, ...]) -> None:
    found = kill_once(tmp_path / "collection", acknowledgements, acknowledgements, *what)
    assert found.acknowledged >= acknowledgements
