"""Writing the documents that a damaged index no longer holds, for adding them again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from lsr.core.documents import Document
from lsr.index.collection.repair.logs import FinalWrites, LogFindings
from lsr.index.collection.repair.report import DOCUMENTS_NAME, DOUBTFUL_NAME, Repair
from lsr.index.collection.repair.salvage import Salvaged, salvaged
from lsr.index.collection.repair.segments import SegmentPlan
from lsr.index.format.records import SegmentRecord
from lsr.index.live.tombstones import Tombstones
from lsr.index.parts.segment import Segment


def write_documents(
    path: Path,
    folder: Path,
    lost: Sequence[SegmentPlan],
    log: LogFindings | None,
    left: Sequence[SegmentRecord],
    found: Repair,
) -> None:
    """Write into `folder` what can be read of lost segments and of the log behind its damage; tell `found` of all.

    `left`: the segments that the index still has. A document that a later write replaced or deleted is left out.
    """
    with ExitStack() as stack:
        files = _Files(stack, folder, found)
        windows = any(each.record.windows is not None for each in lost)
        before, after = FinalWrites(windows=windows), FinalWrites(windows=windows)
        if log is not None:
            before, after = log.final(log.writes), log.final(log.after)
        others: list[Tombstones] | None = None
        for plan in lost:
            with salvaged(path, plan) as (documents, doubt):
                if doubt and others is None:
                    others = [Tombstones(Segment.open(path / record.name, record)) for record in left]
                for each in documents:
                    if each.id is not None and (each.id in before or each.id in after):
                        continue
                    if doubt and each.id is not None and any(other.find(each.id) for other in others or ()):
                        continue  # of the two, that one is the newer
                    files.take(each, doubt)
                if doubt:
                    found.steps.append(f"{plan.record.name}: {doubt}")
        for document in after.documents():
            files.take(Salvaged(document.id, document), "")
        found.deleted += after.deleted()


class _Files:
    """The files of documents, each made when there is something for it."""

    def __init__(self, stack: ExitStack, folder: Path, found: Repair) -> None:
        self._stack, self._folder, self._found = stack, folder, found
        self._open: dict[str, IO[str]] = {}
        self._seen: set[str] = set()

    def take(self, each: Salvaged, doubt: str) -> None:
        """Write a document, or say that it is lost."""
        if each.id is None:
            self._found.unnamed += 1
            return
        if each.id in self._seen:
            return
        self._seen.add(each.id)
        if each.document is None:
            self._found.lost.append(each.id)
            return
        (self._found.doubtful if doubt else self._found.documents).append(each.id)
        name = DOUBTFUL_NAME if doubt else DOCUMENTS_NAME
        if name not in self._open:
            self._open[name] = self._stack.enter_context((self._folder / name).open("w", encoding="utf-8"))
        self._open[name].write(_line(each.document))


def _line(document: Document) -> str:
    """A document as a line of a JSONL corpus."""
    values = {"_id": document.id, "title": document.title, "text": document.text, **document.fields}
    return json.dumps(values, ensure_ascii=False) + "\n"
