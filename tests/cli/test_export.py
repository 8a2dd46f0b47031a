"""`lsr export`, and back by `lsr index --vectors`."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from raising import Run, raising
from toy_documents import TOY

from lsr import Collection, Document, SparseEncoder, SparseVectors
from lsr.build.corpus import index_corpus
from lsr.cli import export, index
from lsr.core.errors import InputError, OutputExistsError
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.index import Index, IndexBuilder
from lsr.index.build.export import iter_vectors
from lsr.vectors.files import read_vectors


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command in an empty folder; errors are raised, where `lsr` prints them."""
    monkeypatch.chdir(tmp_path)
    return raising(index=index, export=export)


def stored(index: Index) -> SparseVectors:
    return SparseVectors.concatenate(list(iter_vectors(index)))


def test_each_format_holds_what_the_index_holds(run: Run, toy_index: Path, encoder: SparseEncoder) -> None:
    expected = stored(Index.open(toy_index))
    assert len(expected) == 5 and expected.nnz > 50
    for name in ("docs.parquet", "docs.jsonl.gz", "docs.ciff", "docs.ciff.gz"):
        result = run("export", toy_index, "-o", name)
        assert (result.exit_code, result.stdout) == (0, "")
        assert "5 of 5 documents" in result.stderr and f"{name}: 5 vectors" in result.stderr
        vectors = read_vectors(name, vocabulary=encoder.vocabulary)
        assert vectors.ids == expected.ids
        np.testing.assert_array_equal(vectors.indices, expected.indices)
        np.testing.assert_allclose(vectors.weights, expected.weights, rtol=1e-6 if "ciff" in name else 0)
    assert len(gzip.decompress(Path("docs.ciff.gz").read_bytes())) == Path("docs.ciff").stat().st_size


def test_an_index_made_from_the_export_is_the_same(run: Run, toy_index: Path) -> None:
    run("export", toy_index, "-o", "docs.ciff")
    assert run("index", "--vectors", "docs.ciff", "-m", "splade-tiny", "-o", "again").exit_code == 0
    one, other = Index.open(toy_index), Index.open("again")
    assert stored(one).ids == stored(other).ids
    np.testing.assert_array_equal(stored(one).indices, stored(other).indices)
    np.testing.assert_allclose(stored(one).weights, stored(other).weights, rtol=1e-6)
    run("export", "again", "-o", "docs-again.ciff")
    tf, tf_again = (read_vectors(name, scale=1).weights for name in ("docs.ciff", "docs-again.ciff"))
    np.testing.assert_array_equal(tf, tf_again)
    assert tf.max() == 255 and tf.min() >= 1


def test_json_scale_and_force(run: Run, toy_index: Path) -> None:
    result = run("export", toy_index, "-o", "docs.ciff", "--scale", 100, "--json")
    size = Path("docs.ciff").stat().st_size
    assert json.loads(result.stdout) == {"output": "docs.ciff", "vectors": 5, "bytes": size}
    expected = np.maximum(np.rint(stored(Index.open(toy_index)).weights.astype(np.float64) * 100), 1)
    np.testing.assert_array_equal(np.sort(read_vectors("docs.ciff", scale=1).weights), np.sort(expected))
    with pytest.raises(OutputExistsError, match="force=True"):
        run("export", toy_index, "-o", "docs.ciff")
    run("export", toy_index, "-o", "docs.ciff", "--force")
    assert read_vectors("docs.ciff", scale=1).weights.max() == 255
    with pytest.raises(InputError, match="a scale is only for CIFF"):
        run("export", toy_index, "-o", "docs.parquet", "--scale", 100)
    with pytest.raises(InputError, match="the name of a vector file must end in"):
        run("export", toy_index, "-o", "docs.txt")
    assert sorted(path.name for path in Path().iterdir()) == ["docs.ciff"]


