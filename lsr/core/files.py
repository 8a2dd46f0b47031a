"""Outputs that appear whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lsr.core.errors import OutputExistsError
from lsr.core.obstacles import check_way, is_special, kind, make_folder, not_made
from lsr.core.places import named
from lsr.core.remedies import REPLACE
from lsr.core.unfinished import file_identity, is_unfinished, mark_output

_CHUNK = 1 << 20
# Of writing, where Python names no file.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


def check_output(path: str | Path, *, force: bool = False) -> Path:
    """Return `path` as a Path, or raise OutputExistsError if it exists and `force` is not set.

    What this same command published before it was killed counts as not there. A device or pipe is never replaced.
    Raises the OSError, too, that making something there would meet.
    """
    path = named(path)
    check_way(path)
    if is_special(path):
        raise OutputExistsError(f"{path} is {kind(path)}, and is not replaced: choose another output")
    if not force and (path.exists() or path.is_symlink()) and not is_unfinished(path, file_identity):
        raise OutputExistsError(f"{path} already exists", remedies=["choose another output", REPLACE])
    return path


def check_file(path: str | Path, *, force: bool = False) -> Path:
    """As `check_output`, for a file that is written at the end of long work: its folder is made, and must be writable.

    Raises OutputExistsError also for a folder in its place, and the OSError that writing would meet.
    """
    path = check_output(path, force=force)
    if path.is_dir():
        raise OutputExistsError(f"{path} is a folder: name a file")
    check_folder(path.parent)
    return path


def check_folder(path: str | Path) -> Path:
    """Make a folder for outputs, and return it as a Path; raise the OSError that writing into it would meet."""
    path = Path(path)
    make_folder(path)
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return path


@contextmanager
def atomic_file(path: str | Path, *, force: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` if the block succeeds, remove it if not.

    What a killed process left there is replaced. Raises OutputExistsError before anything is written, also while
    another process writes the same file.
    """
    path = check_output(path, force=force)
    if path.is_dir():
        raise OutputExistsError(f"{path} is a folder, where a file is to be written: choose another output")
    make_folder(path.parent)
    temporary = _temporary(path)
    with naming(path), _only_writer(temporary, path):
        try:
            yield temporary
            sync(temporary)
            mark_output(path, file_identity(temporary))
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync(path.parent)


@contextmanager
def atomic_folder(path: str | Path, *, force: bool = False) -> Iterator[Path]:
    """Give a new temporary folder beside `path`; rename it to `path` if the block succeeds, remove it if not.

    With `force`, what stood at `path` is moved aside and removed once the new folder is in its place; if a process was
    killed in between, it is put back. Raises OutputExistsError as `atomic_file` does, and for a folder that the current
    one lies in.
    """
    path = named(path)
    temporary, aside = _temporary(path), path.with_name(f".{path.name}.old")
    if not path.exists() and not path.is_symlink() and os.path.lexists(aside):
        aside.rename(path)
    path = check_output(path, force=force)
    if path.is_dir() and Path.cwd().is_relative_to(path.resolve()):
        raise OutputExistsError(f"{path} is the current folder, or holds it, and will not be replaced")
    make_folder(path.parent)
    with naming(path), _only_writer(temporary, path, folder=True):
        try:
            remove(aside)
            yield temporary
            for entry in [*temporary.rglob("*"), temporary]:
                sync(entry)
            mark_output(path, file_identity(temporary))
            if path.exists() or path.is_symlink():
                path.replace(aside)
            temporary.replace(path)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            if not path.exists() and os.path.lexists(aside):
                aside.rename(path)
            raise
        sync(path.parent)
        with suppress(OSError):
            remove(aside)


@contextmanager
def scratch_folder(path: str | Path) -> Iterator[Path]:
    """Give an empty folder of this name, which is removed at the end, or by the next run after a kill.

    OutputExistsError while another process uses it.
    """
    path = Path(path)
    make_folder(path.parent)
    with naming(path), _only_writer(path, path, folder=True):
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Name the file or folder in errors of writing to it that name none: a full disk, say."""
    try:
        yield
    except OSError as error:
        name_path(error, path)
        raise


def name_path(error: BaseException | None, path: str | Path) -> None:
    """Let an error of writing that names no file name this one, and one of copying what was written, not read."""
    if not isinstance(error, OSError) or error.errno not in _FULL:
        return
    if error.filename is None:
        error.filename = str(path)
    elif error.filename2 is not None and error.errno != errno.EIO:  # which may be of either
        error.filename, error.filename2 = error.filename2, None


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.tmp")


@contextmanager
def _only_writer(temporary: Path, path: Path, *, folder: bool = False) -> Iterator[None]:
    """Make an empty file or folder in place of what a killed process left there; the lock says that this one lives."""
    while True:
        if temporary.is_symlink():
            temporary.unlink()
        descriptor = _locked(temporary, path)
        if descriptor is not None and folder == temporary.is_dir():
            # A killed writer's, or of another kind of output: what is in it goes, the lock stays.
            if not folder:
                os.ftruncate(descriptor, 0)
            else:
                for entry in temporary.iterdir():
                    remove(entry)
            break
        if descriptor is not None:
            remove(temporary)
            os.close(descriptor)
        with suppress(FileExistsError):
            try:
                if folder:
                    temporary.mkdir()
                else:
                    temporary.touch(exist_ok=False)
            except FileNotFoundError:
                raise not_made(temporary) from None
    try:
        yield
    finally:
        os.close(descriptor)


def _locked(temporary: Path, path: Path) -> int | None:
    """A descriptor of what is there, locked; None if nothing is."""
    try:
        descriptor = os.open(temporary, os.O_RDONLY if temporary.is_dir() else os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        same = os.path.samestat(os.fstat(descriptor), temporary.stat())
    except BlockingIOError:
        os.close(descriptor)
        raise OutputExistsError(f"{path}: another process is writing it; wait for it to end") from None
    except FileNotFoundError:
        same = False
    except OSError:
        same = True  # a file system without locks
    if not same:  # published, or removed, in the meantime
        os.close(descriptor)
        return None
    return descriptor


def remove(path: Path) -> None:
    """Remove a file, a link, or a folder with all that is in it; nothing if it is not there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Flush a file's or folder's bytes to the disk, so that a rename that follows never publishes empty data."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with naming(path):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def crc32(path: Path) -> int:
    """CRC-32 of a file's bytes, read in chunks."""
    value = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            value = zlib.crc32(chunk, value)
    return value
