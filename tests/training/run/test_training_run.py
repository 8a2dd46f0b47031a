"""Whole runs on a tiny model: what comes out, going on after a kill, large batches in parts, several processes."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import TrainerCallback
from two_ranks import run_on_two_ranks

from lsr import SparseEncoder
from lsr.core.errors import InputError, OutputExistsError
from lsr.encoding.sparse.backbone import load_backbone
from lsr.training.config import TrainingConfig
from lsr.training.model.student import Student
from lsr.training.model.towers import Tokens
from lsr.training.run import run as runs
from lsr.training.run import train
from lsr.training.run.folder import RunFolder
from lsr.training.run.log import read_log
from lsr.training.run.preparation import prepare
from lsr.training.run.stopping import Stopping

Recipe = dict[str, Any]

# What lets two ways of computing one gradient be compared: Adam would make a whole step of rounding noise where a
# gradient is zero, as that of attention's key biases always is.
PLAIN: Recipe = {"dropout": 0.0, "learning_rate": 0.01, "extra": {"optim": "sgd", "max_grad_norm": 0.0}}


def go(recipe: Recipe, folder: Path, changes: Recipe | None = None) -> Path:
    changed = deepcopy(recipe)
    for section, values in (changes or {}).items():
        changed[section] = {**changed.get(section, {}), **values} if isinstance(values, dict) else values
    return train(TrainingConfig.from_record(changed, "test"), folder)


def weights(model: Path) -> dict[str, torch.Tensor]:
    [file] = (
        model.rglob("model.safetensors")
        if not (model / "model.safetensors").exists()
        else [model / "model.safetensors"]
    )
    return load_file(file)


def assert_same(first: Path, second: Path, **tolerance: float) -> None:
    ours, theirs = weights(first), weights(second)
    assert ours.keys() == theirs.keys()
    for name in ours:
        torch.testing.assert_close(
            ours[name], theirs[name], rtol=tolerance.get("rtol", 0), atol=tolerance.get("atol", 0)
        )


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Recipe, Recipe], Path]:
    """unbroken(recipe, changes): the model of a run that nothing disturbed, one for all tests. To compare with."""
    made: dict[str, Path] = {}

    def run(recipe: Recipe, changes: Recipe) -> Path:
        asked = json.dumps([recipe, changes])
        if asked not in made:
            made[asked] = go(recipe, tmp_path_factory.mktemp("unbroken") / "run", changes)
        return made[asked]

    return run


def test_a_run_learns_and_leaves_an_encoder(recipe: Recipe, tmp_path: Path) -> None:
    model = go(recipe, tmp_path / "run", {"run": {"steps": 60, "save_every": None, "dropout": 0.0}})
    encoder = SparseEncoder.load(model)
    assert len(encoder.encode_documents(["w1 w2"]).indices) > 0
    log = read_log(tmp_path / "run" / "log.jsonl")
    steps = [line for line in log if "loss" in line]
    assert steps[-1]["info_nce"] < 0.7 * steps[0]["info_nce"]
    assert {"kl", "document_flops", "document_terms", "query_terms", "flops", "dead_terms"} <= steps[0].keys()
    assert steps[0]["document_flops_lambda"] == 0 < steps[-1]["document_flops_lambda"]


@pytest.mark.parametrize("counting", [False, True])
def test_the_encoder_is_the_student(recipe: Recipe, tmp_path: Path, counting: bool) -> None:
    query = {"table": "ones", "count_repeats": counting}
    changed = {"model": recipe["model"] | {"query": query}, "query_regularisers": []}
    if counting:
        changed["model"]["document"] = {**recipe["model"]["document"], "term_frequency": {}}
    config = TrainingConfig.from_record(recipe | changed, "test")
    student = Student(config.model).eval()
    student.save(tmp_path / "model")
    encoder = SparseEncoder.load(tmp_path / "model", dtype="float32")
    text = "w3 w4 w5 w5 w9"
    ids = torch.tensor([student.document.tokenizer.encode_one(text)])
    with torch.no_grad():
        documents = student.document(Tokens(ids, torch.ones_like(ids, dtype=torch.bool)))
        asked = torch.tensor([student.query.tokenizer.encode_one(text)])
        queries = student.query(Tokens(asked, torch.ones_like(asked, dtype=torch.bool)))
    for vectors, expected in ((encoder.encode_documents([text]), documents), (encoder.encode_queries([text]), queries)):
        dense = np.zeros(encoder.dim, np.float32)
        terms, values = vectors.row(0)
        dense[terms] = values
        np.testing.assert_allclose(dense, expected[0].numpy(), rtol=1e-5, atol=1e-5)
    assert encoder.inference_free and len(encoder.encode_queries([text]).indices) == 4


class _Killed(Exception):
    pass


@pytest.mark.parametrize("killed_at", [2, 5, 7])
def test_a_killed_run_ends_with_the_same_weights(
    recipe: Recipe, unbroken: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    """With dropout on, and df_flops, whose statistics are the student's: all that has a state."""
    changes = {"document_regularisers": [{"name": "df_flops", "strength": 0.01}]}
    expected = unbroken(recipe, changes)

    class Kill(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            if state.global_step == killed_at:
                raise _Killed

    with monkeypatch.context() as patched:
        patched.setattr(runs, "_Progress", lambda progress: Kill())
        with pytest.raises(_Killed):
            go(recipe, tmp_path / "broken", changes)
    assert not (tmp_path / "broken" / "model").exists()
    resumed = go(recipe, tmp_path / "broken", changes)
    assert_same(expected, resumed)
    logs = [
        [(line["step"], line["loss"]) for line in read_log(folder / "log.jsonl") if "loss" in line]
        for folder in (expected.parent, tmp_path / "broken")
    ]
    assert [step for step, _ in logs[1]] == list(range(1, 9)) and logs[0] == logs[1]


@pytest.fixture
def heeding() -> Iterator[None]:
    """SIGINT as Python has it in a terminal, even where the tests run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeding")
@pytest.mark.parametrize(("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_an_interrupted_run_saves_its_step_and_ends_with_the_same_weights(
    recipe: Recipe,
    unbroken: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    error: type[BaseException],
) -> None:
    """Though nothing would have been saved before the end."""
    changes = {"run": {"save_every": None}}
    expected = unbroken(recipe, changes)
    steps: list[int] = []

    class Interrupt(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            steps.append(state.global_step)
            if state.global_step == 3:
                os.kill(os.getpid(), number)

    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    with monkeypatch.context() as patched:
        patched.setattr(runs, "_Progress", lambda progress: Interrupt())
        with pytest.raises(error):
            go(recipe, tmp_path / "broken", changes)
    assert steps == [0, 1, 2, 3] and RunFolder(tmp_path / "broken").saved_step() == 4
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert not (tmp_path / "broken" / "model").exists()
    assert_same(expected, go(recipe, tmp_path / "broken", changes))


@pytest.mark.usefixtures("heeding")
def test_a_second_signal_stops_at_once() -> None:
    """Whoever waits for a step of minutes need not."""
    said: list[str] = []

    class Told:
        def __call__(self, count: int) -> None:
            pass

        def remark(self, words: str) -> None:
            said.append(words)

    stopping, after = Stopping(Told()), False
    with pytest.raises(KeyboardInterrupt), stopping.listening():
        os.kill(os.getpid(), signal.SIGINT)
        assert said == ["stopping after this step, to save it; once more stops at once"]
        os.kill(os.getpid(), signal.SIGINT)
        after = True
    assert not after and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_ignored_signal_stays_ignored() -> None:
    """As of a job in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        stopping = Stopping(lambda count: None)
        with stopping.listening():
            os.kill(os.getpid(), signal.SIGINT)
        assert stopping.received is None and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_wrong_fields_for_transformers_are_named_before_the_run(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="have no 'max_grad_nrom'; did you mean max_grad_norm"):
        go(recipe, tmp_path / "run", {"run": {"extra": {"max_grad_nrom": 1}}})
    config = TrainingConfig.from_record(recipe, "test")
    with pytest.raises(InputError, match="cannot train on 'gpu': there is cpu"):
        train(config, tmp_path / "run", device="gpu")
    assert not (tmp_path / "run").exists()


def test_gradcache_is_the_same_step_in_parts(recipe: Recipe, tmp_path: Path) -> None:
    """Dropout is on: the second time through the model drops what the first did."""
    plain = go(recipe, tmp_path / "plain", {"run": PLAIN})
    parts = go(recipe, tmp_path / "parts", {"run": PLAIN | {"chunk": 3}})
    assert_same(plain, parts, rtol=1e-4, atol=1e-5)
    again = go(recipe, tmp_path / "again", {"run": {"chunk": 3}})
    once_more = go(recipe, tmp_path / "once-more", {"run": {"chunk": 3}})
    assert_same(again, once_more)


def test_accumulated_batches_are_the_mean_of_their_losses(recipe: Recipe, tmp_path: Path) -> None:
    """Without in-batch negatives and penalties on means, two batches of two are one of four."""
    changes: Recipe = {"losses": [{"name": "kl"}], "document_regularisers": [{"name": "l1", "strength": 0.01}]}
    whole = go(recipe, tmp_path / "whole", changes | {"run": PLAIN})
    for name, extra in (("halves", {}), ("halves-in-parts", {"chunk": 2})):
        run = PLAIN | {"batch_size": 2, "accumulate": 2, **extra}
        assert_same(whole, go(recipe, tmp_path / name, changes | {"run": run}), rtol=1e-4, atol=1e-5)


@pytest.mark.process
@pytest.mark.slow
def test_two_processes_are_as_one(commands: Path, recipe: Recipe, tmp_path: Path) -> None:
    """The loss curve of gloo with two ranks, in-batch negatives over both, is that of one process; GradCache too."""
    script = tmp_path / "train_all.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom lsr.training.config import read_config\n"
        "from lsr.training.run import train\n"
        "for path in map(Path, sys.argv[1:]):\n    train(read_config(path), path.with_suffix(''))\n"
    )
    names = {"whole": None, "parts": 2}
    for name, chunk in names.items():
        run = recipe["run"] | PLAIN | {"chunk": chunk, "steps": 5, "save_every": None}
        go(recipe | {"run": run}, tmp_path / f"one-{name}")
        run |= {"batch_size": 2, "extra": PLAIN["extra"] | {"ddp_backend": "gloo"}}
        (tmp_path / f"two-{name}.yaml").write_text(yaml.safe_dump(recipe | {"run": run}))
    run_on_two_ranks(commands, script, *(tmp_path / f"two-{name}.yaml" for name in names))
    for name in names:
        one, two = (tmp_path / f"{count}-{name}" for count in ("one", "two"))
        curves = [[line["loss"] for line in read_log(folder / "log.jsonl") if "loss" in line] for folder in (one, two)]
        assert len(curves[0]) == 5
        np.testing.assert_allclose(curves[1], curves[0], rtol=1e-4)
        assert_same(one / "model", two / "model", rtol=1e-3, atol=1e-5)


