"""MS MARCO's own files of training data, and those made for it, under their names and in their forms."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from set_contents import with_ids, with_texts

from lsr.training.data import TrainingSet

Open = Callable[..., TrainingSet]

# Ids of the published files; the texts are short.
TEXTS = {"7349777": "stain removal", "2912791": "the president", "7282917": "a castle", "1150618": "a verb"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "msmarco"
    made.mkdir()
    (made / "collection.tsv").write_text("".join(f"{id}\t{text}\n" for id, text in TEXTS.items()))
    (made / "queries.train.tsv").write_text("121352\tdefine extreme\n571018\twhat removes stains\n")
    (made / "qrels.train.tsv").write_text("121352\t0\t2912791\t1\n571018\t0\t7349777\t1\n")
    return made


@pytest.mark.parametrize("packed", [False, True])
def test_qidpidtriples(folder: Path, opened: Open, packed: bool) -> None:
    lines = b"121352\t2912791\t7282917\n571018\t7349777\t1150618\n121352\t2912791\t1150618\n"
    path = folder / f"qidpidtriples.train.full.2.tsv{'.gz' if packed else ''}"
    path.write_bytes(gzip.compress(lines) if packed else lines)
    assert with_ids(opened(folder, candidates=path)) == [
        ("121352", ["2912791"], ["7282917", "1150618"], None),
        ("571018", ["7349777"], ["1150618"], None),
    ]


def test_triples_of_texts(folder: Path, opened: Open) -> None:
    # As published: no header, quotes that mean nothing, and texts in the place of ids.
    path = folder / "triples.train.small.tsv"
    path.write_text(
        'is a little caffeine ok\tWe don"t know a lot about "caffeine".\tIt is generally safe.\n'
        'is a little caffeine ok\tWe don"t know a lot about "caffeine".\tA second one, 100% wrong.\n'
        "what fruit is native to australia\tPassiflora herbertiana.\tThe kola nut is the fruit.\n"
    )
    assert with_texts(opened(path)) == [
        (
            "is a little caffeine ok",
            ['We don"t know a lot about "caffeine".'],
            ["It is generally safe.", "A second one, 100% wrong."],
            None,
        ),
        ("what fruit is native to australia", ["Passiflora herbertiana."], ["The kola nut is the fruit."], None),
    ]


def test_hard_negatives_of_several_systems(folder: Path, opened: Open) -> None:
    path = folder / "msmarco-hard-negatives.jsonl.gz"
    path.write_bytes(
        gzip.compress(
            b'{"qid": 571018, "pos": [7349777], "neg": {"bm25": [7282917], '
            b'"msmarco-distilbert-base-tas-b": [1150618, 7282917]}}\n'
        )
    )
    made = opened(folder, candidates=path)
    assert with_ids(made) == [("571018", ["7349777"], ["7282917", "1150618"], None)]
    assert with_texts(made)[0][:2] == ("what removes stains", ["stain removal"])
