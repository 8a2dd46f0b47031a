"""A server in a process of its own, killed and stopped under load: a few times of benchmarks/service_kills.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from killed_server import Killing
from stopped_server import stop_once


@pytest.mark.process
@pytest.mark.slow
def test_nothing_acknowledged_is_lost_and_nothing_is_half_made(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    killing = Killing(tmp_path / "root", tmp_path / "log", seed=1)
    for activity in ("create and delete", "alias", "restore"):
        assert killing.once(activity, 60) == []
    assert killing.acknowledged >= 60


@pytest.mark.process
@pytest.mark.slow
def test_what_is_there_is_what_several_clients_have_written(tmp_path: Path) -> None:
    """Beside a job: each client's part of a dictionary, document by document, and all of them counted."""
    (tmp_path / "root").mkdir()
    assert Killing(tmp_path / "root", tmp_path / "log", seed=2).once("reindex", 300, kills=False) == []


@pytest.mark.process
@pytest.mark.slow
def test_a_server_that_is_stopped_answers_what_was_sent_before(tmp_path: Path) -> None:
    stopped = stop_once(tmp_path / "root", tmp_path / "log", seed=1)
    assert stopped.sent > 0 and stopped.problems == []
