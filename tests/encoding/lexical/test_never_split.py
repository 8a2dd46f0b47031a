from __future__ import annotations

import json
from pathlib import Path

import pytest

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.encoding.lexical.alone import WordsAlone
from lsr.encoding.lexical.analysis import ANALYSIS, Analyser
from lsr.encoding.lexical.never_split import read_never_split
from lsr.encoding.lexical.settings import LexicalRecord, LexicalSettings

TERMS = (".NET", "New York", "new york times", "the who", "vitamin C", "ß-Karotin")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a .NET runtime", [".net", "runtim"]),
        ("asp.net and .network", ["asp", "net", "aspnet", "network"]),
        ("NEW  YORK\nhotels", ["new york", "hotel"]),
        ("New Yorkers", ["new", "yorker"]),
        ("the New York Times of New York", ["new york times", "new york"]),
        ("the band The Who", ["band", "the who"]),
        ("Vitamin C, vitamins", ["vitamin c", "vitamin"]),
        ("ß-karotin", ["ß-karotin"]),
        ("New\u00a0York", ["new york"]),
        ("", []),
    ],
)
def test_a_term_is_one_word(text: str, words: list[str]) -> None:
    assert Analyser("english", TERMS).words(text) == words


def test_a_file_of_terms(tmp_path: Path) -> None:
    path = tmp_path / "terms.txt"
    path.write_text("# languages\nC#\n\n  .NET \nC#\n", encoding="utf-8")
    assert read_never_split(path) == ("C#", ".NET")
    path.write_text("C#\n" + "x" * 65 + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=rf"{path}: line 2: a term has 1 to 64 characters"):
        read_never_split(path)
    path.write_bytes(b"\xff\n")
    with pytest.raises(InputError, match="is not UTF-8"):
        read_never_split(path)
    with pytest.raises(InputError, match="10,001 terms: 10,000 at most"):
        LexicalSettings(never_split=("a",) * 10_001)


def test_an_index_says_its_terms_and_one_without_says_what_it_always_did() -> None:
    for terms in ((), (".NET",)):
        made = LexicalRecord(settings=LexicalSettings(never_split=terms), mean_length=3.0, analysis=ANALYSIS)
        record = json.loads(json.dumps(made.to_record()))
        assert record["settings"].get("never_split") == ([".NET"] if terms else None)
        assert LexicalRecord.of_encoder({"lexical": record}) == made


def test_documents_and_queries_are_cut_alike(tmp_path: Path) -> None:
    from lsr import Retriever
    from lsr.build.corpus import index_corpus
    from lsr.collection.collection import Collection

    documents = [Document("york", "a new house in York"), Document("city", "hotels of New York")]
    settings = LexicalSettings(never_split=("new york",))
    index_corpus(documents, tmp_path / "index", WordsAlone(), lexical=settings)
    assert [hit.id for hit in Retriever.open(tmp_path / "index").search("New York")] == ["city"]
    with Collection.open(tmp_path / "index") as collection:
        collection.add([Document("state", "the state of new york")])
        assert {hit.id for hit in collection.search("New York")} == {"city", "state"}
    with Collection.create(tmp_path / "made", model="bm25", never_split=["new york"]) as collection:
        collection.add(documents)
        assert [hit.id for hit in collection.search("york")] == ["york"]


def test_a_file_without_end_is_refused() -> None:
    with pytest.raises(InputError, match="/dev/zero: holds more than 64 MiB"):
        read_never_split("/dev/zero")
