"""Opening training data of any format as a training set."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock

from lsr.core.errors import InputError
from lsr.core.files import scratch_folder
from lsr.text import irds, open_corpus
from lsr.text.folder import folder_files
from lsr.training.data.conversion import convert_corpus, convert_records, convert_source
from lsr.training.data.fields import RecordParser
from lsr.training.data.layout import VERSION
from lsr.training.data.pseudo_queries import Kind
from lsr.training.data.records import Located, read_listed, record_files
from lsr.training.data.source import open_source
from lsr.training.data.training_set import TrainingSet, is_training_set
from lsr.training.data.writer import TrainingSetWriter

# Part of every fingerprint: increase it when the same source would give a different set.
_CONVERSION = 2
PSEUDO: dict[str, Kind] = {"titles:": "titles", "crops:": "crops"}
"""What a source begins with whose queries are made of documents."""


def open_training_set(
    source: str | Path,
    *,
    split: str = "train",
    candidates: str | Path | None = None,
    scores: str | Path | None = None,
    systems: Sequence[str] | None = None,
    all_texts: bool = False,
    seed: int = 0,
    work: str | Path,
    progress: Callable[[int], None] | None = None,
) -> TrainingSet:
    """Open training data of any format; docs/training-data.md shows each.

    A training set is opened as it is. Anything else is converted once, into a folder in `work`, which is reused as long
    as files and options are the same; several processes may do so at the same time.

    Args:
        source: a training set; a BEIR folder, an MS MARCO folder or "irds:NAME"; a file or pattern of files of records
            with their texts (.jsonl, .parquet, .tsv; .gz and .zst too); "titles:CORPUS" or "crops:CORPUS", whose
            queries are made from the documents of anything that `lsr.text.open_corpus` reads.
        split: the split of a folder whose judgements or queries are used; "irds:NAME" names its own.
        candidates: by id, for the texts of a folder or "irds:NAME", instead of its own: records, triples, hard
            negatives by system, scored lists, or a dictionary of scores.
        scores: a file of scores of those candidates, in the forms that list candidates with scores.
        systems: use only the negatives of these systems, if negatives are listed by system; all if None.
        all_texts: also keep texts that are not candidates, for mining.
        seed: for the crops.
        progress: called with the number of documents or records just read.

    Returns:
        The set; its `about` says how it was made and, under "left_out", what was left out, by reason.

    Raises:
        InputError: for a source that isn't there, malformed records (file, line and field), or no examples at all.
    """
    source, work = str(source), Path(work)
    if is_training_set(Path(source)):
        if candidates is not None or scores is not None:
            raise InputError("this is a training set; candidates and scores by id need a collection", source=source)
        return TrainingSet.open(source)

    options: dict[str, Any] = {"source": source}
    pseudo = next((prefix for prefix in PSEUDO if source.startswith(prefix)), None)
    by_id = pseudo is None and (source.startswith(irds.PREFIX) or Path(source).is_dir())
    if not by_id and (candidates is not None or scores is not None):
        raise InputError("candidates and scores by id need a collection: a folder or irds:NAME", source=source)
    convert: Callable[[TrainingSetWriter, Path], None]
    if pseudo is not None:
        corpus, kind = source.removeprefix(pseudo), PSEUDO[pseudo]
        files = _corpus_files(corpus)
        options |= {"all_texts": all_texts} | ({"seed": seed} if kind == "crops" else {})
        convert = partial(
            convert_corpus, documents=open_corpus(corpus), kind=kind, seed=seed, all_texts=all_texts, progress=progress
        )
    elif by_id:
        found = open_source(source, split)
        listed, scored = _listing(candidates, systems), _listing(scores, None)
        files = [*found.files, *_record_files(candidates), *_record_files(scores)]
        options |= {"split": split, "candidates": _text(candidates), "scores": _text(scores)}
        options |= {"systems": systems and sorted(systems), "all_texts": all_texts}
        convert = partial(
            convert_source,
            source=found,
            candidates=listed,
            scores=scored,
            all_texts=all_texts,
            progress=progress,
        )
    else:
        files = record_files(source)
        options |= {"systems": systems and sorted(systems)}
        convert = partial(convert_records, files=files, parser=RecordParser(systems=systems), progress=progress)
    return _converted(convert, work, options, files)


def _converted(
    convert: Callable[[TrainingSetWriter, Path], None], work: Path, options: dict[str, Any], files: Iterable[Path]
) -> TrainingSet:
    """The set made earlier from the same files and options, or a new one."""
    stamps = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    fingerprint = json.dumps([VERSION, _CONVERSION, options, stamps])
    digest = hashlib.blake2b(fingerprint.encode(), digest_size=6).hexdigest()
    name = re.sub(r"[^\w.-]+", "-", options["source"].rstrip("/").rpartition("/")[2]).strip("-.")
    target = work / f"{name}-{digest}"
    work.mkdir(parents=True, exist_ok=True)
    with (
        FileLock(work / f".{target.name}.lock"),  # all processes of a training run need it
        scratch_folder(work / f".{target.name}.work") as folder,  # removes what a killed process left of it, too
    ):
        if not is_training_set(target):
            with TrainingSetWriter(target, about=options) as writer:
                convert(writer, folder)
    return TrainingSet.open(target)


def _listing(source: str | Path | None, systems: Sequence[str] | None) -> Callable[[], Iterator[Located]] | None:
    """A function that reads records by id, from the beginning on each call."""
    if source is None:
        return None
    files = record_files(source)

    def read() -> Iterator[Located]:
        parser = RecordParser(by_id=True, systems=systems)
        yield from read_listed(files, parser, by_id=True)
        parser.check_systems()

    return read


def _record_files(source: str | Path | None) -> list[Path]:
    return [] if source is None else record_files(source)


def _corpus_files(corpus: str) -> list[Path]:
    if corpus.startswith(irds.PREFIX):
        return []
    path = Path(corpus)
    if not path.is_dir():
        return [path] if path.is_file() else []
    return sorted(path.glob("corpus.jsonl*")) or list(folder_files(path))


def _text(path: str | Path | None) -> str | None:
    return None if path is None else str(path)