def test_without_a_vocabulary_terms_are_numbers(run: Run) -> None:
    vectors = SparseVectors.from_rows([([1, 12], [1, 2]), ([3], [4])], ["a", "b"], 20)
    with IndexBuilder("index", dim=20) as builder:
        builder.add(vectors)
        builder.finish()
    result = run("export", "index", "-o", "docs.jsonl")
    assert "the terms are written as their numbers" in result.stderr
    lines = [json.loads(line) for line in Path("docs.jsonl").read_text().splitlines()]
    assert [(line["id"], sorted(line["vector"])) for line in lines] == [("a", ["1", "12"]), ("b", ["3"])]
    assert "numbers" not in run("export", "index", "-o", "docs.parquet").stderr
    np.testing.assert_array_equal(read_vectors("docs.parquet").indices, vectors.indices)
    assert read_vectors("docs.parquet").dim == 20


def test_help_has_examples(run: Run) -> None:
    shown = run("export", "--help").stdout
    assert "lsr export my-index -o docs.ciff" in shown and "--scale" in shown


def test_words_and_the_models_terms_are_written_apart(run: Run, encoder: SparseEncoder, tmp_path: Path) -> None:
    made = index_corpus(TOY, tmp_path / "own", encoder, lexical=LexicalSettings())
    words = made.parts["words"]
    run("export", "own", "-o", "model.parquet", "--terms", "model")
    run("export", "own", "-o", "words.jsonl", "--terms", "words")
    run("export", "own", "-o", "all.jsonl")
    model = read_vectors("model.parquet", vocabulary=encoder.vocabulary)
    lines = [json.loads(line)["vector"] for line in Path("words.jsonl").read_text().splitlines()]
    both = [json.loads(line)["vector"] for line in Path("all.jsonl").read_text().splitlines()]
    for row, (id, terms, weights) in enumerate(stored(made)):
        low = terms < words.first
        assert model.ids[row] == id and model.row(row)[0].tolist() == terms[low].tolist()
        assert lines[row] == pytest.approx(
            {words.word(int(term)): float(weight) for term, weight in zip(terms[~low], weights[~low], strict=True)}
        )
        assert lines[row].items() <= {term.removeprefix("word:"): weight for term, weight in both[row].items()}.items()
    run("index", "--vectors", "model.parquet", "-m", "splade-tiny", "-o", "again")
    assert len(Index.open("again")) == len(TOY)


def test_terms_are_of_an_index_with_words(run: Run, toy_index: Path) -> None:
    assert run("export", toy_index, "-o", "x.jsonl", "--terms", "words").exit_code == 2


def test_what_is_in_a_collections_log_is_exported_and_what_it_deleted_is_not(run: Run, toy_index: Path) -> None:
    shutil.copytree(toy_index, "live")
    with Collection.open("live") as collection:
        collection.add([Document("new", "A glacier of bread.")])
        collection.delete(["sourdough"])
    assert run("export", "live", "-o", "docs.jsonl").exit_code == 0
    lines = {each["id"]: each["vector"] for each in map(json.loads, Path("docs.jsonl").read_text().splitlines())}
    assert set(lines) == {"arctic-tern", "bicycle", "glacier", "new", "notes/violin.md"}
    opened = Index.open("live")
    terms, weights = opened.vector(opened.documents.row("new"))
    vocabulary = opened.vocabulary
    assert vocabulary is not None
    assert lines["new"] == pytest.approx(dict(zip(map(vocabulary.term, terms.tolist()), weights.tolist(), strict=True)))


def test_an_engine_is_given_a_folder_and_the_question(run: Run, toy_index: Path) -> None:
    result = run("export", toy_index, "-o", "out", "--to", "opensearch", "--query", "ice", "--name", "toy", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["documents"], found["name"]) == (0, 5, "toy")
    assert found["query"] == json.loads(Path("out/query.json").read_text())
    assert len(Path("out/bulk/000001.ndjson").read_text().splitlines()) == 10


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-o", "out", "--to", "vespa", "--scale", "2"), "--scale is for files"),
        (("-o", "docs.ciff", "--query", "ice"), "--query goes with --to"),
        (("-o", "docs.ciff", "--no-texts"), "--no-texts goes with --to"),
        (("-o", "http://localhost:1", "--to", "vespa"), "not a server's address"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(
    run: Run, toy_index: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = run("export", toy_index, *arguments)
    assert result.exit_code == 2 and said in result.stderr
    assert list(Path().iterdir()) == []
