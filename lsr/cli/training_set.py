"""What `lsr score` and `lsr mine` share: a training set to read, and BM25's statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lsr.cli.console import note, progress_bar
from lsr.cli.useless import refuse
from lsr.core.files import check_output, scratch_folder
from lsr.core.obstacles import make_folder
from lsr.core.unfinished import announce

if TYPE_CHECKING:
    from lsr.encoding.sparse.bm25 import Bm25Encoder
    from lsr.training.data import TrainingSet

BM25 = "bm25"
_OF_MODELS = ("max_length", "device", "engine", "address")
Source = Annotated[
    str,
    typer.Argument(help="A training set, or anything else that `lsr train` learns from.", show_default=False),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="The training set to make.", show_default=False)]
Split = Annotated[str, typer.Option(help="Which split's judgements or queries to use, if the source has several.")]
CandidateFile = Annotated[
    str | None,
    typer.Option(
        "--candidates",
        help="Candidates by id, for the texts of a folder or irds:NAME: triples, hard negatives, scored lists.",
        show_default=False,
    ),
]
TeacherMaxLength = Annotated[int, typer.Option(min=2, help="The most tokens of a text that models read.")]
Bm25Corpus = Annotated[
    str | None,
    typer.Option(
        "--bm25-corpus",
        help="Count BM25's document frequencies in this corpus. (default: the texts of the set)",
        show_default=False,
    ),
]
WithoutTitles = Annotated[
    bool,
    typer.Option("--without-titles", help="If queries are titles: let teachers read the documents without them."),
]


def refuse_without(context: typer.Context, named: Sequence[str]) -> None:
    """Exit with 2 for a flag of BM25, or of models, where none of those named (--with, --teacher) is one."""
    if BM25 not in named:
        refuse(
            context, f"is of {BM25}, which is not among those named: name it as well, or leave this out", "bm25_corpus"
        )
    if all(name == BM25 or Path(name).is_file() for name in named):
        refuse(context, "is of models, and none is named: name one, or leave this out", *_OF_MODELS)


@contextmanager
def open_source(
    source: str, out: Path, *, split: str, candidates: str | None, all_texts: bool = False, force: bool
) -> Iterator[tuple[TrainingSet, Path]]:
    """Give the training set, and a folder beside `out` for large files, which is removed afterwards.

    With `all_texts`, the set contains the whole corpus of a collection, not only the candidates.
    """
    from lsr.training.data import open_training_set

    announce(out)
    check_output(out, force=force)
    make_folder(out.parent)
    with scratch_folder(out.with_name(f".{out.name}.work")) as work:
        with progress_bar("reading", None, "records") as progress:
            training_set = open_training_set(
                source, split=split, candidates=candidates, all_texts=all_texts, work=work / "source", progress=progress
            )
        if training_set.left_out:
            note(f"{source}: left out: {training_set.left_out}")
        yield training_set, work


def bm25_of(training_set: TrainingSet, corpus: str | None) -> Callable[[], Bm25Encoder]:
    """A function that returns BM25 with the statistics of a corpus, or of the set's texts; they are counted once."""

    @cache
    def fit() -> Bm25Encoder:
        from lsr.encoding.sparse.bm25 import Bm25Encoder
        from lsr.text import count_documents, open_corpus

        texts = training_set.texts
        total = len(texts) if corpus is None else count_documents(corpus)
        with progress_bar("bm25: counting", total, "texts") as progress:
            if corpus is None:
                return Bm25Encoder.fit((texts[row] for row in range(len(texts))), progress=progress)
            return Bm25Encoder.fit((document.contents for document in open_corpus(corpus)), progress=progress)

    return fit
