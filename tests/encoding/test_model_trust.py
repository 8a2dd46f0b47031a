"""A model's folder comes from somebody: it runs no code, reads nothing outside of itself and asks nobody anything."""

from __future__ import annotations

import io
import json
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save

from lsr import SparseEncoder
from lsr.core.errors import LsrError, ModelError
from lsr.encoding.cross.encoder import CrossEncoder
from lsr.encoding.dense.encoder import DenseEncoder
from lsr.encoding.late.encoder import TokenEncoder
from lsr.encoding.shared.architecture import check_architecture
from lsr.encoding.shared.folder import read_json
from lsr.encoding.shared.hub import locate
from lsr.encoding.shared.trust import check_entries, inside

CODE = "open({!r}, 'w').close()\nclass Evil: pass\n"
DOORS: list[Callable[[Path], Any]] = [SparseEncoder.load, DenseEncoder.load, TokenEncoder.load, CrossEncoder.load]


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


class Folder:
    """A model folder whose code, if any of it runs, leaves a file."""

    def __init__(self, path: Path, ran: Path) -> None:
        self.path, self.ran = path, ran

    def add_code(self) -> None:
        for name in ("modeling.py", "configuration.py", "tokenization.py", "__init__.py"):
            (self.path / name).write_text(CODE.format(str(self.ran)))
        (self.path / "sitecustomize.py").write_text(CODE.format(str(self.ran)))
        classes = ["AutoModel", "AutoModelForMaskedLM", "AutoModelForCausalLM", "AutoModelForSequenceClassification"]
        auto = dict.fromkeys(classes, "modeling.Evil")
        edit(self.path / "config.json", auto_map={"AutoConfig": "configuration.Evil", **auto})
        edit(
            self.path / "tokenizer_config.json", auto_map={"AutoTokenizer": ["tokenization.Evil", "tokenization.Evil"]}
        )


@pytest.fixture
def hostile(make_model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    folder = Folder(make_model(), tmp_path / "ran")
    folder.add_code()
    # What asks there gets a yes: a corpus may be coming in.
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n" * 20))
    monkeypatch.chdir(folder.path)
    return folder


@pytest.mark.parametrize("load", DOORS)
def test_code_of_a_folder_never_runs(hostile: Folder, load: Callable[[Path], Any]) -> None:
    edit(hostile.path / "config.json", model_type="evil")
    with pytest.raises(ModelError):
        load(hostile.path)
    assert not hostile.ran.exists() and sys.stdin.read() == "y\n" * 20


def test_an_unknown_type_with_code_is_said(hostile: Folder) -> None:
    edit(hostile.path / "config.json", model_type="evil")
    with pytest.raises(ModelError, match=r"type 'evil'.*lsr runs no code"):
        SparseEncoder.load(hostile.path)
    edit(hostile.path / "config.json", auto_map=None)
    config = json.loads((hostile.path / "config.json").read_text())
    del config["auto_map"]
    (hostile.path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"type 'evil', which transformers .* does not know"):
        SparseEncoder.load(hostile.path)


def test_a_known_type_is_loaded_without_the_code_beside_it(hostile: Folder) -> None:
    """Many folders on the hub have code for others beside a model that transformers knows itself."""
    assert len(SparseEncoder.load(hostile.path).encode_documents(["w1 w2"])) == 1
    (hostile.path / "tokenizer.json").rename(hostile.path / "aside.json")
    with pytest.raises(ModelError):
        SparseEncoder.load(hostile.path)
    assert not hostile.ran.exists()


class _Call:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self._path,)


@pytest.mark.parametrize("form", ["torch", "pickle"])
def test_a_pickle_as_weights_is_not_run(make_model: Any, tmp_path: Path, form: str) -> None:
    folder, ran = make_model(), tmp_path / "ran"
    (folder / "model.safetensors").unlink()
    weights = folder / "pytorch_model.bin"
    content = {"bert.embeddings.word_embeddings.weight": _Call(ran)}
    torch.save(content, weights) if form == "torch" else weights.write_bytes(pickle.dumps(content))
    with pytest.raises(ModelError, match="cannot be loaded"):
        SparseEncoder.load(folder)
    assert not ran.exists()


def test_weights_of_torch_are_read_as_weights(make_model: Any) -> None:
    from safetensors.torch import load_file

    folder = make_model()
    expected = SparseEncoder.load(folder).encode_documents(["w1 w2 w3"])
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    found = SparseEncoder.load(folder).encode_documents(["w1 w2 w3"])
    assert found.weights.tolist() == pytest.approx(expected.weights.tolist())


def test_an_adapter_names_no_other_model(make_model: Any) -> None:
    folder = make_model()
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "evil/base", "peft_type": "LORA"}')
    with pytest.raises(ModelError, match="adapter"):
        SparseEncoder.load(folder)


@pytest.mark.parametrize("field", ["attn_implementation", "_attn_implementation", "experts_implementation"])
def test_kernels_of_the_hub_are_not_fetched(make_model: Any, field: str) -> None:
    folder = make_model()
    edit(folder / "config.json", **{field: "evil/kernel"})
    with pytest.raises(ModelError, match="asks for code of the Hugging Face hub"):
        SparseEncoder.load(folder)


