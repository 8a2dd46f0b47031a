from __future__ import annotations

import gzip
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsr.core.errors import InputError, OutputExistsError
from lsr.core.files import check_file
from lsr.eval import Ranking, read_run, write_run
from lsr.eval.runs import run_word, with_ids


def ranking(*pairs: tuple[str, float], dtype: type = np.float64) -> Ranking:
    return Ranking([id for id, _ in pairs], np.array([score for _, score in pairs], dtype=dtype))


@pytest.mark.parametrize("name", ["run.trec", "run.trec.gz"])
@pytest.mark.parametrize("width", [32, 64])
@given(data=st.data())
def test_reading_back_gives_the_same_ranking(
    tmp_path_factory: pytest.TempPathFactory, name: str, width: int, data: st.DataObject
) -> None:
    dtype = np.float32 if width == 32 else np.float64
    values = data.draw(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=width), max_size=8))
    values += values[:2]  # ties, whose order must survive
    scores = np.array(sorted(values, reverse=True), dtype=dtype)
    ids = data.draw(st.permutations([f"d{i}" for i in range(len(scores))]))
    path = tmp_path_factory.getbasetemp() / name
    write_run(path, {"q": Ranking(ids, scores)}, force=True)
    again = read_run(path)
    assert [(found.ids, found.scores.astype(dtype).tolist()) for found in again.values()] == (
        [(ids, scores.tolist())] if len(scores) else []
    )


def test_form_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "run.trec"
    write_run(path, {"q1": ranking(("b", 2.5), ("a", 0.1), dtype=np.float32), "q2": ranking()}, tag="mine")
    assert path.read_text() == "q1 Q0 b 1 2.5 mine\nq1 Q0 a 2 0.100000001 mine\n"


def test_without_a_tag_it_is_the_name_of_the_file(tmp_path: Path) -> None:
    write_run(tmp_path / "words.trec.gz", {"q": ranking(("a", 1.0))})
    assert gzip.decompress((tmp_path / "words.trec.gz").read_bytes()).split()[-1] == b"words"


def test_ties_by_rank_or_as_trec_eval_breaks_them(tmp_path: Path) -> None:
    path = tmp_path / "run.trec"
    # 0.3 and 0.30000000001 are one float32, so a tie to trec_eval, which goes by document id, the last first.
    lines = [
        "q Q0 b 2 0.3 t",
        "q Q0 c 1 0.3 t",
        "q Q0 a 3 0.30000000001 t",
        "q Q0 é 4 0.3 t more words",
        "q Q0 z 0 0.1 t",
    ]
    path.write_text("\n".join(lines))
    assert read_run(path)["q"].ids == ["a", "c", "b", "é", "z"]
    assert read_run(path, ties="trec_eval")["q"].ids == ["é", "c", "b", "a", "z"]


