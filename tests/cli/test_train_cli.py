"""`lsr train`, `lsr average` and `lsr adapt`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lsr import SparseEncoder

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """A file of six questions with answers."""
    path = tmp_path / "pairs.jsonl"
    lines = [
        {"query": f"question about {word}", "positive": f"an answer that tells of {word} at some length"}
        for word in ("glaciers", "bread", "violins", "terns", "bicycles", "volcanoes")
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_train_from_a_file_of_pairs(run: Run, pairs: Path, tmp_path: Path) -> None:
    recipe: dict[str, Any] = {
        "data": [{"source": "absent.jsonl"}],
        "model": {"document": {"base": "splade-tiny", "max_length": 16}, "query": {"table": "idf"}},
        "document_regularisers": [{"name": "idf_matching", "strength": 0.01}],
        "run": {"steps": 50, "batch_size": 2, "negatives": 0, "log_every": 1},
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(recipe))
    changes = ["--data", pairs, "--set", "run.steps=2"]
    code, out, err = run("train", "mine.yaml", "-o", "trained", "--json", *changes)
    assert code == 0, err
    assert json.loads(out)["model"] == "trained/model"
    encoder = SparseEncoder.load("trained/model")
    assert encoder.inference_free and len(encoder.encode_documents(["a tern"]).indices) > 0

    code, out, _ = run("train", "trained")  # nothing is left to do
    assert code == 0 and "trained/model" in out
    code, out, _ = run("train", "trained", "--plot", "curves.svg")
    assert code == 0 and "<svg" in Path("curves.svg").read_text() and "InfoNCE" in Path("curves.svg").read_text()
    code, _, err = run("train", "trained", "--set", "run.steps=3")
    assert code == 2 and "configuration is fixed" in err
    code, _, err = run("train", "mine.yaml", "-o", "trained", *changes[:2])
    assert code == 2 and "--restart" in err

    assert run("train", "mine.yaml", "-o", "another", *changes, "--set", "run.seed=7")[0] == 0
    average = ("average", "trained/model", "another/model", "-o", "mean")
    code, out, _ = run(*average, "--weight", 3, "--weight", 1, "--json")
    assert (code, json.loads(out)["model"]) == (0, "mean")
    assert "0.75 × trained/model" in Path("mean/README.md").read_text()
    assert SparseEncoder.load("mean").inference_free
    code, _, err = run(*average)
    assert code == 2 and "--force" in err
    code, _, err = run("average", "mean", "splade-tiny", "-o", "two")
    assert code == 2 and "splade-tiny and mean differ in" in err and not Path("two").exists()


def test_dry_run_prints_the_plan(run: Run) -> None:
    code, out, err = run("train", "unicoil", "--dry-run", "--set", "model.document.base=splade-tiny", "--json")
    assert code == 0, err
    plan = json.loads(out)
    assert plan["queries"] == 8 and plan["texts"] == 64 and plan["parameters"] > 4_000_000
    assert plan["memory"]["optimiser"] == 12 * plan["trained"]
    code, out, _ = run("train", "unicoil", "--dry-run", "--set", "model.document.base=splade-tiny")
    assert code == 0 and "arXiv:2106.14807" in out and "5 epochs" in out
    assert not list(Path().iterdir())


def test_recipes_are_sound(run: Run) -> None:
    """Every recipe parses, and says where it comes from and what it is meant for."""
    from lsr.training.config import read_config
    from lsr.training.recipes import recipes

    found = recipes()
    published = {"splade-v2-max", "splade-pp-ed", "splade-pp-sd", "splade-v3", "opensearch-doc-v2-distill"}
    assert published | {"opensearch-doc-v3-distill", "echo-mistral-splade", "unicoil"} <= found.keys()
    for name, path in found.items():
        about = read_config(path).about
        assert about.title and about.source and about.hardware and (about.published or name not in published), name
    code, out, _ = run("train", "--list", "--json")
    assert code == 0 and [each["name"] for each in json.loads(out)] == sorted(found)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a recipe"),
        (["nothing"], "is not a recipe"),
        (["unicoil"], "--output"),
        (["unicoil", "--set", "steps"], "FIELD=VALUE"),
        (["unicoil", "--set", "run.stepz=1", "--dry-run"], "run.stepz"),
    ],
)
def test_mistakes_are_said(run: Run, arguments: list[str], message: str) -> None:
    code, _, err = run("train", *arguments)
    assert code == 2 and message in err


def test_data_that_is_not_there(run: Run) -> None:
    """A recipe's own data comes with its origin, other data does not."""
    code, _, err = run("train", "doc-tiny", "-o", "trained")
    said = " ".join(err.split())
    assert code == 2 and "data/acl-titles-scored: no such file: this recipe's data comes from" in said
    assert "benchmarks/shipped_data.py" in said and "--data" in said
    code, _, err = run("train", "doc-tiny", "-o", "trained", "--data", "mine.jsonl")
    assert code == 2 and "mine.jsonl: no such file" in err and "shipped_data" not in err
    assert not list(Path().iterdir())


