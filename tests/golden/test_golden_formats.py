"""An index of a format that is not read is refused by name, and a damaged one is never misread."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from answers import HERE, Opened, compare, compare_sums
from faces import Index, IndexFormatError, InputError, LsrError, SparseEncoder, TrainingSet, facts, verify

PLAIN = HERE / "index/format-3/plain"
OLDEST = HERE / "index/format-1/plain/index"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PLAIN / "index", tmp_path / "index"))


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


@pytest.mark.parametrize("version", [4, 99, 0, "3", None, [3]])
def test_an_unknown_format_is_refused_by_name(index: Path, version: object) -> None:
    edit(index / "manifest.json", format_version=version)
    with pytest.raises(IndexFormatError, match="index format") as refused:
        Index.open(index)
    message = str(refused.value)
    assert f"index format {version}" in message and "written by lsr 0.1.0" in message
    assert "build the index again" in message
    assert ("install a newer lsr" in message) == (version in (4, 99))
    assert [message] == verify(index)


def test_the_first_format_is_refused_by_name() -> None:
    with pytest.raises(IndexFormatError, match=r"index format 1, written by lsr 0\.1\.0.*build the index again"):
        Index.open(OLDEST)
    assert len(verify(OLDEST)) == 1


def test_no_changed_manifest_is_misread(index: Path) -> None:
    manifest = index / "manifest.json"
    whole, expected = manifest.read_bytes(), facts(Index.open(index))
    refused = 0
    for place in range(0, len(whole), len(whole) // 150):
        for changed in (whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :], whole[:place]):
            manifest.write_bytes(changed)
            try:
                found = facts(Index.open(index))
            except IndexFormatError:
                refused += 1
                assert verify(index)
            else:  # white space
                compare(found, expected, exact=True)
    assert refused > 250


@pytest.mark.parametrize("name", ["format-2/blocks", "format-3/plain", "format-3/bits-16", "format-3/windows-sum"])
def test_no_changed_file_is_misread(name: str, tmp_path: Path) -> None:
    index = Path(shutil.copytree(HERE / "index" / name / "index", tmp_path / "index"))
    assert verify(index) == []
    files = [path for path in sorted(index.rglob("*")) if path.is_file() and path.name != "manifest.json"]
    assert len(files) > 15
    for path in files:
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert any(path.name in problem for problem in verify(index)), path
        path.write_bytes(content[:-1])
        if path.parent.parent == index:
            with pytest.raises(IndexFormatError, match=path.name):
                Index.open(index)
        assert any(path.name in problem for problem in verify(index)), path
        path.unlink()
        assert any(path.name in problem for problem in verify(index)), path
        path.write_bytes(content)
    assert verify(index) == []


@pytest.mark.parametrize("part", ["dense", "late"])
def test_a_damaged_part_leaves_sparse_search_as_it_was(part: str, tmp_path: Path) -> None:
    golden = HERE / "index/format-3/hybrid"
    index = Path(shutil.copytree(golden / "index", tmp_path / "index"))
    [folder] = index.glob(f"segment-*/{part}-*")
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    assert verify(index)
    opened = Opened(index)
    written = json.loads((golden / "answers.json").read_text(encoding="utf-8"))
    kinds = set()
    for each in written["searches"]:
        call = each["call"]
        if call["by"] == "index":
            compare_sums(opened.ask(call), each["answer"], written, str(call))
        elif call["by"] != "text" and (call["by"] == "late") == (part == "late"):
            with pytest.raises(LsrError, match=f"add the {part} part again"):
                opened.ask(call)
        kinds.add(call["by"])
    assert {"index", "retriever", "late"} <= kinds


def test_models_and_training_sets_of_a_newer_version_are_refused(tmp_path: Path) -> None:
    model = Path(shutil.copytree(HERE / "encoders/doc/model", tmp_path / "model"))
    edit(model / "lsr_config.json", lsr_config=2)
    with pytest.raises(LsrError, match=r"version 2.*install a newer"):
        SparseEncoder.load(model)
    training = Path(shutil.copytree(HERE / "training/set", tmp_path / "set"))
    edit(training / "manifest.json", version=2)
    with pytest.raises(InputError, match="version 2"):
        TrainingSet.open(training)
