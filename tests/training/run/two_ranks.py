"""A script in two processes that train together, as `torchrun` starts them."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path


def run_on_two_ranks(commands: Path, script: Path, *arguments: Path) -> None:
    """Run a script with these arguments on both; AssertionError shows what one has printed that fails."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    with tempfile.TemporaryFile("w+") as said:
        ranks = [
            subprocess.Popen(
                [commands / "python", script, *arguments],
                env=os.environ | address | {"WORLD_SIZE": "2", "RANK": str(rank), "LOCAL_RANK": str(rank)},
                stdout=said,
                stderr=said,
            )
            for rank in range(2)
        ]
        while None in (codes := [rank.poll() for rank in ranks]):
            if any(codes):  # the other waits for it
                for rank in ranks:
                    rank.kill()
            time.sleep(0.02)
        said.seek(0)
        assert codes == [0, 0], said.read()[-3000:]