@pytest.mark.slow
def test_adapt_reports_before_and_after(run: Run, tmp_path: Path) -> None:
    words = ["amber", "basil", "cedar", "delta", "ember", "fjord", "grove", "heron"]
    words += ["inlet", "jetty", "kelp", "lotus", "marsh", "nectar", "otter", "pine"]
    with (tmp_path / "corpus.jsonl").open("w") as corpus:
        for i in range(80):
            chosen = [words[(i * 7 + j * (1 + i % 5)) % 16] for j in range(24)]
            line = {"_id": f"d{i}", "title": f"About {chosen[0]} {chosen[1]} {i}", "text": " ".join(chosen) + f" {i}."}
            corpus.write(json.dumps(line) + "\n")
    arguments = ["adapt", "corpus.jsonl", "-o", "adapted", "--steps", "2", "--teacher", "bm25", "--json"]
    code, out, err = run(*arguments)
    assert code == 0, err
    report = json.loads(out)
    assert report["held_out"] == 16 and report["queries"] == 144
    assert 0 < report["before"]["reciprocal_rank@10"] <= 1 and report["after"]["document_terms"] > 0
    assert report["after"].keys() == report["before"].keys()
    # Each text has its number, which no other has: words find what the model's pieces do not tell apart.
    assert report["before"]["reciprocal_rank@10 with words"] > report["before"]["reciprocal_rank@10"]
    assert json.loads(Path("adapted/adapted.json").read_text())["after"] == report["after"]
    # The kind of model it starts from: its mask, and repeats in queries.
    was, now = (SparseEncoder.load(name).settings() for name in ("lsr-doc-tiny", "adapted/model"))
    assert was["document"]["top_k"] == now["document"]["top_k"] == 192
    assert now["query"]["count_repeats"] and now["document"].keys() == was["document"].keys()
    assert run(*arguments)[1] == out  # nothing is done again


