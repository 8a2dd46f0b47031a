"""What loading the client costs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

HEAVY = ("numpy", "torch", "numba", "pyarrow", "scipy", "transformers", "fastapi", "pydantic", "pandas")


def run(script: str) -> Any:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_client_loads_nothing_heavy() -> None:
    """Neither when it is imported nor when it asks; it takes the processor less time than httpx itself."""
    found = run(
        "import json, sys\n"
        "from time import process_time as now\n"
        "from lsr.core.errors import LsrError\n"
        "start = now(); import httpx; theirs = now() - start\n"
        "start = now(); import lsr.client; ours = now() - start\n"
        "client = lsr.client.Client('http://127.0.0.1:9', retries=0)\n"
        "try: client.collection('birds').search('terns', mode='hybrid', filter='year >= 2020', facets='tags')\n"
        "except LsrError as error: said = str(error)\n"
        f"print(json.dumps([[name for name in {HEAVY!r} if name in sys.modules], ours < theirs, said]))"
    )
    heavy, quick, said = found
    assert heavy == []
    assert quick
    assert said.startswith("cannot reach http://127.0.0.1:9 (")


def test_without_httpx_it_is_said_what_to_install() -> None:
    said = run(
        "import json, sys\n"
        "sys.modules['httpx'] = None\n"
        "from lsr.core.errors import MissingDependencyError\n"
        "try: from lsr.client import Client\n"
        "except MissingDependencyError as error: print(json.dumps(str(error)))"
    )
    assert said == "a client needs httpx, which is not installed: pip install 'lsr-engine[client]'"
