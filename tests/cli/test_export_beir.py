"""`lsr export --to beir`, and back by `lsr index`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from raising import Run, raising
from toy_documents import TOY

from lsr import Collection, Document, Query, Retriever, SparseEncoder
from lsr.build.corpus import index_corpus
from lsr.cli import export, index
from lsr.core.errors import InputError, OutputExistsError
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.index import Index, IndexBuilder
from lsr.text import open_corpus, open_queries
from lsr.text.beir_output import write_beir
from lsr.text.qrels import read_qrels
from lsr.text.windows import WindowSettings
from lsr.vectors.sparse import SparseVectors

FIELDS = {"year": 2020, "tags": ["a", "b"], "nested": {"x": [1, None]}, "Title": "another", "contents": "too"}
DOCUMENTS = [
    Document("ö 2", "Owls\thunt\nat night \u2028 unseen.", "Die Eule", FIELDS),
    Document("a/1", "The tern migrates."),
    Document("none", "", "only a title"),
]
QUESTIONS = ["owls at night", "how a tern migrates", "title", "what is a bird"]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command in an empty folder; errors are raised, where `lsr` prints them."""
    monkeypatch.chdir(tmp_path)
    return raising(index=index, export=export)


def rankings(path: str | Path) -> list[list[tuple[str, float]]]:
    retriever = Retriever.open(path)
    return [[(hit.id, float(hit.score)) for hit in retriever.search(each, 10).hits] for each in QUESTIONS]


@pytest.mark.parametrize("windows", [None, WindowSettings(words=4, stride=2)])
def test_an_index_of_the_folder_has_the_same_documents_and_scores(
    run: Run, encoder: SparseEncoder, tmp_path: Path, windows: WindowSettings | None
) -> None:
    documents = [*DOCUMENTS, *TOY]
    first = index_corpus(documents, tmp_path / "first", encoder, lexical=LexicalSettings(), windows=windows)
    assert run("export", "first", "--to", "beir", "-o", "folder").exit_code == 0
    stored = {document.id: document for document in open_corpus("folder")}
    assert stored == {document.id: document for document in documents}
    again = index_corpus(open_corpus("folder"), tmp_path / "again", encoder, lexical=LexicalSettings(), windows=windows)
    assert [*again.documents.scan()] == [*first.documents.scan()]
    found = rankings("again")
    assert found == rankings("first") and all(found)


def test_of_a_live_collection_what_lives_is_written(run: Run, tmp_path: Path) -> None:
    with Collection.create(tmp_path / "live", model="bm25") as live:
        live.add([*DOCUMENTS, Document("gone", "Owls that are gone.")])
        live.delete(["gone"])
        live.add([Document("a/1", "The tern migrates, and owls.", fields={"year": 2024})])
        assert run("export", "live", "--to", "beir", "-o", "folder").exit_code == 0
        with Collection.create(tmp_path / "again", model="bm25") as again:
            again.add(open_corpus("folder"))
            assert {each.id: each for each in again.scan()} == {each.id: each for each in live.scan()}
    found = rankings("again")
    assert found == rankings("live") and found[0] and len(found[2]) == 1


def test_queries_and_judgements_go_with_them(run: Run, toy_index: Path) -> None:
    Path("asked.tsv").write_text("q1\tWhat flies?\nq2\tWho sings?\n", encoding="utf-8")
    Path("judged.trec").write_text(f"q1 0 {TOY[0].id} 2\nq2 0 elsewhere -1\n", encoding="utf-8")
    given = ("export", toy_index, "--to", "beir", "-o", "folder", "--queries", "asked.tsv", "--qrels", "judged.trec")
    result = run(*given, "--split", "dev", "--json")
    expected = {"output": "folder", "documents": len(TOY), "queries": 2, "judgements": 2}
    assert json.loads(result.stdout) == expected
    assert [*open_queries("folder")] == [Query("q1", "What flies?"), Query("q2", "Who sings?")]
    assert read_qrels("folder/qrels/dev.tsv") == {"q1": {TOY[0].id: 2}, "q2": {"elsewhere": -1}}
    with pytest.raises(OutputExistsError, match="force=True"):
        run(*given)
    assert "2 queries, 2 judgements" in run(*given, "--force").stderr
    assert [path.name for path in Path("folder/qrels").iterdir()] == ["test.tsv"]


def test_what_cannot_be_exported(run: Run, tmp_path: Path, toy_index: Path, encoder: SparseEncoder) -> None:
    with IndexBuilder("vectors", dim=20) as builder:
        builder.add(SparseVectors.from_rows([([1, 12], [1, 2])], ["a"], 20))
        builder.finish()
    assert len(Index.open("vectors")) == 1
    with pytest.raises(InputError, match="no texts are stored"):
        run("export", "vectors", "--to", "beir", "-o", "folder")
    index_corpus(TOY, tmp_path / "begun", encoder, windows=WindowSettings(score="first", words=3, stride=3))
    result = run("export", "begun", "--to", "beir", "-o", "folder")
    assert result.exit_code == 2 and "only the first window is stored" in result.stderr
    with pytest.raises(InputError, match="'a' has a field called title"):
        write_beir("folder", [Document("b", "text"), Document("a", "text", "one", {"title": "another"})])
    with pytest.raises(InputError, match="there are no documents"):
        write_beir("folder", [])
    with pytest.raises(InputError, match=r"'a\\tb' cannot stand in a file of judgements"):
        write_beir("folder", DOCUMENTS, qrels={"q": {"a\tb": 1}})
    with pytest.raises(InputError, match="'# q' cannot stand in a file of judgements"):  # it would be a comment
        write_beir("folder", [], qrels={"# q": {"a": 1}})
    with pytest.raises(InputError, match="split': must be the name of a file, not 'a/b'"):
        write_beir("folder", DOCUMENTS, split="a/b")
    for given, why in (
        (("--to", "beir", "--scale", 2), "--scale is for files of vectors"),
        (("--to", "beir", "--terms", "all"), "--terms is for files of vectors"),
        (("--queries", "x"), "--queries goes with --to beir"),
        (("--split", "x"), "--split goes with --to beir"),
    ):
        result = run("export", toy_index, "-o", "folder", *given)
        assert result.exit_code == 2 and why in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["begun", "vectors"]
