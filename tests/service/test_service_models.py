"""Collections of one server that are of one model have it in memory once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from root_client import BIRDS, created, found, serving
from test_service_jobs import ended


def test_a_model_is_loaded_once_for_all_collections(tmp_path: Path) -> None:
    def encoders() -> tuple[Any, ...]:
        return tuple(root.find(name).now().encoder for name in ("birds", "more"))

    with serving(tmp_path) as client:
        created(client, "birds", BIRDS, model="splade-tiny", weight_scale=0.02)
        created(client, "more", BIRDS, model="splade-tiny", weight_scale=0.02)
    with serving(tmp_path) as client:  # read alone
        root = client.app.state.root  # type: ignore[attr-defined]
        first, second = encoders()
        assert first is second
        # Written to, it is the same, and so are documents'.
        created(client, "third", BIRDS, model="bm25")
        for name in ("birds", "more"):
            client.post(f"/v1/collections/{name}/documents", json=[{"_id": "gull", "text": "gulls cry"}])
            assert root.find(name).writer().retriever.document_encoder is first
        # And so it is of a collection that is encoded by it from now on, whose texts are read together as before.
        job = client.post("/v1/collections/third/reindex", json={"model": "splade-tiny"})
        assert ended(client, job)["status"] == "done"
        assert set(found(client, "third", "migrating birds")) >= {"tern", "stork"}
        assert root.find("third").now().encoder is first
        runs = {root.find(name).now()._encoders._sparse_runs for name in ("birds", "third")}
        assert len(runs) == 1 and None not in runs
