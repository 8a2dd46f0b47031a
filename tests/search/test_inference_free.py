"""A model whose queries need no model run, from the index to the service; whoever asks has neither torch nor
transformers."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE

from lsr import Retriever, SparseEncoder
from lsr.build.corpus import index_corpus
from lsr.text import open_corpus

pytestmark = [pytest.mark.process, pytest.mark.slow]

LSR = "from lsr.cli.app import main; main()"
WITHOUT_TORCH = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in ("torch", "transformers"):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Missing())
"""
EVALUATE = """
from lsr.eval import evaluate, load_collection, open_or_index
collection = load_collection(sys.argv[1])
print(evaluate(collection, open_or_index(collection, sys.argv[2])).report.metrics["ndcg@10"])
"""
SERVE = "from lsr.service import ServiceSettings, serve; serve(sys.argv[1], ServiceSettings(), port=0)"

IDF = {"bird": 4.0, "flies": 3.0, "ice": 3.5, "bread": 4.5, "the": 0.01, "of": 0.02}


@pytest.fixture(scope="module")
def folder(encoder: SparseEncoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Router of splade-tiny and a table, a corpus with judgements, and an index of it."""
    folder = tmp_path_factory.mktemp("inference_free")
    encoder.save(folder / "bare")
    (folder / "bare" / "modules.json").unlink()
    (folder / "bare" / "idf.json").write_text(json.dumps(IDF))
    SparseEncoder.load(folder / "bare").save(folder / "model")
    shutil.rmtree(folder / "bare")
    collection = folder / "collection"
    (collection / "qrels").mkdir(parents=True)
    texts = {"tern": "A seabird that flies far.", "glacier": "A body of dense ice.", "loaf": "Bread of flour."}
    write_lines(collection / "corpus.jsonl", [{"_id": id, "text": text} for id, text in texts.items()])
    write_lines(collection / "queries.jsonl", [{"_id": "1", "text": "bird flies"}, {"_id": "2", "text": "the bread"}])
    (collection / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n1\ttern\t1\n2\tloaf\t1\n")
    index_corpus(open_corpus(collection), folder / "index", SparseEncoder.load(folder / "model"))
    return folder


def write_lines(path: Path, values: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(value) + "\n" for value in values))


def lsr(program: str, *arguments: object) -> str:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_index_records_both_sides(folder: Path) -> None:
    record = Retriever.open(folder / "index").index.encoder
    assert record is not None
    assert (record["document"]["kind"], record["query"]["kind"]) == ("transformer", "table")


def test_scores_are_the_tables_weights_times_the_documents(folder: Path) -> None:
    retriever = Retriever.open(folder / "index")
    assert retriever.encode("bird flies unknowable") == {"bird": 4.0, "flies": 3.0}
    document = retriever.encode("A seabird that flies far.", kind="document")
    assert set(document) > {"bird", "flies"}, "documents are expanded by the transformer"
    hit = retriever.search("bird flies", explain=True).hits[0]
    assert hit.id == "tern"
    assert hit.score == pytest.approx(4 * document["bird"] + 3 * document["flies"], rel=0.01)


def test_searching_without_torch(folder: Path) -> None:
    found: Any = json.loads(lsr(WITHOUT_TORCH + LSR, "search", folder / "index", "bird flies", "--json"))
    expected = Retriever.open(folder / "index").search("bird flies").hits
    assert [(hit["id"], hit["score"]) for hit in found["hits"]] == [
        (hit.id, pytest.approx(hit.score, rel=1e-5)) for hit in expected
    ]


def test_evaluating_without_torch(folder: Path) -> None:
    assert float(lsr(WITHOUT_TORCH + EVALUATE, folder / "collection", folder / "index")) == 1


def test_serving_without_torch(folder: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_TORCH + SERVE, str(folder / "index")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            started = next((line for line in server.stderr if "http://" in line), "")
            base = re.search(r"http://127\.0\.0\.1:\d+", started)
            assert base, started
            answer = search(base[0])
            assert [hit["id"] for hit in answer["hits"]][:1] == ["tern"]
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=PATIENCE)


def search(base: str) -> Any:
    """The answer, once the service is ready."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(f"{base}/v1/search?q=bird+flies&k=1", timeout=PATIENCE) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            if error.code != 503 or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
