"""The files that are one document each, by the ending of their names."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from lsr.core.errors import InputError, LsrError
from lsr.text.files.extra import INSTALL, is_installed
from lsr.text.files.page import Page
from lsr.text.lines import content_suffix


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How files of one kind are read.

    Attributes:
        module: has `read(path)`, which gives a `Page`. It raises ValueError with what is wrong with the file; whatever
            else a library raises is taken for a damaged file.
        library: what has to be installed; None if the file may be compressed, and all is there to read it.
    """

    module: str
    library: str | None = None


_PLAIN = FileFormat("lsr.text.files.plain")
_MARKDOWN = FileFormat("lsr.text.files.markdown")
_HTML = FileFormat("lsr.text.files.html", "bs4")
_OPEN_DOCUMENT = FileFormat("lsr.text.files.odt", "defusedxml")

FILE_FORMATS: dict[str, FileFormat] = {
    ".txt": _PLAIN,
    ".md": _MARKDOWN,
    ".markdown": _MARKDOWN,
    ".rst": _PLAIN,
    ".org": FileFormat("lsr.text.files.org"),
    ".html": _HTML,
    ".htm": _HTML,
    ".xhtml": _HTML,
    ".pdf": FileFormat("lsr.text.files.pdf", "pypdf"),
    ".docx": FileFormat("lsr.text.files.docx", "docx"),
    ".pptx": FileFormat("lsr.text.files.pptx", "pptx"),
    ".xlsx": FileFormat("lsr.text.files.xlsx", "openpyxl"),
    ".odt": _OPEN_DOCUMENT,
    ".ods": _OPEN_DOCUMENT,
    ".odp": _OPEN_DOCUMENT,
}
"""By the ending, in lower case."""


def file_format(path: Path) -> FileFormat | None:
    """How a file is read; None if it is of another kind. A compressed text is known by the ending before that."""
    found = FILE_FORMATS.get(path.suffix.lower())
    if found is None:
        found = FILE_FORMATS.get(content_suffix(path))
        return None if found is None or found.library is not None else found
    return found


def unread_kind(path: Path) -> str | None:
    """What a file that is not read is called in a list of those; None if it is read."""
    found = file_format(path)
    if found is None:
        return content_suffix(path) or "without an ending"
    if found.library is not None and not is_installed(found.library):
        return f"{path.suffix.lower()} ({INSTALL} reads them)"
    return None


def read_file(path: Path) -> Page:
    """A file as one document. InputError for one that cannot be read, MissingDependencyError without its library."""
    found = file_format(path)
    if found is None:
        raise InputError(f"is of a kind that is not read; those are {', '.join(FILE_FORMATS)}", source=str(path))
    try:
        page: Page = import_module(found.module).read(path)
    except LsrError:
        raise
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", source=str(path)) from error
    except UnicodeError as error:
        raise InputError(f"holds text that is damaged: {error}", source=str(path)) from None
    except ValueError as error:
        raise InputError(str(error), source=str(path)) from None
    except RecursionError:
        raise InputError("nested too deeply", source=str(path)) from None
    except Exception as error:  # what a library raises on a damaged file has no common base
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise InputError(f"cannot be read as a {path.suffix.lower()} file: {reason}", source=str(path)) from error
    return page
