"""A collection of shards on the command line, and served: without a cluster, it is used as one index is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from patience import PATIENCE

from lsr import Retriever
from lsr.service import ServiceSettings, create_app

Run = Callable[..., tuple[int, str, str]]
PLACES = ["paris", "london", "rome", "oslo", "lima", "quito", "cairo", "delhi", "kyoto", "seoul"]


@pytest.fixture
def made(run: Run, tmp_path: Path) -> Path:
    """A judged collection in `judged`, as one index in `one`, and as three shards in `shards`."""
    (tmp_path / "judged" / "qrels").mkdir(parents=True)
    texts = {f"{place}-{n}": f"a cat {'and another cat ' * n}of {place}" for place in PLACES for n in range(4)}
    files = {
        "corpus.jsonl": [json.dumps({"_id": id, "text": text}) for id, text in texts.items()],
        "queries.jsonl": [json.dumps({"_id": place, "text": f"cat of {place}"}) for place in PLACES],
        "qrels/test.tsv": ["query-id\tcorpus-id\tscore", *(f"{place}\t{place}-2\t1" for place in PLACES)],
    }
    for name, lines in files.items():
        (tmp_path / "judged" / name).write_text("".join(f"{line}\n" for line in lines))
    for out, how in (("one", ()), ("shards", ("--shards", 3))):
        code, _, err = run("index", "judged/corpus.jsonl", "-o", out, "--model", "bm25", *how)
        assert code == 0, err
    return tmp_path


def test_search_inspect_and_verify(run: Run, made: Path) -> None:
    for query in ("cat of oslo", "another kyoto", "cat -rome"):
        found = [json.loads(run("search", index, query, "--json")[1])["hits"] for index in ("one", "shards")]
        assert found[0] == found[1] and found[0]
    described = json.loads(run("inspect", "shards", "--json")[1])
    assert described["documents"] == 40
    assert run("verify", "shards")[0] == 0
    code, _, err = run("delete", "shards", "oslo-1")
    assert code != 0 and "takes no writes" in err


def test_eval(run: Run, made: Path) -> None:
    reports = []
    for index in ("one", "shards"):
        code, out, err = run("eval", "judged", "--index", index, "-o", f"{index}-eval", "--json")
        assert code == 0, err
        reports.append(json.loads(out)["metrics"])
    runs = [(made / f"{index}-eval" / "lsr.run").read_bytes() for index in ("one", "shards")]
    assert runs[0] == runs[1] and reports[0] == reports[1] and runs[0]


def test_served(made: Path) -> None:
    answers = []
    for name in ("one", "shards"):
        app = create_app(Retriever.open(made / name), ServiceSettings())
        with TestClient(app) as client:
            app.state.service.warm_up.join(PATIENCE)
            asked = {"searches": [{"text": f"cat of {place}", "k": 5} for place in PLACES]}
            answers.append([each["hits"] for each in client.post("/v1/search/batch", json=asked).json()["answers"]])
            assert client.get("/v1/index").json()["documents"] == 40
    assert answers[0] == answers[1] and all(answers[0])