def test_a_query_table_learns_at_its_own_rate(recipe: Recipe, tmp_path: Path) -> None:
    table = {"table": "idf", "learning_rate": 0.05}
    learned = {"model": recipe["model"] | {"query": table}, "query_regularisers": []}
    frozen = {"model": recipe["model"] | {"query": table | {"trainable": False}}, "query_regularisers": []}
    found = {}
    for name, changes in (("learned", learned), ("frozen", frozen)):
        model = go(recipe, tmp_path / name, changes)
        encoder = SparseEncoder.load(model)
        assert encoder.inference_free
        found[name] = encoder.encode_queries(["w1 w2 w3"]).weights
    # Of 60 texts of 8 of 60 words, each word stands in some 8: ln(1 + 52.5 / 8.5) is about 2.
    assert np.all((found["frozen"] > 1) & (found["frozen"] < 4))
    assert np.abs(found["learned"] - found["frozen"]).max() > 0.01


def test_term_frequencies_learn_and_stop_words_are_stopped(recipe: Recipe, tmp_path: Path) -> None:
    """Weights of frequencies have a rate of their own; what half of the texts hold weighs nothing on either side."""
    document = {**recipe["model"]["document"], "term_frequency": {"start": 0.5, "learning_rate": 0.05}}
    query = {"table": "idf", "trainable": False, "stop_share": 0.15, "count_repeats": True}
    changes = {"model": {"document": document, "query": query}, "query_regularisers": []}
    model = go(recipe, tmp_path / "run", changes)
    encoder = SparseEncoder.load(model)
    config = TrainingConfig.from_record(yaml.safe_load((tmp_path / "run" / "config.yaml").read_text()), "config.yaml")
    prepared = prepare(config, tmp_path / "run" / "data")
    assert prepared.idf is not None and prepared.student.document.backbone.frequency is not None
    stopped = prepared.idf < -math.log(0.15)  # special tokens have no IDF
    assert 5 < int(stopped.sum()) < 60
    start = prepared.student.document.backbone.frequency.weight.detach()
    assert set(start[stopped].tolist()) == {0.0} and set(start[~stopped].tolist()) == {0.5}

    backbone = load_backbone(model)
    assert backbone.frequency is not None
    learned = backbone.frequency.weight.detach()
    assert set(learned[stopped].tolist()) == {0.0}
    assert 0.05 < float((learned - start)[~stopped].abs().max()) < 8 * 0.05 + 0.01
    query = encoder.encode_queries(["w1 w1 w2 w3"]).to_scipy().toarray()[0]
    expected = prepared.idf.masked_fill(stopped, 0).numpy() * np.array(
        [2 if i == 6 else i in (7, 8) for i in range(70)]
    )
    assert np.allclose(query, expected, atol=1e-6)


