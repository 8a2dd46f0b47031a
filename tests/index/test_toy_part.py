"""A part that is added from outside: an entry in the registry is all that it takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from index_oracle import random_vectors
from index_tampering import edit_array
from toys import Colours, Lengths, LengthsSettings

from lsr.cli.app import main
from lsr.core.documents import Document
from lsr.core.errors import IndexFormatError, InputError
from lsr.index import Index, IndexBuilder, IndexSettings, prune_index, verify
from lsr.index.format.arrays import write_array
from lsr.index.parts.adding import PartWriter
from lsr.index.parts.registry import PARTS
from lsr.vectors.pruning import TopK

Build = Callable[..., Index]
DOCUMENTS = 300


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> Lengths:
    lengths = Lengths()
    monkeypatch.setitem(PARTS, "lengths", lengths)
    monkeypatch.setitem(PARTS, "colours", Colours())
    return lengths


def documents() -> list[Document]:
    return [Document(f"d{row}", "x" * row) for row in range(DOCUMENTS)]


def built(path: Path, settings: IndexSettings | None = None) -> Index:
    with IndexBuilder(
        path, dim=60, settings=settings or IndexSettings(parts={"lengths": LengthsSettings(50)})
    ) as builder:
        vectors = random_vectors(DOCUMENTS, 60)
        for first in range(0, DOCUMENTS, 70):
            builder.add(vectors[first : first + 70], documents()[first : first + 70])
        finished: list[int] = []
        index = builder.finish(progress=finished.append)
    assert sum(finished) == DOCUMENTS
    return index


def coloured(index: Index) -> Index:
    with PartWriter(index.path, index.manifest.segment, "colours") as part:
        write_array(part.folder / "colours.npy", (np.arange(len(index)) % 7).astype(np.uint8))
        part.publish({"by": "hand"})
    return Index.open(index.path)


def test_it_is_built_opened_warmed_up_and_counted(tmp_path: Path, registered: Lengths) -> None:
    index = coloured(built(tmp_path / "index"))
    assert list(index.parts)[-2:] == ["lengths", "colours"] and "late" not in index.parts
    texts, terms = index.parts["lengths"]
    assert texts.tolist() == [min(row, 50) for row in range(DOCUMENTS)]
    assert terms.tolist() == [len(index.vector(row)[0]) for row in range(DOCUMENTS)]
    assert index.parts["colours"].tolist() == [row % 7 for row in range(DOCUMENTS)]
    index.sparse.warm_up()
    assert registered.warmed == ["lengths"]
    described = index.describe()
    assert described["parts"]["colours"] == {"by": "hand"} and described["settings"]["parts"]["lengths"] == {"most": 50}
    assert described["bytes"]["lengths"] == 2 * (128 + 4 * DOCUMENTS)
    assert described["bytes"]["colours"] == 128 + DOCUMENTS
    assert described["bytes"]["total"] == sum(path.stat().st_size for path in index.path.rglob("*") if path.is_file())


def test_its_stream_refuses_documents_before_anything_is_written(tmp_path: Path) -> None:
    with IndexBuilder(tmp_path / "index", dim=60, settings=IndexSettings(parts={"lengths": {}})) as builder:
        vectors = random_vectors(2, 60)
        with pytest.raises(InputError, match="not wanted"):
            builder.add(vectors, [Document("d0", ""), Document("d1", "refused")])
        builder.add(vectors, [Document("d0", "a"), Document("d1", "ab")])
        assert builder.finish().parts["lengths"][0].tolist() == [1, 2]


def test_damage_is_found(tmp_path: Path) -> None:
    index = coloured(built(tmp_path / "index"))
    assert verify(index.path) == []
    part = index.segments[0].part_folder("colours") / "colours.npy"
    whole = part.read_bytes()
    part.write_bytes(whole[:-1] + bytes([200]))
    (problem,) = verify(index.path)
    assert "colours.npy: expected CRC-32" in problem and "(the colours part; searches without it" in problem
    part.write_bytes(whole[:-1])
    with pytest.raises(
        IndexFormatError, match=r"colours\.npy: expected 428 bytes, found 427; add the colours part again"
    ):
        _ = Index.open(index.path).parts["colours"]
    part.write_bytes(whole)
    edit_array(index, "lengths_vectors.npy", lambda values: values.__setitem__(3, 99))
    (problem,) = verify(index.path)
    assert problem.endswith("lengths_vectors.npy: not the lengths of the vectors")


def test_it_is_written_again_or_carried_over_when_the_index_is_pruned(tmp_path: Path) -> None:
    index = coloured(built(tmp_path / "index"))
    pruned = prune_index(index, tmp_path / "pruned", TopK(3))
    texts, terms = pruned.parts["lengths"]
    assert texts.tolist() == index.parts["lengths"][0].tolist()
    assert terms.tolist() == np.minimum(index.parts["lengths"][1], 3).tolist()
    assert pruned.parts["colours"].tolist() == index.parts["colours"].tolist()
    assert verify(pruned.path) == []


def test_people_see_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    coloured(built(tmp_path / "index"))
    shown = []
    for options in ((), ("--json",)):
        monkeypatch.setattr("sys.argv", ["lsr", "inspect", str(tmp_path / "index"), *options])
        with pytest.raises(SystemExit, match="0"):
            main()
        shown.append(capsys.readouterr().out)
    assert "how long the documents are" in shown[0] and "what colour each document has" in shown[0]
    assert json.loads(shown[1])["space"]["lengths"]["bytes_per_document"] > 8


def test_an_index_without_it(tmp_path: Path) -> None:
    index = built(tmp_path / "index", IndexSettings())
    assert "lengths" not in index.parts and index.describe()["bytes"]["lengths"] == 0
    with pytest.raises(
        InputError, match=r"has no lengths part; build it with the part lengths \(parts=\{\"lengths\": Le"
    ):
        _ = index.parts["lengths"]
    with pytest.raises(InputError, match="has no colours part; add the colours part"):
        _ = index.parts["colours"]
    with pytest.raises(InputError, match="has no weather part"):
        _ = index.parts["weather"]


def test_a_later_lsr_s_parts_are_not_misread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is not known may say which documents are deleted; a part that was added is left alone."""
    plain, full = coloured(built(tmp_path / "plain", IndexSettings())), built(tmp_path / "full")
    monkeypatch.delitem(PARTS, "colours")
    monkeypatch.delitem(PARTS, "lengths")
    with pytest.raises(
        IndexFormatError, match=r"lengths_texts\.npy: of a part that this lsr does not know .* use the ver"
    ):
        Index.open(full.path)
    assert any("lengths_vectors.npy: of a part that this lsr does not know" in each for each in verify(full.path))
    opened = Index.open(plain.path)
    assert "colours" not in opened.parts and verify(plain.path) == [] and len(opened.search([1], [1.0])) == 10
    assert opened.describe()["bytes"]["colours"] == 128 + DOCUMENTS
    with pytest.raises(IndexFormatError, match=r"colours part .* is of a kind that this lsr does not know"):
        _ = opened.parts["colours"]
    with pytest.raises(IndexFormatError, match="does not know"):
        prune_index(opened, tmp_path / "pruned", TopK(3))
    assert not (tmp_path / "pruned").exists()
    part = opened.segments[0].part_folder("colours") / "colours.npy"
    part.write_bytes(part.read_bytes()[:-1])
    assert "colours.npy: expected" in verify(plain.path)[0]


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"weather": {}}, "no part 'weather' is built on request; there are seismic, bmp, lengths"),
        ({"colours": {}}, "no part 'colours' is built on request"),
        ({"ids": {}}, "no part 'ids' is built on request"),
        ({"lengths": {"least": 1}}, "settings of lengths: .* 'least'"),
    ],
)
def test_settings_of_parts_that_there_are_not(tmp_path: Path, parts: dict, says: str) -> None:
    with pytest.raises(InputError, match=says):
        IndexBuilder(tmp_path / "index", dim=60, settings=IndexSettings(parts=parts))
    assert not (tmp_path / "index").exists()


def test_settings_of_parts_as_a_record() -> None:
    settings = IndexSettings(parts={"lengths": LengthsSettings(7)})
    assert settings == IndexSettings.from_record(settings.to_record()) == IndexSettings(parts={"lengths": {"most": 7}})
    assert "parts" not in IndexSettings().to_record()
    with pytest.raises(InputError, match="given as seismic"):
        IndexSettings(parts={"seismic": {}})
