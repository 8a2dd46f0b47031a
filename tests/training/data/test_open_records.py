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
        {"query_id": "q1", "query": "the one", "positives": ["p"], "negatives": ["n", "m"], "scores": [3, 1, 2]},
        {"query": "two", "pos": [{"docid": "7", "title": "T", "text": "x"}], "neg": ["p"]},
    )
    made = opened(path)
    assert with_texts(made) == [("the one", ["p"], ["n", "m"], [3, 1, 2]), ("two", ["T x"], ["p"], None)]
    assert [each.query_id for each in made] == ["q1", text_id("two")]
    assert [made.texts.id(row) for row in range(4)] == [text_id("p"), text_id("n"), text_id("m"), "7"]
    assert not made.scored and made.about["left_out"] == {}


@pytest.mark.parametrize("columns", ["lists", "triples", "passages"])
def test_parquet_as_jsonl(tmp_path: Path, write: Write, opened: Open, columns: str) -> None:
    rows: list[dict[str, Any]] = [
        {
            "lists": {
                "query": f"query {n}",
                "positives": [f"p{n}"],
                "negatives": [f"p{n + 1}", "n"],
                "scores": [n, 1, 0.5],
            },
            "triples": {"anchor": f"query {n % 50}", "positive": f"p{n}", "negative": f"n{n % 7}"},
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
    lines = ["the one\tp\tn", "two\tp\tm", "the one\tp\tm", "the one\tn\tn", "the one\tq\tm"]
    expected = [("the one", ["p", "n", "q"], ["m"], None), ("two", ["p"], ["m"], None)]
    assert with_texts(opened(write("triples.tsv", *lines))) == expected
    assert with_texts(opened(write("triples.jsonl.gz", *(line.split("\t") for line in lines)))) == expected
    assert with_texts(opened(write("pairs.tsv", "the one\tp", "two\tp", "the one\tq"))) == [
        ("the one", ["p", "q"], [], None),
        ("two", ["p"], [], None),
    ]


def test_triples_with_scores(write: Write, opened: Open) -> None:
    path = write("scored.tsv", "the one\tp\tn\t3.5\t1", "two\tn\tp\t1\t2", "the one\tp\tm\t3.5\t-1e1")
    made = opened(path)
    assert with_texts(made) == [("the one", ["p"], ["n", "m"], [3.5, 1, -10]), ("two", ["n"], ["p"], [1, 2])]
    assert made.scored


def test_margins_are_kept_with_their_positive(write: Write, opened: Open) -> None:
    rows = [
        {"query": "the one", "positive": "p", "negative": "n", "score": 2.5},
        {"query": "the one", "positive": "q", "negative": "n", "score": 0.5},
        {"query": "the one", "positive": "p", "negative": "m", "score": -1.0},
    ]
    made = opened(write("margins.jsonl", *rows))
    assert with_texts(made) == [("the one", ["p"], ["n", "m"], [0, -2.5, 1]), ("the one", ["q"], ["n"], [0, -0.5])]
    for row in rows:  # MarginMSE sees the margins of the file
        example = next(each for each in made if made.texts[each.positives[0]] == row["positive"])
        place = made.texts.take(example.candidates).index(str(row["negative"]))
        assert example.scores is not None
        assert example.scores[0] - example.scores[place] == row["score"]


def test_labelled_pairs(write: Write, opened: Open) -> None:
    rows = [("the one", "n", 0), ("the one", "p", 1), ("two", "n", 0), ("the one", "q", 1)]
    made = opened(write("pairs.jsonl", *({"anchor": q, "positive": d, "label": label} for q, d, label in rows)))
    assert with_texts(made) == [("the one", ["p", "q"], ["n"], None)]
    assert made.about["left_out"] == {"queries without a positive": 1}


def test_scores_of_some_are_scores_of_none(write: Write, opened: Open) -> None:
    rows = [
        ("the one", "p", "n", [1, 2]),
        ("the one", "p", "m", None),
        ("two", "p", "n", None),
        ("two", "p", "m", [1, 2]),
    ]
    lines = ({"query": q, "positive": p, "negative": n, "scores": s} for q, p, n, s in rows)
    made = opened(write("triples.jsonl", *lines))
    assert with_texts(made) == [("the one", ["p"], ["n", "m"], None), ("two", ["p"], ["n", "m"], None)]


def test_several_files(tmp_path: Path, write: Write, opened: Open) -> None:
    for number in (1, 0):
        write(f"data/part-{number}.jsonl", {"query": f"query {number}", "pos": ["p"], "neg": []})
    made = opened(tmp_path / "data" / "part-*.jsonl")
    assert [each.query for each in made] == ["query 0", "query 1"]
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
        ("a.jsonl", ['{"query": "a q", "pos": ["p"], "scores": [1e999]}'], 1, None, "not a finite number"),
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
        ("named.tsv", "PLAIN-1\tMED-10\tMED-14\nPLAIN-2\tMED-7\tMED-9\n"),
        ("hashes.jsonl", '["q1", "clueweb12-0000tw-00-00001", "https://a.b/c?d=1&e"]\n'),
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
    "content",
    [
        "1984\ta novel\tan anvil\n",
        "two of them\tzwei\tdrei\n",
        "1\t2\t3\nwhat is\ta\tb\n",
        "渡り鳥\t鳥は飛ぶ\t氷は溶ける\n",
    ],
)
def test_numbers_among_texts_are_texts(tmp_path: Path, opened: Open, content: str) -> None:
    (tmp_path / "a.tsv").write_text(content)
    assert len(opened(tmp_path / "a.tsv")) == content.count("\n")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("named.tsv", "q1\tarctic-tern\tsourdough\nq2\tglacier\tsourdough\n"),
        ("named.jsonl", '{"query": "birds", "positives": ["arctic-tern"]}\n'),
        ("mixed.tsv", "qa\td1\td2\n"),
    ],
)
def test_single_words_are_ids_or_texts_which_nobody_can_tell(
    tmp_path: Path, opened: Open, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=r"look like ids, not texts; name the collection .* as objects"):
        opened(tmp_path / name)


