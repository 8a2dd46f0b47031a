"""Dense and token vectors, and hybrid search, from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lsr import Document
from lsr.eval import read_run
from lsr.index import Index
from lsr.index.fusion.tuning import stored_tuning

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def corpus(run: Run, toy_documents: list[Document]) -> Path:
    """A BEIR folder, in the empty folder that `run` works in."""
    folder = Path("toy")
    (folder / "qrels").mkdir(parents=True)
    lines = [json.dumps({"_id": d.id, "title": d.title, "text": d.text, **d.fields}) for d in toy_documents]
    (folder / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    questions = {"1": ("bird migration", "arctic-tern"), "2": ("a body of dense ice", "glacier")}
    (folder / "queries.jsonl").write_text(
        "".join(json.dumps({"_id": id, "text": text}) + "\n" for id, (text, _) in questions.items())
    )
    (folder / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\n" + "".join(f"{id}\t{answer}\t1\n" for id, (_, answer) in questions.items())
    )
    return folder


def test_index_with_dense_vectors_and_search_both(run: Run, corpus: Path) -> None:
    code, out, err = run("index", corpus, "-o", "index", "--dense", "minilm")
    assert (code, out) == (0, "") and "encoding dense vectors" in err
    assert sorted(path.name for path in Path().iterdir()) == ["index", "toy"]
    code, out, _ = run("search", "index", "a body of dense ice", "--mode", "hybrid", "--explain", "-k", 2)
    assert code == 0
    first, stages = out.splitlines()[:2]
    assert "Glacier" in first and "dense" in stages and "rank 1, gives" in stages
    assert "(hybrid: encode sparse" in out and "the dense side counts 0.75" in out

    code, out, _ = run("search", "index", "dense ice", "--mode", "dense", "--json")
    answer = json.loads(out)
    assert answer["mode"] == "dense" and answer["stats"] is None and len(answer["hits"]) == 5
    assert set(answer["timings"]["stages_ms"]) == {"encode dense", "dense"}

    options = ["--fusion", "rrf", "--feedback", "rm3", "-p", "feedback_documents=2", "-p", "depth=4", "--json"]
    code, out, _ = run("search", "index", "dense ice", "--mode", "hybrid", "--explain", *options)
    assert code == 0
    hit = json.loads(out)["hits"][0]
    assert hit["score"] == pytest.approx(sum(hit["stages"][side]["contribution"] for side in ("sparse", "dense")))

    code, _, _ = run(
        "search", "index", "--queries", corpus / "queries.jsonl", "-o", "hybrid.run", "--mode", "sparse-first", "-k", 3
    )
    assert code == 0
    assert {id: ranking.ids[0] for id, ranking in read_run("hybrid.run").items()} == {
        "1": "arctic-tern",
        "2": "glacier",
    }

    code, out, _ = run("inspect", "index")
    assert "parts.dense.kind" in out and "dense vectors and their search structure" in out
    assert run("verify", "index")[0] == 0


def test_dense_vectors_are_added_to_an_index_and_go_on_where_they_stopped(
    run: Run, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("index", corpus, "-o", "index")[0] == 0
    code, _, err = run("search", "index", "ice", "--mode", "hybrid")
    assert code == 2 and "has no dense part; add one with `lsr dense index`" in err

    from lsr.encoding.dense.encoder import DenseEncoder

    whole = DenseEncoder.stream_documents
    encoded: list[str] = []

    def stop_after_two(self, texts, **options):  # type: ignore[no-untyped-def]
        texts = list(texts)
        yield from whole(self, texts[:2])
        raise KeyboardInterrupt

    monkeypatch.setattr(DenseEncoder, "stream_documents", stop_after_two)
    code, _, err = run("dense", "index")
    assert code == 130 and "index.dense keeps what was encoded; run the same command again to resume" in err
    assert "dense" not in Index.open("index").parts and run("search", "index", "ice")[0] == 0

    def remember(self, texts, **options):  # type: ignore[no-untyped-def]
        texts = list(texts)
        encoded.extend(texts)
        return whole(self, texts, **options)

    monkeypatch.setattr(DenseEncoder, "stream_documents", remember)
    code, _, err = run("index", corpus, "-o", "index", "--dense", "minilm", "--dry-run")
    assert code == 0 and "only its 5 dense vectors would be made. Nothing was written." in err
    assert encoded == [] and "dense" not in Index.open("index").parts
    # The same command, or the one that indexes with dense vectors at once.
    code, _, err = run("index", corpus, "-o", "index", "--dense", "minilm")
    assert code == 0 and "index is built; resuming its dense vectors" in err and len(encoded) == 3
    index = Index.open("index")
    minilm = DenseEncoder.load("minilm")
    texts = [index.documents.at(row).contents for row in range(5)]
    # Batches are others where a run went on, and some processors multiply in bfloat16.
    np.testing.assert_allclose(index.parts["dense"].vectors, np.concatenate(list(whole(minilm, texts))), atol=1e-3)
    assert not Path("index.dense").exists()
    code, _, err = run("dense", "index")
    assert code == 2 and "has a dense part already; pass --force" in err
    assert run("dense", "index", "--force", "--kind", "sq8", "--truncate", 128)[0] == 0
    assert Index.open("index").parts["dense"].record.dim == 128


def test_token_vectors_are_added_and_rerank(run: Run, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("index", corpus, "-o", "index")[0] == 0
    code, _, err = run("search", "index", "ice", "--rerank", "late")
    assert code == 2 and "has no late part; add one with `lsr late index`" in err

    from lsr.encoding.late.encoder import TokenEncoder

    whole = TokenEncoder.stream_documents

    def stop_after_two(self, texts, **options):  # type: ignore[no-untyped-def]
        yield from whole(self, list(texts)[:2], **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TokenEncoder, "stream_documents", stop_after_two)
        code, _, err = run("late", "index")
    assert code == 130 and "index.late keeps what was encoded; run the same command again to resume" in err
    code, out, _ = run("late", "index", "--json")
    assert code == 0 and json.loads(out)["documents"] == 5 and not Path("index.late").exists()
    code, out, _ = run("search", "index", "a body of dense ice", "--rerank", "late", "--json")
    answer = json.loads(out)
    assert code == 0 and "Glacier" in answer["hits"][0]["title"] and "rerank" in answer["timings"]["stages_ms"]
    code, _, err = run("late", "index")
    assert code == 2 and "has a late part already; pass --force" in err
    assert run("late", "index", "--force", "--bits", 4)[0] == 0 and Index.open("index").parts["late"].record.bits == 4


def test_token_vectors_of_a_collection(run: Run, corpus: Path) -> None:
    """They stay with the documents that stay, and what becomes of them is said."""
    assert run("index", corpus, "-o", "index")[0] == 0 and run("late", "index")[0] == 0
    assert run("delete", "index", "glacier")[0] == 0
    code, _, err = run("compact", "index")
    assert code == 0 and "token vectors" not in err
    assert run("search", "index", "bird migration", "--rerank", "late")[0] == 0
    Path("more.jsonl").write_text('{"_id": "more", "text": "a bird that was written since"}\n')
    assert run("add", "index", "more.jsonl")[0] == 0
    code, _, err = run("search", "index", "bird migration", "--rerank", "late")
    assert code == 2 and "written since the late part was added" in err and "add the late part again" in err
    code, _, err = run("compact", "index")
    assert code == 0 and "token vectors, which not all documents had, are gone" in err
    assert run("late", "index")[0] == 0 and run("search", "index", "bird", "--rerank", "late")[0] == 0


def test_vectors_of_ones_own(run: Run, corpus: Path) -> None:
    run("index", corpus, "-o", "index")
    np.save("vectors.npy", np.eye(5, 8, dtype=np.float32))
    code, out, _ = run("dense", "index", "--vectors", "vectors.npy", "--json")
    assert code == 0 and json.loads(out)["dim"] == 8
    code, _, err = run("search", "index", "ice", "--mode", "dense")
    assert code == 2 and "does not say which model made its dense vectors" in err
    code, _, err = run("dense", "index", "--vectors", "vectors.npy", "--model", "minilm", "--force")
    assert code == 2 and "vectors of 8 numbers, but minilm makes 384; name the model that made them" in err
    np.save("few.npy", np.eye(4, 8, dtype=np.float32))
    code, _, err = run("dense", "index", "--vectors", "few.npy", "--force")
    assert code == 2 and "the index has 5 documents, but there are 4 dense vectors" in err
    Path("text.npy").write_text("no vectors")
    code, _, err = run("dense", "index", "--vectors", "text.npy", "--force")
    assert code == 2 and "text.npy: not a .npy file of dense vectors" in err and "pickle" not in err
    np.save("codes.npy", np.array([[print]]), allow_pickle=True)
    for command in (
        ["dense", "index", "--vectors", "codes.npy", "--force"],
        ["search", "index", "--dense-queries", "codes.npy", "-o", "run.trec"],
    ):
        code, _, err = run(*command)
        assert code == 2 and "codes.npy: not a .npy file of dense vectors" in err and "pickle" not in err
    assert Index.open("index").parts["dense"].dim == 8


def test_vectors_of_ones_own_go_by_the_corpus_and_not_by_rows(run: Run, tmp_path: Path) -> None:
    """Rows go by id, and the file has the order in which the documents were read; of a pruned copy too."""
    ids = ["d", "b", "e", "a", "c"]
    lines = [json.dumps({"id": id, "text": f"the bird {id} sings of ice and bread"}) for id in ids]
    (tmp_path / "notes.jsonl").write_text("\n".join(lines))
    np.save("vectors.npy", np.eye(5, dtype=np.float32))
    run("index", "notes.jsonl", "--no-lexical", "-o", "index")
    run("prune", "index", "-o", "pruned", "--top-k", 5)
    for path in ("index", "pruned"):
        assert run("dense", path, "--vectors", "vectors.npy")[0] == 0
        index = Index.open(path)
        assert index.documents.row_ids(np.arange(5)) == sorted(ids)
        for number, id in enumerate(ids):
            code, out, _ = run("search", path, "--dense-vector", json.dumps(np.eye(5)[number].tolist()), "--json")
            assert code == 0 and json.loads(out)["hits"][0]["id"] == id


def test_evaluate_a_hybrid_search(run: Run, corpus: Path) -> None:
    code, out, _ = run("eval", corpus, "--dense", "minilm", "--mode", "hybrid", "--feedback", "rocchio", "--json")
    assert code == 0
    report = json.loads(out)
    assert report["settings"]["mode"] == "hybrid" and report["metrics"]["ndcg@10"] == 1.0
    # Used again, with the dense vectors that are there.
    code, out, err = run("eval", corpus, "--dense", "minilm", "--mode", "dense")
    assert code == 0 and "search (dense)" in out and "encoding dense vectors" not in err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--fusion", "rrf"], "goes with mode hybrid or sparse-first"),
        (["-p", "effort=9"], "goes with mode dense or hybrid"),
        (["--mode", "hybrid", "-p", "feedback_terms=9"], "needs feedback: its method"),
        (["--mode", "hybrid", "-p", "rerank_depth=9"], "needs rerank"),
        (["--mode", "hybrid", "-p", "completion=all"], "field 'completion': must be none, candidates or exact"),
        (["--mode", "hybrid", "-p", "cut=x"], "--parameter cut must be a number"),
        (["--mode", "hybrid", "--dense-weight", "3"], "less than or equal to 1"),
    ],
)
def test_options_that_make_no_sense(run: Run, toy_index: Path, options: list[str], says: str) -> None:
    code, _, err = run("search", toy_index, "ice", *options)
    assert code == 2 and says in err


def test_tune_the_dense_weight(run: Run, corpus: Path) -> None:
    run("index", corpus, "-o", "index", "--dense", "minilm")
    code, _, err = run("tune", "index", "--queries", corpus / "queries.jsonl", "--qrels", corpus / "qrels" / "test.tsv")
    assert code == 2 and "2 of the queries are judged: tuning needs at least 10" in err
    with Path("many.jsonl").open("w") as file, Path("many.tsv").open("w") as judged:
        for number in range(12):
            text = "bird migration" if number % 2 else "a body of dense ice"
            file.write(json.dumps({"_id": str(number), "text": text}) + "\n")
            judged.write(f"{number}\t{'arctic-tern' if number % 2 else 'glacier'}\t1\n")
    code, out, _ = run("tune", "index", "--queries", "many.jsonl", "--qrels", "many.tsv", "--plot", "curve.svg")
    assert code == 0 and "| dense weight | nDCG@10 |" in out and "stored" in out and Path("curve.svg").exists()
    assert stored_tuning(Index.open("index")) is not None
    code, out, _ = run("tune", "index", "--queries", "many.jsonl", "--qrels", "many.tsv", "--json")
    assert code == 0 and set(json.loads(out)) == {"tuning", "curve", "halves", "lexical"}


def test_a_dense_vector_of_ones_own_beside_a_question_needs_no_dense_model(run: Run, corpus: Path) -> None:
    """Only the sparse vector is made of the question, so warming up asks for no other model."""
    run("index", corpus, "-o", "index")
    np.save("vectors.npy", np.eye(5, 8, dtype=np.float32))
    assert run("dense", "index", "--vectors", "vectors.npy")[0] == 0
    vector = json.dumps(np.eye(5, 8)[3].tolist())
    for options in (("--mode", "hybrid"), (), ("--mode", "sparse-first"), ("--mode", "hybrid", "--feedback", "rm3")):
        code, out, err = run("search", "index", "ice", "--dense-vector", vector, "--json", "--explain", *options)
        assert code == 0, err
        assert set(json.loads(out)["hits"][0]["stages"]) == {"sparse", "dense"}
    code, out, _ = run("search", "index", "--dense-vector", vector, "--mode", "dense", "--json")
    assert code == 0 and json.loads(out)["hits"][0]["id"] == "bicycle"  # the fourth of the corpus