def test_separate_towers(recipe: Recipe, tmp_path: Path) -> None:
    document = recipe["model"]["document"]
    model = go(recipe, tmp_path / "run", {"model": {"query": document | {"max_length": 8}}})
    encoder = SparseEncoder.load(model)
    text = "w1 w2 w3"
    assert encoder.encode_queries([text]).weights.tolist() != encoder.encode_documents([text]).weights.tolist()


def test_a_finished_run_is_left_alone_and_another_configuration_refused(recipe: Recipe, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    model = go(recipe, folder)
    stamp = (folder / "log.jsonl").stat().st_mtime_ns
    assert go(recipe, folder) == model and (folder / "log.jsonl").stat().st_mtime_ns == stamp
    with pytest.raises(OutputExistsError, match="another configuration"):
        go(recipe, folder, {"run": {"steps": 9}})
    changed = recipe | {"run": recipe["run"] | {"steps": 2}}
    train(TrainingConfig.from_record(changed, "test"), folder, restart=True)
    assert [line["step"] for line in read_log(folder / "log.jsonl") if "loss" in line] == [1, 2]
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(OutputExistsError, match="not the folder of a training run"):
        go(recipe, folder)


def test_distilling_without_scores_says_what_to_do(recipe: Recipe, tiny_set: Path, tmp_path: Path) -> None:
    from lsr.training.data import TrainingSet, TrainingSetWriter

    scored = TrainingSet.open(tiny_set)
    with TrainingSetWriter(tmp_path / "bare") as writer:
        writer.use_texts(scored.texts)
        for i in range(len(scored)):
            example = scored[i]
            writer.add(example.query_id, example.query, example.positives, example.negatives)
    with pytest.raises(InputError, match="score_training_set"):
        go(recipe, tmp_path / "run", {"data": [{"source": str(tmp_path / "bare")}]})
    # Nothing is left that would refuse the corrected recipe.
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_not_finite_stops_the_run(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not finite: lower run\.learning_rate"):
        go(recipe, tmp_path / "run", {"run": {"learning_rate": 1e30, "steps": 20, "extra": {"max_grad_norm": 0.0}}})


def test_plan_without_data(recipe: Recipe) -> None:
    """Refused as the run would refuse it, but for a recipe that says where its data comes from."""
    from lsr.training.run.plan import plan

    absent = recipe | {"data": [{"source": "absent"}]}
    with pytest.raises(InputError, match="absent: no such file"):
        plan(TrainingConfig.from_record(absent, "test"))
    made = plan(TrainingConfig.from_record(absent | {"about": {"data": "somewhere"}}, "test"), world=2)
    assert [warning for warning in made.warnings if "this recipe's data comes from somewhere" in warning]
    student = Student(TrainingConfig.from_record(recipe, "test").model)
    assert made.parameters == made.trained == sum(each.numel() for each in student.parameters())
    assert (made.steps, made.queries, made.texts) == (8, 8, 24)
    assert made.memory["optimiser"] == 12 * made.parameters
    assert made.memory["vectors"] == 3 * (4 * 3 + 4) * 2 * 70 * 4


@pytest.mark.parametrize("in_batch", [False, True])
def test_teachers_in_the_loop(recipe: Recipe, tmp_path: Path, in_batch: bool) -> None:
    """BM25 scores what is in the batch; a student that distils it comes nearer to it."""
    changes = {"losses": [{"name": "kl", "in_batch": in_batch}], "teachers": ["bm25"]}
    run = {"steps": 60, "save_every": None, "dropout": 0.0, "learning_rate": 3e-3}
    plain = {"document_regularisers": [], "query_regularisers": []}
    go(recipe, tmp_path / "run", changes | plain | {"run": run})
    losses = [line["kl"] for line in read_log(tmp_path / "run" / "log.jsonl") if "kl" in line]
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:5])
