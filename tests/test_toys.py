"""An engine, a fusion method, a feedback method and parts from outside, through every front: Python, CLI and REST."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from patience import PATIENCE
from toys import FIRST, HALF, Colours, Lengths, LengthsSettings, Toy
from typer.testing import CliRunner

from lsr import Document, Retriever, SparseEncoder
from lsr.build.corpus import index_corpus
from lsr.build.dense import add_dense_vectors
from lsr.build.warmup import kinds_of_index
from lsr.cli.root import app as commands
from lsr.core.errors import InputError
from lsr.encoding.dense.encoder import DenseEncoder
from lsr.eval import read_run
from lsr.index import Index, IndexSettings
from lsr.index.engines.registry import ENGINES
from lsr.index.format.arrays import write_array
from lsr.index.fusion.feedback import FEEDBACK_METHODS
from lsr.index.fusion.methods import METHODS
from lsr.index.fusion.tuning import stored_tuning
from lsr.index.parts.adding import PartWriter
from lsr.index.parts.registry import PARTS
from lsr.search.flat import plan_of
from lsr.service import ServiceSettings, create_app

DOCUMENTS = [
    Document("tern", "A seabird that flies from the Arctic to the Antarctic and back each year.", "Arctic tern"),
    Document("bread", "Bread leavened by wild yeast kept alive in a starter of flour and water.", "Sourdough"),
    Document("glacier", "A body of dense ice that moves slowly downhill under its own weight.", "Glacier"),
    Document("iceberg", "A large piece of ice that broke off a glacier and floats in water.", "Iceberg"),
    Document("penguin", "A bird that can't fly and lives on the ice of the Antarctic.", "Penguin"),
]
QUESTION = "birds on the ice"
Answer = list[tuple[str, float]]


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "toy", Toy())
    monkeypatch.setitem(METHODS, "half", HALF)
    monkeypatch.setitem(FEEDBACK_METHODS, "first", FIRST)
    monkeypatch.setitem(PARTS, "lengths", Lengths())
    monkeypatch.setitem(PARTS, "colours", Colours())


@pytest.fixture(scope="module", autouse=True)
def models_loaded_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for kind in (SparseEncoder, DenseEncoder):
            patch.setattr(kind, "load", staticmethod(cache(kind.load)))
        yield


@pytest.fixture(scope="module")
def index(encoder: SparseEncoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With dense vectors and without toys. Read only."""
    path = tmp_path_factory.mktemp("toys") / "index"
    add_dense_vectors(index_corpus(DOCUMENTS, path, encoder), DenseEncoder.load("minilm"))
    return path


@pytest.fixture
def client(index: Path) -> Iterator[TestClient]:
    app = create_app(index, ServiceSettings(search_threads=1))
    with TestClient(app) as client:
        app.state.service.warm_up.join(PATIENCE)
        yield client