def test_adapting_can_be_planned_and_changed(run: Run, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    lines = [{"_id": f"d{i}", "text": f"Bird number {i} flies {i} miles over the sea and the land."} for i in range(60)]
    corpus.write_text("".join(json.dumps(line) + "\n" for line in lines))
    command = ("adapt", corpus, "-o", "adapted", "-m", "splade-tiny", "-t", "bm25", "--device", "cpu")
    code, out, err = run(*command, "--dry-run", "--set", "batch_size=4", "--set", "losses.1.weight=0.5", "--steps", 7)
    assert code == 0, err
    assert "documents     60" in out and "at most 60 of each kind: crops" in out and "teachers      bm25" in out
    assert "7, each of 4 queries" in out and "0.5 info_nce" in out
    assert not Path("adapted").exists()
    with_words = run(*command, "--dry-run", "--set", "words.weight=2", "--set", "words.language=german")[1]
    assert "kl (of scores + 2 BM25)" in with_words and "BM25)" not in out
    plan = json.loads(run(*command, "--dry-run", "--json")[1])
    assert (plan["documents"], plan["queries"], plan["kinds"], plan["run"]["steps"]) == (60, 60, ["crops"], 400)
    for change, message in (
        ("batch=4", "did you mean 'batch_size'?"),
        ("batch_size=4.5", "takes a whole number"),
        ("sparsity=much", "takes a number"),
        ("learning_rate=0", "must be above 0"),
        ("words.weight=-1", "words.weight"),
        ("words.language=klingon", "there is no stemmer for 'klingon'"),
        ("run.warmpu=0.1", "error: run.warmpu: run has no 'warmpu'"),
    ):
        code, _, err = run(*command, "--dry-run", "--set", change)
        assert code == 2 and message in err, err
    corpus.write_text(json.dumps(lines[0]) + "\n")
    code, _, err = run(*command, "--dry-run")
    assert code == 2 and "has only 1 document, too few to learn from: 50 at least are needed" in err


@pytest.mark.parametrize("command", ["train", "adapt", "mine", "score"])
def test_stopped_work_says_what_is_kept(
    run: Run, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    def stopped(*_: Any, **__: Any) -> Any:
        raise SystemExit(143)

    where = {
        "train": "lsr.training.run.run.train",
        "adapt": "lsr.training.adapt.adapt",
        "mine": "lsr.training.negatives.mine",
        "score": "lsr.training.teachers.score_training_set",
    }
    monkeypatch.setattr(where[command], stopped)
    (tmp_path / "mine.yaml").write_text("data: [{source: pairs.jsonl}]\nrun: {steps: 2}\n")
    step = tmp_path / "out" / "checkpoints" / "checkpoint-7"
    step.mkdir(parents=True)
    (step / "trainer_state.json").write_text("{}")  # what is saved last
    arguments = {
        "train": ["mine.yaml", "-o", "out"],
        "adapt": [pairs, "-o", "out"],
        "mine": [pairs, "-o", "new"],
        "score": [pairs, "-o", "new", "-t", "bm25"],
    }
    code, _, err = run(command, *arguments[command])
    says = {
        "train": "terminated: step 7 is saved; `lsr train out` goes on from there",
        "adapt": "terminated: out keeps the data and step 7 of the training; the same command goes on",
        "mine": "terminated: nothing was written, and the same command begins again",
        "score": "terminated: nothing was written, and the same command begins again",
    }
    assert code == 143 and says[command] in err and not (tmp_path / "new").exists()


def test_a_plan_refuses_data_that_the_run_would_refuse(run: Run, pairs: Path, tmp_path: Path) -> None:
    (tmp_path / "ids.tsv").write_text("1\t2\t3\n")
    (tmp_path / "bad.jsonl").write_text('{"query": "q"}\n')
    recipe = {"data": [{"source": "pairs.jsonl"}], "model": {"document": {"base": "splade-tiny"}}, "run": {"steps": 2}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(recipe))
    assert run("train", "mine.yaml", "--dry-run")[0] == 0
    for data, message in (
        ("absent.jsonl", "absent.jsonl: no such file"),
        ("ids.tsv", "hold ids"),
        ("bad.jsonl", "bad.jsonl:1: field 'positives'"),
        ("titles:absent", "absent"),
        (".", "neither a BEIR folder"),
    ):
        code, _, err = run("train", "mine.yaml", "--dry-run", "--data", data)
        assert code == 2 and message in err, (data, err)
    code, _, err = run("train", "doc-tiny", "--dry-run", "--set", "model.document.base=splade-tiny")
    assert code == 0 and "this recipe's data comes from" in err


def test_a_plan_refuses_what_the_run_would_refuse_of_scores_device_and_folder(
    run: Run, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    recipe = {
        "data": [{"source": "pairs.jsonl"}],
        "model": {"document": {"base": "splade-tiny"}},
        "losses": [{"name": "kl"}],
        "run": {"steps": 2, "batch_size": 2, "negatives": 1},
    }
    (tmp_path / "distils.yaml").write_text(yaml.safe_dump(recipe))
    contrasts = {**recipe, "losses": [{"name": "info_nce"}]}
    (tmp_path / "contrasts.yaml").write_text(yaml.safe_dump(contrasts))
    scored = {"query": "q", "positive": "an answer", "negatives": ["another"], "scores": [2.0, 1.0]}
    (tmp_path / "scored.jsonl").write_text(json.dumps(scored) + "\n")
    full = tmp_path / "full"
    full.mkdir()
    (full / "notes.txt").write_text("mine")

    # The plan says what the run says.
    for arguments, message in (
        (("distils.yaml",), "pairs.jsonl lacks teacher's scores for some of its examples"),
        (("distils.yaml", "--data", "titles:pairs.jsonl"), "pairs.jsonl"),
        (("contrasts.yaml", "--device", "cuda"), "cannot train on 'cuda': there is cpu"),
        (("contrasts.yaml", "--set", "run.extra={nothing: 1}"), "TrainingArguments have no 'nothing'"),
    ):
        for dry in (("--dry-run",), ("-o", "new")):
            code, _, err = run("train", *arguments, *dry)
            assert code == 2 and message in err, (arguments, err)
    for dry in (("--dry-run",), ()):
        code, _, err = run("train", "contrasts.yaml", "-o", "full", *dry)
        assert code == 2 and "full exists and is not the folder of a training run" in err
    assert run("train", "distils.yaml", "--dry-run", "--data", "scored.jsonl")[0] == 0
    assert run("train", "contrasts.yaml", "--dry-run", "--device", "auto")[0] == 0


def test_an_unknown_recipe_is_answered_with_the_nearest(run: Run) -> None:
    code, _, err = run("train", "doc-tinny", "--dry-run")
    assert code == 2 and "doc-tinny is not a recipe" in err and "did you mean doc-tiny?" in err


def test_adapt_refuses_before_its_long_work(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    (tmp_path / "few.jsonl").write_text('{"_id": "1", "text": "A short text about the violin. It is old."}\n')
    for dry in (("--dry-run",), ()):
        code, _, err = run("adapt", "few.jsonl", "-o", "new", *dry)
        assert code == 2 and "too few to learn from: 50 at least are needed" in err
    full = tmp_path / "full"
    full.mkdir()
    (full / "notes.txt").write_text("mine")
    for dry in (("--dry-run",), ()):
        code, _, err = run("adapt", "few.jsonl", "-o", "full", *dry)
        assert code == 2 and "full exists and is not the folder of a training run" in err
    code, _, err = run("adapt", "few.jsonl", "-o", "other", "--device", "cuda")
    assert code == 2 and "cannot train on 'cuda'" in err and not Path("other").exists()