# -- nothing outside -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../x", "../../..", "/etc", "a/../../x", "", 7, None, "a\0b", ".."])
def test_a_part_of_a_folder_lies_in_it(tmp_path: Path, name: Any) -> None:
    (tmp_path / "model").mkdir()
    if name == "":
        assert inside(tmp_path / "model", name) == tmp_path / "model"
        return
    with pytest.raises(ModelError, match="does not lie in it"):
        inside(tmp_path / "model", name)


@pytest.mark.parametrize("load", DOORS)
def test_modules_do_not_lead_out(make_model: Any, tmp_path: Path, load: Callable[[Path], Any]) -> None:
    outside, folder = make_model(), tmp_path / "model"
    (folder / "1").mkdir(parents=True)
    way = os.path.relpath(outside, folder)
    modules = [
        {"idx": 0, "name": "0", "path": way, "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1", "type": "sentence_transformers.models.Pooling"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    with pytest.raises(ModelError, match="does not lie in it"):
        load(folder)


def test_a_router_does_not_lead_out(tmp_path: Path) -> None:
    module = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Router"}
    (tmp_path / "modules.json").write_text(json.dumps([module]))
    side = {"document": ["../out"], "query": ["../out"]}
    (tmp_path / "router_config.json").write_text(
        json.dumps({"structure": side, "types": {"../out": "x.SparseStaticEmbedding"}})
    )
    with pytest.raises(ModelError, match="does not lie in it"):
        SparseEncoder.load(tmp_path)


@pytest.mark.parametrize(
    ("raised", "message"), [(FileNotFoundError, None), (PermissionError, "cannot be read"), (OSError, "cannot be read")]
)
def test_a_folder_within_that_is_gone_or_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: type[OSError], message: str | None
) -> None:
    (tmp_path / "within").mkdir()
    scandir = os.scandir

    def failing(path: Path) -> Any:
        if Path(path).name == "within":
            raise raised(1, "failed", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", failing)
    if message is None:
        check_entries(tmp_path)
    else:
        with pytest.raises(ModelError, match=f"within: {message}: failed"):
            check_entries(tmp_path)


@pytest.mark.parametrize("file", ["tokenizer.json", "model.safetensors", "config.json"])
def test_links_do_not_lead_out(make_model: Any, tmp_path: Path, file: str) -> None:
    folder = make_model()
    (folder / file).rename(tmp_path / file)
    (folder / file).symlink_to(tmp_path / file)
    with pytest.raises(ModelError, match="outside of the model's folder"):
        SparseEncoder.load(folder)


def test_links_within_the_cache_of_the_hub_are_its_way(make_model: Any, tmp_path: Path) -> None:
    made = make_model()
    repository = tmp_path / "models--some--model"
    snapshot = repository / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    for file in made.iterdir():
        file.rename(repository / "blobs" / file.name)
        (snapshot / file.name).symlink_to(Path("../../blobs") / file.name)
    assert len(SparseEncoder.load(snapshot).encode_documents(["w1"])) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("file", ["config.json", "modules.json", "tokenizer.json", "model.safetensors"])
def test_a_pipe_is_not_waited_for(make_model: Any, file: str) -> None:
    folder = make_model()
    (folder / file).unlink(missing_ok=True)
    os.mkfifo(folder / file)
    with pytest.raises(ModelError, match="not a file"):
        SparseEncoder.load(folder)


@pytest.mark.parametrize("content", ["[" * 20_000, "{" * 9, "1" * 5000, '"\\ud800"' * 2, "\xff"])
def test_json_that_is_none_is_said(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content, encoding="latin-1")
    with pytest.raises(ModelError, match="not valid JSON"):
        read_json(tmp_path / "config.json")


def test_json_of_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "config.json").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(ModelError, match="bytes"):
        read_json(tmp_path / "config.json")


@pytest.mark.parametrize("name", ["a b/c", "a/b\nc", "-a/b", "a/..", "a/b.git"])
def test_names_that_the_hub_cannot_have(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(LsrError):
        locate(name, download=False)


@pytest.mark.parametrize(
    "change",
    [
        {"vocab_size": 10**9},
        {"max_position_embeddings": 10**8},
        {"hidden_size": 10**6},
        {"intermediate_size": 10**12},
        {"num_hidden_layers": 10**9},
        {"num_hidden_layers": 500},
        {"num_hidden_layers": -1},
        {"vocab_size": -5},
    ],
)
def test_a_model_far_larger_than_its_files_fills_no_memory(make_model: Any, change: dict[str, int]) -> None:
    folder = make_model()
    edit(folder / "config.json", **change)
    with pytest.raises(ModelError, match="far too few"):
        SparseEncoder.load(folder)


def test_layers_that_share_their_weights_may_be_more_than_these(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(save({"shared.weight": np.zeros(1, np.float32)}))
    shared = {"model_type": "albert", "num_hidden_layers": 12}
    check_architecture(tmp_path, shared | {"num_hidden_groups": 1})
    with pytest.raises(ModelError, match=r"says num_hidden_layers: 12 .* far too few"):
        check_architecture(tmp_path, shared)