def lsr(*arguments: object) -> str:
    """What `lsr` with these arguments prints."""
    result = CliRunner().invoke(commands, [str(each) for each in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def pairs(hits: list[dict[str, Any]]) -> Answer:
    return [(hit["id"], pytest.approx(hit["score"], rel=1e-5)) for hit in hits]


def answer(index: Path, client: TestClient, mode: str, **flat: Any) -> Answer:
    """The answer of Python, which is that of the command line and of the service."""
    found = Retriever.open(index).search(QUESTION, 4, mode=mode, **flat)
    hits = [(hit.id, hit.score) for hit in found.hits]
    flags = [part for name, value in flat.items() for part in (f"--{name.replace('_', '-')}", value)]
    assert hits == pairs(json.loads(lsr("search", index, QUESTION, "-k", 4, "--mode", mode, *flags, "--json"))["hits"])
    plan = plan_of(mode, **flat).to_record()
    response = client.post("/v1/search", json={"text": QUESTION, "k": 4, **plan})
    assert response.status_code == 200, response.text
    assert hits == pairs(response.json()["hits"])
    return hits


def test_an_engine_answers_everywhere(index: Path, client: TestClient, tmp_path: Path) -> None:
    exact = [(hit.id, hit.score) for hit in Retriever.open(index).search(QUESTION, mode="exact").hits]
    assert answer(index, client, "toy") == exact[:4]
    first = answer(index, client, "toy", share=0.6)
    assert first == [hit for hit in exact if hit[0] in ("bread", "glacier", "iceberg")]  # the first three ids
    by_url = client.get("/v1/search", params={"q": QUESTION, "k": 4, "mode": "toy"}).json()
    assert by_url["mode"] == by_url["stats"]["mode"] == "toy" and by_url["stats"]["documents_scored"] == 5
    assert "toy" in client.get("/v1/index").json()["index"]["modes"]
    assert "(toy" in lsr("search", index, QUESTION, "--mode", "toy")
    # As a side of a hybrid search, and for many queries.
    both = answer(index, client, "hybrid", sparse_mode="toy")
    assert both == answer(index, client, "hybrid", sparse_mode="exact")
    (tmp_path / "queries.jsonl").write_text(json.dumps({"_id": "1", "text": QUESTION}))
    options = ("--queries", tmp_path / "queries.jsonl", "-o", tmp_path / "toy.run", "-k", 4)
    lsr("search", index, *options, "--mode", "toy")
    assert read_run(tmp_path / "toy.run")["1"].ids == [id for id, _ in exact[:4]]


def test_a_fusion_method_answers_everywhere(index: Path, client: TestClient) -> None:
    hits = answer(index, client, "hybrid", fusion="half")
    found = Retriever.open(index).search(QUESTION, 4, mode="hybrid", fusion="half")
    assert found.dense_weight == HALF.dense_weight
    by_hand = []
    for hit in found.hits:
        scores = [hit.stages[side].score for side in ("sparse", "dense")]
        assert scores[0] is not None and scores[1] is not None
        by_hand.append((hit.id, pytest.approx(0.75 * scores[0] / 2 + 0.25 * scores[1] / 2, rel=1e-6)))
    assert hits == by_hand and hits != answer(index, client, "hybrid")
    assert answer(index, client, "sparse-first", fusion="half", dense_weight=0.0)[0][0] == hits[0][0]


@pytest.mark.parametrize("mode", ["exact", "hybrid"])
def test_a_feedback_method_answers_everywhere(index: Path, client: TestClient, mode: str) -> None:
    """The first document alone is what Rocchio's method takes when it is given one."""
    hits = answer(index, client, mode, feedback="first", feedback_documents=3)
    assert hits == answer(index, client, mode, feedback="rocchio", feedback_documents=1)
    assert hits != answer(index, client, mode, feedback="rocchio", feedback_documents=3)


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """The documents with twelve judged questions, in BEIR's form."""
    folder = tmp_path / "collection"
    (folder / "qrels").mkdir(parents=True)
    documents = [{"_id": each.id, "title": each.title, "text": each.text} for each in DOCUMENTS]
    questions = [("a bird that flies far", "tern"), ("a river of ice", "glacier"), ("flour and yeast", "bread")] * 4
    queries = [{"_id": str(number), "text": text} for number, (text, _) in enumerate(questions)]
    for name, records in (("corpus", documents), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    lines = [f"{number}\t{id}\t1" for number, (_, id) in enumerate(questions)]
    (folder / "qrels" / "test.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *lines]) + "\n")
    return folder


@pytest.mark.slow
def test_they_are_evaluated_and_tuned(
    index: Path, collection: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where reports go
    own = shutil.copytree(index, tmp_path / "index")
    evaluate = ("eval", collection, "--index", own, "--no-bm25", "--json")
    exact, toy = (json.loads(lsr(*evaluate, "--mode", mode)) for mode in ("exact", "toy"))
    assert toy["settings"]["mode"] == "toy" and toy["metrics"] == exact["metrics"]
    less = json.loads(lsr(*evaluate, "--mode", "toy", "--share", 0.4))
    assert less["metrics"]["recall@100"] < toy["metrics"]["recall@100"] == 1
    hybrid = json.loads(lsr(*evaluate, "--mode", "hybrid", "--fusion", "half", "--feedback", "first"))
    assert hybrid["settings"]["mode"] == "hybrid"
    judged = ("--queries", collection / "queries.jsonl", "--qrels", collection / "qrels" / "test.tsv")
    lsr("tune", own, *judged, "--fusion", "half")
    tuning = stored_tuning(Index.open(own))
    assert tuning is not None and tuning.method == "half"
    retriever = Retriever.open(own)
    assert retriever.search(QUESTION, mode="hybrid", fusion="half").dense_weight == tuning.dense_weight
    assert retriever.search(QUESTION, mode="hybrid").dense_weight == METHODS["tmm"].dense_weight


def test_an_exact_engine_is_taken_for_one(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it finds the true best however it is asked is its own word."""
    options: dict[str, Any] = {"mode": "hybrid", "sparse_mode": "plain", "completion": "exact"}
    exhaustive = type(ENGINES["exhaustive"])
    monkeypatch.setitem(ENGINES, "plain", type("Plain", (exhaustive,), {"name": "plain", "title": "is plain"})())
    retriever = Retriever.open(index)
    found, expected = (retriever.search(QUESTION, **options | {"sparse_mode": mode}) for mode in ("plain", "exact"))
    assert [(hit.id, hit.score) for hit in found.hits] == [(hit.id, hit.score) for hit in expected.hits]
    with pytest.raises(InputError, match="needs an exact search"):
        plan_of("hybrid", sparse_mode="toy", completion="exact")  # which may leave rows out


# -- parts -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def with_parts(encoder: SparseEncoder, tmp_path: Path) -> Path:
    path = tmp_path / "with-parts"
    index = index_corpus(DOCUMENTS, path, encoder, settings=IndexSettings(parts={"lengths": LengthsSettings(50)}))
    with PartWriter(path, index.manifest.segment, "colours") as part:
        write_array(part.folder / "colours.npy", np.arange(len(DOCUMENTS), dtype=np.uint8))
        part.publish({"by": "hand"})
    return path


def test_parts_are_looked_after_from_the_command_line(with_parts: Path, tmp_path: Path) -> None:
    assert "lengths" in json.loads(lsr("inspect", with_parts, "--json"))["space"]
    lsr("verify", with_parts)
    lsr("warmup", with_parts)
    lsr("prune", with_parts, "-o", tmp_path / "pruned", "--top-k", 5)
    lsr("verify", tmp_path / "pruned")
    pruned = Index.open(tmp_path / "pruned")
    assert pruned.parts["colours"].tolist() == [0, 1, 2, 3, 4] and pruned.parts["lengths"][1].tolist() == [5] * 5
    part = pruned.segments[0].part_folder("colours") / "colours.npy"
    part.write_bytes(part.read_bytes()[:-1] + b"\xff")
    damaged = CliRunner().invoke(commands, ["verify", str(tmp_path / "pruned")])
    assert damaged.exit_code != 0
    assert lsr("search", tmp_path / "pruned", QUESTION, "--json")  # does without it


def test_parts_are_described_by_the_service(with_parts: Path) -> None:
    app = create_app(with_parts, ServiceSettings(search_threads=1))
    with TestClient(app) as client:
        app.state.service.warm_up.join(PATIENCE)
        described = client.get("/v1/index").json()["index"]
    assert described["bytes"]["lengths"] > 0 and described["parts"]["colours"] == {"by": "hand"}


def test_an_engine_searches_a_part(with_parts: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Toy, "needs", ("lengths",))
    assert Retriever.open(with_parts).search(QUESTION, mode="toy").hits
    with pytest.raises(InputError, match=r"without lengths, which mode toy needs; .* build it with the part lengths"):
        Retriever.open(index).search(QUESTION, mode="toy")


def test_kernels_are_compiled_for_indexes_with_the_part() -> None:
    assert all(settings.parts == {"lengths": {"most": 100}} for settings in kinds_of_index())
