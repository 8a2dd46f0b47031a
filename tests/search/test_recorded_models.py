"""The model that an index names: who made the index need not be who opens it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest

from lsr import SparseEncoder
from lsr.core.errors import IndexFormatError, LsrError, ModelError
from lsr.encoding.dense.encoder import DenseEncoder
from lsr.encoding.late.encoder import TokenEncoder
from lsr.encoding.sparse import backbone
from lsr.search.encoders import IndexEncoders

RECORDED = {"sparse": SparseEncoder, "dense": DenseEncoder, "late": TokenEncoder}


class Downloads:
    """Stands where the hub is, and says whether somebody wanted to download."""

    def __init__(self) -> None:
        self.wanted: list[str] = []
        self.cached: dict[str, Path] = {}

    def __call__(self, name: str, local_files_only: bool = False, **_: Any) -> str:
        from huggingface_hub.errors import LocalEntryNotFoundError

        if not local_files_only:
            self.wanted.append(name)
        if name not in self.cached:
            raise LocalEntryNotFoundError("not there")
        return str(self.cached[name])


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Downloads:
    import huggingface_hub

    downloads = Downloads()
    monkeypatch.setattr(huggingface_hub, "snapshot_download", downloads)
    return downloads


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads weights fails."""
    import transformers

    def read(*_: Any, **__: Any) -> Any:
        raise AssertionError("weights are read")

    for name in ("AutoModel", "AutoModelForMaskedLM", "AutoModelForCausalLM"):
        monkeypatch.setattr(getattr(transformers, name), "from_pretrained", read)
    monkeypatch.setattr(backbone, "load_language_model", read)


@pytest.fixture(scope="module")
def records(encoder: SparseEncoder) -> dict[str, dict[str, Any]]:
    dense = DenseEncoder.load()
    return {
        "sparse": json.loads(json.dumps(encoder.settings())),
        "dense": json.loads(json.dumps(dense.settings())),
        "late": json.loads(json.dumps(TokenEncoder.load("minilm").settings())),
    }


@pytest.mark.parametrize("kind", RECORDED)
def test_what_is_recorded_is_loaded_again(kind: str, records: dict[str, dict[str, Any]]) -> None:
    loaded = RECORDED[kind].of_record(records[kind])  # type: ignore[attr-defined]
    assert json.loads(json.dumps(loaded.settings())) == records[kind]


@pytest.mark.parametrize("kind", RECORDED)
def test_nothing_is_downloaded_on_an_indexs_word(
    kind: str, records: dict[str, dict[str, Any]], hub: Downloads, no_weights: None
) -> None:
    record = records[kind] | {"model": "evil/model"}
    with pytest.raises(ModelError, match=r"nothing is downloaded because an index names it.*hf download evil/model"):
        RECORDED[kind].of_record(record)  # type: ignore[attr-defined]
    assert hub.wanted == []


@pytest.mark.parametrize("kind", RECORDED)
@pytest.mark.parametrize("name", ["evil/model", "folder"])
def test_the_fingerprint_is_compared_before_weights_are_read(
    kind: str, name: str, records: dict[str, dict[str, Any]], hub: Downloads, no_weights: None, tmp_path: Path
) -> None:
    from lsr.encoding.catalogue import packaged_model

    packaged = packaged_model("splade-tiny" if kind == "sparse" else "minilm")
    assert packaged is not None and packaged.path is not None
    folder = tmp_path / "model"
    shutil.copytree(packaged.path, folder)
    hub.cached["evil/model"] = folder
    with (folder / "model.safetensors").open("ab") as weights:
        weights.write(b"x")
    record = records[kind] | {"model": str(folder) if name == "folder" else name}
    with pytest.raises(ModelError, match="not the one that made"):
        RECORDED[kind].of_record(record)  # type: ignore[attr-defined]


def test_a_model_of_the_hub_that_is_here_and_fits_is_loaded(records: dict[str, dict[str, Any]], hub: Downloads) -> None:
    from lsr.encoding.catalogue import packaged_model

    packaged = packaged_model("splade-tiny")
    assert packaged is not None and packaged.path is not None
    hub.cached["some/model"] = packaged.path
    loaded = SparseEncoder.of_record(records["sparse"] | {"model": "some/model"})
    assert loaded.name == "some/model" and hub.wanted == []


@pytest.mark.parametrize("kind", RECORDED)
@pytest.mark.parametrize("field", ["model", "max_length"])
@pytest.mark.parametrize("value", [None, [], {}, 1.5, -3, True, "\0", "../" * 30, 10**30])
def test_a_record_of_another_form_is_an_error_of_ours(
    kind: str, field: str, value: Any, records: dict[str, dict[str, Any]], hub: Downloads
) -> None:
    with pytest.raises(LsrError):
        RECORDED[kind].of_record(records[kind] | {field: value})  # type: ignore[attr-defined]


@pytest.mark.parametrize("change", [{"query": None}, {"query": {"pooling": 3}}, {"special_tokens": "yes"}, {}])
def test_a_sparse_record_of_another_form(change: dict[str, Any], records: dict[str, dict[str, Any]]) -> None:
    record = records["sparse"] | change
    if not change:
        del record["max_length"]
    with pytest.raises((IndexFormatError, ModelError)):
        SparseEncoder.of_record(record)


def test_a_model_that_the_caller_names_is_the_callers_choice(
    records: dict[str, dict[str, Any]], encoder: SparseEncoder, hub: Downloads
) -> None:
    class Index:
        encoder = records["sparse"] | {"model": "evil/model"}
        dim = 30522
        manifest = SimpleNamespace(lexical=None)
        parts: Mapping[str, Any] = MappingProxyType({})

        def __len__(self) -> int:
            return 1

    encoders = IndexEncoders(Index(), model="splade-tiny", device=None, light=False, query_idf=None)  # type: ignore[arg-type]
    assert encoders._load_encoder(queries_only=True).name == "splade-tiny"
    with pytest.raises(ModelError, match="nothing is downloaded"):
        IndexEncoders(Index(), model=None, device=None, light=False, query_idf=None)._load_encoder(  # type: ignore[arg-type]
            queries_only=True
        )
