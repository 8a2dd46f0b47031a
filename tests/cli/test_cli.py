"""The command line, run in this process; `test_process.py` tries what needs a process of its own."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import lsr
from lsr import Document, SparseEncoder
from lsr.cli.commands import COMMANDS
from lsr.cli.console import output
from lsr.index import Index, Tuning, store_tuning

Run = Callable[..., tuple[int, str, str]]


def write_corpus(path: Path, documents: list[Document]) -> None:
    lines = [json.dumps({"_id": d.id, "title": d.title, "text": d.text, **d.fields}) for d in documents]
    path.write_text("\n".join(lines) + "\n")


def test_index_search_inspect_verify(run: Run, toy_documents: list[Document]) -> None:
    write_corpus(Path("corpus.jsonl"), toy_documents)
    code, out, err = run("index", "corpus.jsonl", "-o", "index")
    assert (code, out) == (0, "") and "5 documents" in err
    assert sorted(path.name for path in Path().iterdir()) == ["corpus.jsonl", "index"]

    code, out, _ = run("search", "index", "bird migration", "--explain", "-k", 2)
    assert code == 0
    first, snippet, matches = out.splitlines()[:3]
    assert first.split()[0] == "1" and "Arctic tern (arctic-tern)" in first
    assert "seabird" in snippet and "bird " in matches and " × " in matches

    code, out, _ = run("search", "index", "bird migration", "--explain", "--json")
    answer = json.loads(out)
    best = answer["hits"][0]
    assert best["id"] == "arctic-tern" and answer["stats"]["mode"] == "exact"
    assert sum(match["contribution"] for match in best["matches"]) == pytest.approx(best["score"], rel=1e-5)

    code, out, _ = run("inspect", "index", "--json")
    assert json.loads(out)["documents"] == 5
    code, out, _ = run("inspect", "index", "-d", "notes/violin.md")
    assert "smaller than the viola" in out and "violin" in out
    assert run("verify", "index")[0] == 0


def test_what_an_index_can_be_told(run: Run, toy_documents: list[Document]) -> None:
    write_corpus(Path("corpus.jsonl"), toy_documents)
    options = ("--block-size", 2, "--weight-bits", 16, "--seismic", "--bmp", "--seed", 7, "--threads", 1)
    code, out, err = run("index", "corpus.jsonl", "-o", "index", "--json", *options)
    assert code == 0 and "building: 5 of 5 documents" in err
    modes = ["exact", "approximate", "exhaustive", "seismic", "bmp"]
    assert json.loads(out)["modes"] == modes
    answers = {
        mode: json.loads(run("search", "index", "a bird on a bicycle", "--mode", mode, "--json")[1]) for mode in modes
    }
    for mode, answer in answers.items():
        assert answer["stats"]["mode"] == mode and answer["hits"][0] == answers["exhaustive"]["hits"][0]

    described = json.loads(run("inspect", "index", "--json")[1])
    assert (described["block_size"], described["modes"]) == (2, modes)
    assert (described["settings"]["weight_bits"], described["settings"]["seed"]) == (16, 7)
    space = described["space"]
    assert {part: takes["bytes"] for part, takes in space.items()} == described["bytes"]
    assert sum(takes["share"] for part, takes in space.items() if part != "total") == pytest.approx(1)
    assert space["seismic"]["bytes_per_document"] == space["seismic"]["bytes"] / 5 > 0
    shown = run("inspect", "index")[1]
    assert "exact, approximate, exhaustive, seismic, bmp" in shown
    forward = next(line.split() for line in shown.splitlines() if line.startswith("forward"))
    assert forward[1] == f"{space['forward']['bytes']:,}" and forward[3].endswith("%")


def test_recall_and_parameters(run: Run, toy_index: Path, tmp_path: Path) -> None:
    shutil.copytree(toy_index, "index")
    tuning = Tuning(10, 0.98, "approximate", {"cut": 0.01, "heap_factor": 1.5}, 0.985, 42.0, 100)
    store_tuning(Index.open("index"), tuning)
    question = ("search", "index", "a bird on a bicycle")
    answer = json.loads(run(*question, "--recall", 0.95, "--json")[1])
    assert answer["stats"]["mode"] == "approximate"
    answer = json.loads(run(*question, "--mode", "approximate", "-p", "max_blocks=1", "-p", "cut=0", "--json")[1])
    assert answer["stats"]["blocks"] - answer["stats"]["blocks_skipped"] == 1
    assert "1 of 2 blocks visited" in run(*question, "--mode", "approximate", "-p", "max_blocks=1")[1]
    out = run(*question, "--mode", "approximate", "-p", "budget_us=0.001")[1]
    assert "None found: try --mode exact." in out and "0 of 2 blocks visited" in out
    shown = run("inspect", "index")[1]
    assert "tuned for recall 0.98 at k 10: approximate, cut 0.01, heap_factor 1.5: recall 0.9850 in 42 µs" in shown

    Path("queries.tsv").write_text("q1\tbread and yeast\nq2\tmusic with strings\n")
    code, out, _ = run("search", "index", "--queries", "queries.tsv", "-o", "run.trec", "--recall", 0.98, "--json")
    assert code == 0 and json.loads(out)["mean_stats"]["mode"] == "approximate"
    code, _, err = run("search", "index", "--queries", "queries.tsv", "-o", "run2.trec", "--mode", "exhaustive")
    assert code == 0 and "2 queries; on average exhaustive: 5 documents scored" in err

    for options, message in [
        (("--recall", 0.99), "not tuned for recall 0.99 at k 10"),
        (("--recall", 0.98, "-k", 11), "not tuned for recall 0.98 at k 11"),
        (("--recall", 0.98, "--mode", "exact"), "give recall without them"),
        (("--recall", 0.98, "-p", "cut=0.1"), "give recall without them"),
        (("--recall", 2), "--recall"),
        (("--mode", "seismic"), "built without seismic"),
        (("--mode", "blocked"), "--mode"),
        (("-p", "cut="), "--parameter cut must be a number, not ''"),
        (("-p", "steps"), "NAME=VALUE"),
        (("-p", "steps=3"), "field 'steps': there is no such parameter"),
        (("-p", "heap_facter=3"), "did you mean heap_factor?"),
        (("--heap-factor", "3", "-p", "heap_factor=3"), "are the same"),
        (("-p", "max_blocks=1.5"), "must be a whole number"),
        (("-p", "query_cut=5", "--mode", "exact"), "field 'query_cut': goes with mode seismic, not 'exact'"),
        (("-p", "cut=2", "--mode", "approximate"), "cut must lie in"),
    ]:
        code, out, err = run(*question, *options)
        assert code == 2 and out == "" and message in err, options


def test_vectors_go_out_and_in_again(run: Run, toy_documents: list[Document]) -> None:
    write_corpus(Path("corpus.jsonl"), toy_documents)
    for name in ("docs.parquet", "docs.jsonl.gz"):
        assert run("encode", "corpus.jsonl", "-o", name)[0] == 0
    assert run("index", "--vectors", "docs.parquet", "corpus.jsonl", "-m", "splade-tiny", "-o", "a")[0] == 0
    assert run("index", "--vectors", "docs.jsonl.gz", "-o", "b")[0] == 0
    hits = json.loads(run("search", "a", "a glacier of ice", "--json")[1])["hits"]
    assert hits[0]["id"] == "glacier" and "dense ice" in hits[0]["text"]
    # Without a model the index is searched by text only if one is named, and it has no texts to show.
    code, _, err = run("search", "b", "frozen water")
    assert code == 2 and "--model" in err
    assert json.loads(run("inspect", "b", "--json")[1])["dim"] < 30522
    assert run("export", "b", "-o", "docs.ciff")[0] == 0
    code, _, err = run("index", "--vectors", "docs.ciff", "-o", "c")
    assert code == 0 and "reading: 5 vectors" in err and "building: 5 of 5 documents" in err
    one, other = (json.loads(run("inspect", index, "-d", "glacier", "--json")[1])["vector"] for index in "bc")
    assert one == pytest.approx(other, rel=1e-3) and "glacier" in one


def test_a_file_of_queries_becomes_a_run(run: Run, toy_index: Path) -> None:
    Path("queries.tsv").write_text("q1\tbread and yeast\nq2\tmusic with strings\n")
    assert run("search", toy_index, "--queries", "queries.tsv", "-o", "run.trec", "-k", 2)[0] == 0
    rows = [line.split() for line in Path("run.trec").read_text().splitlines()]
    assert [row[0] for row in rows] == ["q1", "q1", "q2", "q2"]
    assert rows[0][2] == "sourdough" and rows[2][2] == "notes/violin.md"
    code, _, err = run("search", toy_index, "--queries", "queries.tsv", "-o", "run.trec")
    assert code == 2 and "--force" in err


def test_eval_prints_a_table_or_one_object(run: Run, toy_documents: list[Document]) -> None:
    beir = Path("toy")
    (beir / "qrels").mkdir(parents=True)
    write_corpus(beir / "corpus.jsonl", toy_documents)
    questions = {"q1": ("what do bakers keep alive", "sourdough"), "q2": ("flying to the Antarctic", "arctic-tern")}
    (beir / "queries.jsonl").write_text(
        "".join(json.dumps({"_id": id, "text": text}) + "\n" for id, (text, _) in questions.items())
    )
    qrels = ["query-id\tcorpus-id\tscore", *(f"{id}\t{answer}\t1" for id, (_, answer) in questions.items())]
    (beir / "qrels" / "test.tsv").write_text("\n".join(qrels) + "\n")

    code, out, _ = run("eval", "toy", "--json")
    assert code == 0
    report = json.loads(out)
    assert {"metrics", "baselines", "latency", "index"} <= set(report)
    assert report["metrics"]["ndcg@10"] == 1.0 and report["index"]["documents"] == 5
    assert sorted(path.name for path in Path("lsr-eval/toy").iterdir()) == [
        "bm25.run",
        "index",
        "lsr.run",
        "report.json",
        "report.md",
    ]
    # A named index is measured as it was made, whatever the defaults are.
    assert run("index", "toy", "-o", "short", "--max-length", 16)[0] == 0
    report = json.loads(run("eval", "toy", "--index", "short", "--json", "--no-bm25")[1])
    assert report["model"]["max_length"] == 16 and report["search"]["mode"] == "exact"
    store_tuning(Index.open("short"), Tuning(1000, 0.9, "approximate", {"cut": 0.0}, 1.0, 50.0, 2))
    options = ("--index", "short", "--no-bm25")
    report = json.loads(run("eval", "toy", *options, "--recall", 0.9, "--json")[1])
    assert (
        report["search"]["mode"] == "approximate" and report["settings"]["plan"]["retrieve"]["sparse"]["recall"] == 0.9
    )
    assert (
        "Mean work of a search, exhaustive: 5 documents scored."
        in run("eval", "toy", *options, "--mode", "exhaustive")[1]
    )
    code, _, err = run("eval", "toy", *options, "--recall", 0.95)
    assert code == 2 and "not tuned for recall 0.95 at k 1000" in err
    code, out, err = run("eval", "toy", "-o", "toy-full", "--index", "short", "-m", "splade-tiny")
    assert code == 2 and "was made by lsr-doc-tiny, not splade-tiny; choose another folder with -o" in err

    # Runs have a name of their own, and are judged together.
    assert run("eval", "toy", "--label", "mine", "--tag", "mine-1", "--no-bm25")[0] == 0
    assert {line.split()[-1] for line in Path("lsr-eval/toy/lsr.run").read_text().splitlines()} == {"mine-1"}
    for options, tag in (((), "toy"), (("--tag", "my run"), "my%20run")):
        assert run("search", "lsr-eval/toy/index", "--queries", "toy", "-o", "a.run", "--force", *options)[0] == 0
        assert {line.split()[-1] for line in Path("a.run").read_text().splitlines()} == {tag}
    both = ("eval", "toy", "--run", "a.run", "--run", "lsr-eval/toy/lsr.run", "--no-bm25")
    code, out, _ = run(*both)
    assert code == 0 and "| a.run |" in out and "| lsr.run |" in out and "| p (a.run against lsr.run) |" in out
    code, out, _ = run(*both, "--label", "A", "--label", "B", "-o", "judged")
    assert code == 0 and "| p (A against B) |" in out and Path("judged/report.json").exists()
    assert run(*both, "--label", "A")[0] == 2 and run(*both, "--label", "A", "--label", "A")[0] == 2
    Path("other.run").write_text("9 Q0 sourdough 1 2.5 theirs\n")
    code, _, err = run("eval", "toy", "--run", "other.run")
    assert code == 2 and "other.run has none of the 2 judged queries" in err
    Path("file").write_text("")
    code, _, err = run("eval", "toy", "-o", "file")
    assert code == 2 and "file is a file, where a folder is needed" in err and "encoding" not in err
    code, _, err = run("search", "lsr-eval/toy/index", "--queries", "toy", "-o", "toy", "--force")
    assert code == 2 and "toy is a folder: name a file" in err

    code, out, err = run("eval", "toy")
    assert code == 0 and "| BM25" in out and "encoding" not in err, "the index is used again"


def test_encode_shows_the_terms_of_a_text(run: Run, encoder: SparseEncoder) -> None:
    _, out, _ = run("encode", "--text", "bird migration", "--json", "--top-k", 3)
    vector = json.loads(out)["vector"]
    assert len(vector) == 3 and {"bird", "migration"} <= set(vector)
    assert list(vector.values()) == sorted(vector.values(), reverse=True)
    for blank in (" ", "\u200b"):
        code, out, err = run("encode", "--text", blank)
        assert code == 0 and out == "" and "no terms: there is nothing in the text" in err


def test_queries_are_encoded_to_a_file(run: Run, encoder: SparseEncoder) -> None:
    Path("queries.tsv").write_text("q1\tbird migration\nq2\tsourdough\n")
    assert run("encode", "queries.tsv", "--queries", "-o", "queries.jsonl.gz")[0] == 0
    with gzip.open("queries.jsonl.gz", "rt") as file:
        first = json.loads(next(file))
    assert first["id"] == "q1" and first["vector"]["bird"] > 1


def test_queries_are_encoded_as_a_search_of_an_index_does(run: Run, encoder: SparseEncoder) -> None:
    Path("c.jsonl").write_text("".join(f'{{"_id": "{n}", "text": "the bird {n} of the sea"}}\n' for n in range(30)))
    Path("queries.tsv").write_text("q1\tbird of the 7 seas\nq2\tthe 12 birds\n")
    assert run("index", "c.jsonl", "-o", "index")[0] == 0
    assert run("search", "index", "--queries", "queries.tsv", "-o", "text.run", "--tag", "t")[0] == 0
    code, _, err = run("encode", "queries.tsv", "--queries", "-o", "without.parquet")
    assert code == 0 and "without the IDF of a collection" in err and "--index INDEX" in err
    code, _, err = run("encode", "queries.tsv", "--queries", "--index", "index", "-o", "with.parquet")
    assert code == 0 and "without the IDF" not in err
    for name, same in (("without", False), ("with", True)):
        assert run("search", "index", "--queries", f"{name}.parquet", "-o", f"{name}.run", "--tag", "t")[0] == 0
        assert (Path(f"{name}.run").read_text() == Path("text.run").read_text()) == same

    asked = ("search", "index", "--queries", "queries.tsv", "--query-idf", "0.25", "-o", "quarter.run", "--tag", "t")
    assert run(*asked)[0] == 0
    options = ("--queries", "--index", "index", "--query-idf", "0.25")
    assert run("encode", "queries.tsv", *options, "-o", "quarter.parquet")[0] == 0
    assert run("search", "index", "--queries", "quarter.parquet", "-o", "own.run", "--tag", "t")[0] == 0
    assert Path("own.run").read_text() == Path("quarter.run").read_text() != Path("text.run").read_text()
    assert "without the IDF" in run("encode", "--text", "birds", "--queries")[2]
    assert "without the IDF" not in run("encode", "--text", "birds", "--queries", "--index", "index")[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--index", "index"), "--index is for queries"),
        (("--queries", "--query-idf", "0.5"), "name its index with --index"),
        (("--queries", "--index", "index", "--max-length", "9"), "leave out --max-length"),
        (("--queries", "--index", "index"), "index"),
    ],
)
def test_an_index_is_for_queries(run: Run, options: tuple[str, ...], message: str) -> None:
    Path("queries.tsv").write_text("q1\tbirds\n")
    code, _, err = run("encode", "queries.tsv", "-o", "v.parquet", *options)
    assert code == 2 and message in err and not Path("v.parquet").exists()


def test_models_and_version(run: Run) -> None:
    models = {model["name"]: model for model in json.loads(run("models", "--json")[1])}
    assert set(models) == {"lsr-doc-tiny", "lsr-doc-small", "splade-tiny", "minilm", "smollm2-135m"}
    assert models["splade-tiny"]["kind"] == "sparse" and Path(models["splade-tiny"]["path"]).is_dir()
    assert "splade-tiny" in run("models")[1]
    assert run("--version")[1] == f"lsr {lsr.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_an_example(run: Run, command: str) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0 and "Example" in out and f"\n     lsr {command}" in out


def test_k_beyond_the_corpus_gives_what_there_is(run: Run, toy_index: Path) -> None:
    hits = json.loads(run("search", toy_index, "a bird on a bicycle", "-k", 1000, "--json")[1])["hits"]
    assert 1 <= len(hits) <= 5 and all(hit["score"] > 0 for hit in hits)


def test_models_and_inspect_do_not_depend_on_the_width(
    run: Run, toy_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for arguments in (("models",), ("inspect", toy_index)):
        monkeypatch.setattr(output, "width", 20)
        _, narrow, _ = run(*arguments)
        monkeypatch.setattr(output, "width", 200)
        assert run(*arguments)[1] == narrow
        assert "…" not in narrow and not any(line.endswith(" ") for line in narrow.splitlines())


def test_a_page_beyond_the_last_says_how_many_there_are(run: Run, toy_index: Path) -> None:
    found = len(json.loads(run("search", toy_index, "a bird and ice", "-k", 100, "--json")[1])["hits"])
    code, out, _ = run("search", toy_index, "a bird and ice", "--offset", 100)
    assert code == 0 and out.startswith(f"There are only {found} hits: choose a smaller --offset.\n")
    assert "No document shares a term" in run("search", toy_index, "--vector", '{"mortgage": 1}', "--offset", 100)[1]
