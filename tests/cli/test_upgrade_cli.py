"""`lsr upgrade`: an index that an older lsr made, brought up to date."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import lsr.index.format.manifest
from lsr.core.errors import IndexFormatError
from lsr.core.remedies import upgrade
from lsr.index import Index, upgrade_index, verify
from lsr.index.format.manifest import FROZEN_VERSION
from lsr.index.format.output import lock_folder

Run = Callable[..., tuple[int, str, str]]
GOLDEN = Path(__file__).parents[1] / "golden" / "index"


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """An index of format 2, as lsr wrote it then."""
    return Path(shutil.copytree(GOLDEN / "format-2/blocks/index", tmp_path / "old"))


def test_the_manifest_alone_is_rewritten(run: Run, old: Path) -> None:
    before, opened = tree(old), Index.open(old)
    query = (np.arange(20), np.linspace(0.5, 1, 20))
    code, out, err = run("upgrade", "old")
    assert (code, out) == (0, "") and "old: from format 2 to format 3" in err
    after = tree(old)
    record, earlier = (json.loads(files.pop("manifest.json")) for files in (after, before))
    assert after == before and verify(old) == [] and record["format_version"] == FROZEN_VERSION
    changed = {name for name in earlier if record[name] != earlier[name]}
    assert changed == {"format_version", "crc32"}
    upgraded = Index.open(old)
    assert upgraded.sparse.tunings == opened.sparse.tunings and len(upgraded.sparse.tunings) == 1
    for mode in opened.sparse.modes:
        found, expected = upgraded.search(*query, mode=mode), opened.search(*query, mode=mode)
        assert found.ids == expected.ids and found.scores.tolist() == expected.scores.tolist() and found.ids

    code, out, err = run("upgrade", "old")
    assert (code, out) == (0, "") and "already in format 3, so there is nothing to do" in err
    assert json.loads(tree(old)["manifest.json"]) == record


def test_json(run: Run, old: Path) -> None:
    code, out, err = run("upgrade", "old", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"index": "old", "format_before": 2, "format": 3, "changed": True}
    assert json.loads(run("upgrade", "old", "--json")[1])["changed"] is False


@pytest.mark.parametrize(
    ("version", "says"),
    [(5, "install a newer lsr"), (1, "build the index again"), ("x", "format 'x'")],
)
def test_other_formats_are_refused(run: Run, old: Path, version: object, says: str) -> None:
    manifest = old / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format_version": version}))
    before = tree(old)
    code, out, err = run("upgrade", "old")
    assert (code, out) == (2, "") and says in err and tree(old) == before


def test_the_first_format_is_refused(run: Run) -> None:
    code, _, err = run("upgrade", GOLDEN / "format-1/plain/index")
    assert code == 2 and "index format 1, written by lsr 0.1.0" in err and "build the index again" in err


def test_a_damaged_index_is_not_upgraded(run: Run, old: Path) -> None:
    [terms] = old.glob("segment-*/forward_terms.npy")
    terms.write_bytes(terms.read_bytes()[:-1])
    before = tree(old)
    code, _, err = run("upgrade", "old")
    assert code == 2 and "forward_terms.npy" in err and tree(old) == before
    code, _, err = run("upgrade", "nothing")
    assert code == 2 and "no index here" in err


def test_another_process_that_writes_is_not_disturbed(run: Run, old: Path) -> None:
    lock = lock_folder(old)
    before = tree(old)
    code, _, err = run("upgrade", "old")
    assert code == 2 and "another process is building" in err and tree(old) == before
    os.close(lock)
    assert run("upgrade", "old")[0] == 0


def test_a_format_that_is_no_longer_searched_names_the_command(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lsr.index.format.manifest, "_READABLE_VERSIONS", (FROZEN_VERSION,))
    with pytest.raises(IndexFormatError, match=r"index format 2.*bring it up to date") as raised:
        Index.open(old)
    assert raised.value.remedies == (upgrade(old),)
    assert upgrade_index(old).changed and len(Index.open(old)) == 72
