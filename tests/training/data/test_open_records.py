"""Files of records with their texts, of every form; bad records are named."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from set_contents import with_texts

from lsr.core.errors import InputError
from lsr.training.data import TrainingSet
from lsr.training.data.fields import text_id

Write = Callable[..., Path]
Open = Callable[..., TrainingSet]


def test_jsonl(write: Write, opened: Open) -> None:
    path = write(
        "a.jsonl.zst",
        {"query_id": "q1", "query": "one", "positives": ["p"], "negatives": ["n", "m"], "scores": [3, 1, 2]},
        {"query": "two", "pos": [{"docid": "7", "title": "T", "text": "x"}], "neg": ["p"]},
    )
    made = opened(path)
    assert with_texts(made) == [("one", ["p"], ["n", "m"], [3, 1, 2]), ("two", ["T x"], ["p"], None)]
    assert [each.query_id for each in made] == ["q1", text_id("two")]
    assert [made.texts.id(row) for row in range(4)] == [text_id("p"), text_id("n"), text_id("m"), "7"]
    assert not made.scored and made.about["left_out"] == {}


@pytest.mark.parametrize("columns", ["lists", "triples", "passages"])
def test_parquet_as_jsonl(tmp_path: Path, write: Write, opened: Open, columns: str) -> None:
    rows: list[dict[str, Any]] = [
        {
            "lists": {
                "query": f"q{n}",
                "positives": [f"p{n}"],
                "negatives": [f"p{n + 1}", "n"],
                "scores": [n, 1, 0.5],
            },
            "triples": {"anchor": f"q{n % 50}", "positive": f"p{n}", "negative": f"n{n % 7}"},
            "passages": {
                "query_id": str(n),
                "query": f"q{n}",
                "positive_passages": [{"docid": str(n), "title": "T", "text": "x"}],
                "negative_passages": [{"docid": "n", "title": "", "text": "y"}],
            },
        }[columns]
        for n in range(300)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet", row_group_size=100)
    made = opened(tmp_path / "rows.parquet")
    assert with_texts(made) == with_texts(opened(write("rows.jsonl", *rows)))
    assert len(made) == (50 if columns == "triples" else 300)


def test_triples_of_one_query_are_one_example(write: Write, opened: Open) -> None:
    lines = ["one\tp\tn", "two\tp\tm", "one\tp\tm", "one\tn\tn", "one\tq\tm"]
    expected = [("one", ["p", "n", "q"], ["m"], None), ("two", ["p"], ["m"], None)]
    assert with_texts(opened(write("triples.tsv", *lines))) == expected
    assert with_texts(opened(write("triples.jsonl.gz", *(line.split("\t") for line in lines)))) == expected
    assert with_texts(opened(write("pairs.tsv", "one\tp", "two\tp", "one\tq"))) == [
        ("one", ["p", "q"], [], None),
        ("two", ["p"], [], None),
    ]


def test_triples_with_scores(write: Write, opened: Open) -> None:
    path = write("scored.tsv", "one\tp\tn\t3.5\t1", "two\tn\tp\t1\t2", "one\tp\tm\t3.5\t-1e1")
    made = opened(path)
    assert with_texts(made) == [("one", ["p"], ["n", "m"], [3.5, 1, -10]), ("two", ["n"], ["p"], [1, 2])]
    assert made.scored


def test_margins_are_kept_with_their_positive(write: Write, opened: Open) -> None:
    rows = [
        {"query": "one", "positive": "p", "negative": "n", "score": 2.5},
        {"query": "one", "positive": "q", "negative": "n", "score": 0.5},
        {"query": "one", "positive": "p", "negative": "m", "score": -1.0},
    ]
    made = opened(write("margins.jsonl", *rows))
    assert with_texts(made) == [("one", ["p"], ["n", "m"], [0, -2.5, 1]), ("one", ["q"], ["n"], [0, -0.5])]
    for row in rows:  # MarginMSE sees the margins of the file
        example = next(each for each in made if made.texts[each.positives[0]] == row["positive"])
        place = made.texts.take(example.candidates).index(str(row["negative"]))
        assert example.scores is not None
        assert example.scores[0] - example.scores[place] == row["score"]


def test_labelled_pairs(write: Write, opened: Open) -> None:
    rows = [("one", "n", 0), ("one", "p", 1), ("two", "n", 0), ("one", "q", 1)]
    made = opened(write("pairs.jsonl", *({"anchor": q, "positive": d, "label": label} for q, d, label in rows)))
    assert with_texts(made) == [("one", ["p", "q"], ["n"], None)]
    assert made.about["left_out"] == {"queries without a positive": 1}


def test_scores_of_some_are_scores_of_none(write: Write, opened: Open) -> None:
    rows = [("one", "p", "n", [1, 2]), ("one", "p", "m", None), ("two", "p", "n", None), ("two", "p", "m", [1, 2])]
    lines = ({"query": q, "positive": p, "negative": n, "scores": s} for q, p, n, s in rows)
    made = opened(write("triples.jsonl", *lines))
    assert with_texts(made) == [("one", ["p"], ["n", "m"], None), ("two", ["p"], ["n", "m"], None)]


def test_several_files(tmp_path: Path, write: Write, opened: Open) -> None:
    for number in (1, 0):
        write(f"data/part-{number}.jsonl", {"query": f"q{number}", "pos": ["p"], "neg": []})
    made = opened(tmp_path / "data" / "part-*.jsonl")
    assert [each.query for each in made] == ["q0", "q1"]
    assert len(made.texts) == 1


def test_what_is_left_out(write: Write, opened: Open) -> None:
    made = opened(
        write(
            "a.jsonl",
            {"query": "good", "pos": ["p", "p"], "neg": ["n", "p", " ", "n", "m"], "scores": [1, 2, 3, 4, 5, 6, 7]},
            {"query": " ", "pos": ["p"], "neg": []},
            {"query": "none", "pos": [""], "neg": ["n"]},
        )
    )
    assert with_texts(made) == [("good", ["p"], ["n", "m"], [1, 3, 7])]
    assert made.about["left_out"] == {
        "empty candidates": 2,
        "queries without text": 1,
        "queries without a positive": 1,
    }


@pytest.mark.parametrize(
    ("name", "lines", "line", "field", "message"),
    [
        ("a.jsonl", [{"query": "q", "pos": ["p"]}, {"query": "q"}], 2, "positives", "missing"),
        ("a.jsonl", [{"query": "q", "pos": ["p"]}, '{"query": "q"'], 2, None, "malformed JSON"),
        ("a.jsonl", ["[1, 2"], 1, None, "malformed JSON"),
        ("a.jsonl", ['["q", ]'], 1, None, "malformed JSON"),
        ("a.jsonl", ['["q"]'], 1, None, "must hold a query, a positive"),
        ("a.jsonl", ['["q", "\\ud83d"]'], 1, None, "half of a surrogate pair"),
        ("a.jsonl", [{"query": "q", "pos": [3]}], 1, "positives", "must be a text or an object"),
        ("a.jsonl", [{"query": "q", "pos": ["p"], "neg": [{"docid": 1}]}], 1, "text", "missing"),
        (
            "a.jsonl",
            [
                {"query": "q", "pos": [{"docid": 1, "text": "x"}]},
                {"query": "q", "pos": [{"docid": 1, "text": "y"}]},
            ],
            2,
            None,
            "id '1' was already used for another text",
        ),
        ("a.jsonl", ['{"query": "q", "pos": ["p"], "scores": [1e999]}'], 1, None, "not a finite number"),
        ("a.jsonl", [b'{"query": "caf\xe9"}\n'], 1, None, "not UTF-8"),
        ("a.tsv", ["q\tp\tn", "q\tp"], 2, None, "2 columns .* expected 3: query, positive, negative"),
        ("a.tsv", ["q"], 1, None, "1 columns .* expected 2: query, positive; or 3"),
        ("a.tsv", ["q\tp\tn\t1\tx"], 1, "negative_score", "must be a number, not 'x'"),
    ],
)
def test_bad_records(
    write: Write, opened: Open, tmp_path: Path, name: str, lines: list[Any], line: int, field: str | None,
    message: str,
) -> None:  # fmt: skip
    path = write(name, *lines)
    with pytest.raises(InputError, match=message) as caught:
        opened(path)
    assert (caught.value.source, caught.value.line, caught.value.field) == (str(path), line, field)
    assert [each.name for each in (tmp_path / "work").iterdir() if not each.name.endswith(".lock")] == []


def test_bad_parquet(tmp_path: Path, opened: Open) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 this is not")
    with pytest.raises(InputError, match="not a readable Parquet file"):
        opened(path)
    pq.write_table(pa.table({"query": ["q", "q"], "positive": ["p", None]}), path)
    with pytest.raises(InputError, match=r"a\.parquet:2: field 'positives': missing"):
        opened(path)


def test_sources_that_are_none(tmp_path: Path, write: Write, opened: Open) -> None:
    with pytest.raises(InputError, match="no such file"):
        opened(tmp_path / "nothing.jsonl")
    with pytest.raises(InputError, match="no such file"):
        opened(tmp_path / "part-*.jsonl")
    with pytest.raises(InputError, match=r"not a file of training data; these end in \.jsonl"):
        opened(write("a.csv", "q,p"))
    with pytest.raises(InputError, match="pickled scores have no texts"):
        opened(write("a.pkl", pickle.dumps({1: {2: 3.0}})))
    with pytest.raises(InputError, match="no examples; left out: queries without text: 1"):
        opened(write("a.jsonl", {"query": "", "pos": ["p"]}))
    with pytest.raises(InputError, match="need a collection"):
        opened(write("b.jsonl", {"query": "q", "pos": ["p"]}), candidates="c.jsonl")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("qidpidtriples.tsv", "121352\t2912791\t7282917\n634306\t3723525\t1150618\n"),
        ("pairs.tsv", "1\tmsmarco_passage_01_7\n"),
        ("margins.tsv", "9.1\t4.0\t1\t7\t8\n"),
        ("hard.jsonl", '{"query": "1", "pos": ["7"], "neg": ["D8", "9"]}\n'),
    ],
)
def test_ids_are_not_taken_for_texts(tmp_path: Path, opened: Open, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(
        InputError, match=r"these records hold ids \('.*'\) and no texts; name the collection"
    ) as raised:
        opened(tmp_path / name)
    assert (raised.value.source, raised.value.line) == (str(tmp_path / name), 1)


@pytest.mark.parametrize(
    "content", ["1984\ta novel\tan anvil\n", "q1\tp1\tn1\n", "2\tzwei\tdrei\n", "1\t2\t3\nwhat\ta\tb\n"]
)
def test_numbers_among_texts_are_texts(tmp_path: Path, opened: Open, content: str) -> None:
    (tmp_path / "a.tsv").write_text(content)
    assert len(opened(tmp_path / "a.tsv")) == content.count("\n")
