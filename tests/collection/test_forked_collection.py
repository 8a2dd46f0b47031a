"""A collection in a fork of the process that opened it is searched, and waits for no thread that is not there."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from lsr import Collection, Document
from lsr.core.errors import LogStoppedError


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_of_the_writer_is_told(tmp_path: Path) -> None:
    told = tmp_path / "told"
    with Collection.create(tmp_path / "birds", model="bm25") as birds:
        birds.add([Document("owl", "Owls hunt.")])
        child = os.fork()
        if child == 0:
            signal.alarm(300)  # a child that waits for ever ends, and the test fails
            try:
                assert [hit.id for hit in birds.search("owls")] == ["owl"]
                for call in (
                    birds.compact,
                    birds.wait,
                    lambda: birds.add([Document("b", "x")]),
                    lambda: birds.delete("owl"),
                ):
                    with pytest.raises(LogStoppedError, match="open the collection in this process"):
                        call()
                birds.close()
                told.write_text("and closed")
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert told.exists()
        birds.add([Document("tern", "Terns migrate.")])
    with Collection(tmp_path / "birds") as again:
        assert sorted(document.id for document in again.scan()) == ["owl", "tern"]
