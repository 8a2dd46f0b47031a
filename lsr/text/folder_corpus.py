"""A folder of documents, file by file: for who keeps up with it, and reads again only what has changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lsr.core.arguments import path_of
from lsr.core.documents import Document
from lsr.core.errors import InputError, LsrError, MissingInputError
from lsr.text.beir import is_beir_folder, part_file, read_part
from lsr.text.folder import read_files, read_one_file
from lsr.text.formats import record_formats
from lsr.text.records import FieldNames, documents
from lsr.text.reports import Reporter, SkipReport


class FolderListing(NamedTuple):
    """The files that are in a folder.

    Attributes:
        files: that are read, by their paths below the folder with "/", in the order of `lsr index FOLDER`.
        closed: folders below it, by the same paths, that could not be looked into.
        report: what is left out.
    """

    files: dict[str, Path]
    closed: list[str]
    report: SkipReport


class FolderCorpus:
    """The documents of a folder, as `open_corpus` reads it: with the same ids, titles, texts and fields.

    Args:
        path: the folder.
        without: a folder in it that is no part of it.

    Attributes:
        path: the folder.
    """

    def __init__(self, path: str | Path, *, without: Path | None = None) -> None:
        self.path = path_of(path, "a folder of documents")
        self._without = None if without is None else without.resolve()

    def listing(self) -> FolderListing:
        """The files that are there now. MissingInputError if the folder is not, InputError for what is none."""
        if not self.path.exists():
            raise MissingInputError("no such folder", source=str(self.path))
        if not self.path.is_dir():
            raise InputError("not a folder", source=str(self.path))
        report, closed = SkipReport(), list[str]()
        if is_beir_folder(self.path):
            found = [part_file(self.path, "corpus")]
        else:

            def tell(error: InputError) -> None:
                report.add(error)
                closed.append(self._name(Path(error.source or self.path)))

            found = list(read_files(self.path, Reporter(report, tell), record_formats()))
        files = {self._name(path): path for path in found if not self._is_left_out(path)}
        for name in [name for name in files if not _is_text(name)]:
            report.add(InputError("the file name is not UTF-8; rename the file", source=ascii(str(files.pop(name)))))
        return FolderListing(files, closed, report)

    def _is_left_out(self, path: Path) -> bool:
        return self._without is not None and path.parent.resolve().is_relative_to(self._without)

    def documents(self, path: Path, report: SkipReport) -> Iterator[Document]:
        """The documents of one of its files; what cannot be read is counted in `report`, and no error."""
        tell, names = Reporter(report, report.add), FieldNames()
        beir = is_beir_folder(self.path)
        try:
            records = (
                read_part(path, names, tell) if beir else read_one_file(path, self.path, names, tell, record_formats())
            )
            yield from documents(records, names, str(path), tell)
        except InputError as error:
            report.add(error)
        except LsrError as error:
            report.add(InputError(error.problem, source=str(path), remedies=error.remedies))
        except OSError as error:
            report.add(InputError(f"cannot be read: {error.strerror or error}", source=str(path)))

    def _name(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