@pytest.mark.parametrize(
    ("line", "field", "message"),
    [
        ("q Q0 b 2 0.3", None, "5 fields where 6"),
        ("q Q0 b first 0.3 t", "rank", "whole number, not 'first'"),
        ("q Q0 b 2 high t", "score", "finite number, not 'high'"),
        ("q Q0 b 2 nan t", "score", "finite number, not 'nan'"),
        ("q Q0 a 2 0.3 t", "document", "'a' is retrieved twice"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, line: str, field: str | None, message: str) -> None:
    path = tmp_path / "run.trec"
    path.write_text(f"q Q0 a 1 0.5 t\n{line}\n")
    with pytest.raises(InputError, match=message) as caught:
        read_run(path)
    assert (caught.value.source, caught.value.line, caught.value.field) == (str(path), 2, field)


def test_white_space_in_ids_is_encoded_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "run.trec"
    run = {"q 1": ranking(("my notes.md", 2.0), ("50%20off", 1.0), ("a\u2028b", 0.5))}
    assert write_run(path, run, tag="my model", force=True) == 4
    assert path.read_text(encoding="utf-8").splitlines() == [
        "q%201 Q0 my%20notes.md 1 2 my%20model",
        "q%201 Q0 50%2520off 2 1 my%20model",
        "q%201 Q0 a%E2%80%A8b 3 0.5 my%20model",
    ]
    again = read_run(path)
    found = with_ids(again, ["q 1"], ["my notes.md", "50%20off", "a\u2028b", "other"])
    assert {query: each.ids for query, each in found.items()} == {"q 1": run["q 1"].ids}
    assert with_ids(again, ["q1"], ["d1"]) is again


def test_no_two_ids_become_one_word(tmp_path: Path) -> None:
    ids = [
        "\ufeffa",  # which would begin the file
        "#",  # and a comment
        "%23",
        "a b",
        "a%20b",
        "a%2520b",
        "a%b",
        "50% off",
        "50%off",
        "100%",
        "%",
        "%2 0",
        "% 20",
        "%%20",
        "a%C2%A0b",
        "a\xa0b",
    ]
    run = {"q": ranking(*((id, 100.0 - rank) for rank, id in enumerate(ids)))}
    write_run(tmp_path / "run.trec", run)
    found = with_ids(read_run(tmp_path / "run.trec"), ["q"], ids)
    assert found["q"].ids == ids
    # The first of a line as well.
    every = {id: ranking(("d", 1.0)) for id in ids}
    write_run(tmp_path / "queries.trec", every)
    assert list(with_ids(read_run(tmp_path / "queries.trec"), ids, ["d"])) == ids
    assert run_word("50%off") == "50%off" and run_word("100%") == "100%"


@given(st.lists(st.text("ab% 20F\u2028", min_size=1), unique=True))
def test_words_tell_ids_apart(ids: list[str]) -> None:
    assert len({run_word(id) for id in ids}) == len(ids)
    assert [unquote(run_word(id)) for id in ids] == ids


def test_ids_of_a_run_that_was_made_elsewhere_stay(tmp_path: Path) -> None:
    path = tmp_path / "run.trec"
    path.write_text("q Q0 a%20b 1 3 t\nq Q0 50%off 2 2 t\nq Q0 100% 3 1 t\n")
    ids = ["a%20b", "50%off", "100%", "other id"]
    assert with_ids(read_run(path), ["q"], ids)["q"].ids == ids[:3]


@pytest.mark.parametrize("id", ["", *"\t\n\r\x0b\x0c\x1c\x85\xa0\u3000"])
def test_every_id_is_one_word_of_a_run(id: str) -> None:
    if not id:
        with pytest.raises(InputError, match="empty id"):
            run_word(id)
    else:
        assert len(run_word(f"a{id}b").split()) == 1 and run_word(f"a{id}b") != f"a{id}b"


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_no_number_leaves_no_file(tmp_path: Path, score: float) -> None:
    with pytest.raises(InputError, match="query 'q2' has a score that is not a finite number"):
        write_run(tmp_path / "run.trec", {"q1": ranking(("a", 1.0)), "q2": ranking(("a", score))})
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_cannot_be_written_is_met_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputExistsError, match=r"folder is a folder: name a file"):
        check_file(tmp_path / "folder", force=True)
    with pytest.raises(OSError, match="file"):
        check_file(tmp_path / "file" / "run.trec")
    assert check_file(tmp_path / "new" / "run.trec") == tmp_path / "new" / "run.trec"
    assert list((tmp_path / "new").iterdir()) == []


def test_a_run_is_not_overwritten_unasked(tmp_path: Path) -> None:
    path = tmp_path / "run.trec"
    write_run(path, {"q": ranking(("a", 1.0))})
    with pytest.raises(OutputExistsError):
        write_run(path, {"q": ranking(("b", 1.0))})
    assert read_run(path)["q"].ids == ["a"]


def test_gzipped_runs_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    for name in ("one.gz", "two.gz"):
        write_run(tmp_path / name, {"q": ranking(("a", 1.0))}, tag="words")
    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()


def test_without_and_top() -> None:
    full = ranking(("a", 3.0), ("b", 2.0), ("c", 1.0))
    assert full.without("b").ids == ["a", "c"]
    assert full.without("b").scores.tolist() == [3.0, 1.0]
    assert full.without("absent") is full
    assert full.top(2).ids == ["a", "b"]