def test_single_words_in_objects_are_texts(write: Write, opened: Open) -> None:
    made = opened(write("a.jsonl", {"query": "tern", "positives": [{"text": "bird"}]}))
    assert with_texts(made) == [("tern", ["bird"], [], None)]


@pytest.mark.parametrize(
    "record",
    [{"query": "what is", "positive_ids": ["a b"]}, {"query_id": "1", "positives": ["a b"]}, {"qid": 1, "pos": [7]}],
)
def test_names_of_ids_say_what_to_do(write: Write, opened: Open, record: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"a\.jsonl:1: field '.*': .*; name the collection that has their texts"):
        opened(write("a.jsonl", record))


@pytest.mark.parametrize("header", ["query\tpositive\tnegative", "Anchor\tPositive\tNegative_1", "query\tpos\tneg"])
def test_a_header_of_triples_is_none(write: Write, opened: Open, header: str) -> None:
    made = opened(write("a.tsv", header, "what is\tp\tn"))
    assert with_texts(made) == [("what is", ["p"], ["n"], None)]


def test_a_header_says_which_column_is_which(write: Write, opened: Open) -> None:
    made = opened(write("a.tsv", "positive\tquery\tscore", "p\twhat is\t2.5", "m\twhat is\t1"))
    assert with_texts(made) == [("what is", ["p", "m"], [], [2.5, 1])]
    with pytest.raises(InputError, match=r"a\.tsv:3: field 'score': must be a number, not 'much'"):
        opened(write("a.tsv", "positive\tquery\tscore", "p\twhat is\t2.5", "m\twhat is\tmuch"))
    with pytest.raises(InputError, match=r"a\.tsv:3: 2 columns separated by tabs; expected 3: positive, query, score"):
        opened(write("a.tsv", "positive\tquery\tscore", "p\twhat is\t2.5", "m\twhat is"))
    with pytest.raises(InputError, match=r"a\.tsv:2: field 'query': missing .*; name the collection"):
        opened(write("a.tsv", "query_id\tpositive_id\tnegative_id", "1\t2\t3"))
