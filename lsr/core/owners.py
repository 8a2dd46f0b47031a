"""Whether a folder of compiled code is one's own: what is loaded from it is run, so nobody else may write there.

One's own, or root's: a system's owner may compile for all its users. A group that has nobody else in it, as many
systems give each user, counts as oneself. Windows has no such owners, and a user's cache folder is the user's there.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path


def is_root() -> bool:
    """Whether this is the system's administrator."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def cache_doubt(folder: Path) -> str | None:
    """Why code in the folder of all kernels is not to be loaded, or None. One that is not there yet is none to doubt.

    The folder that it lies in counts too: who may write there may put another in its place, unless it is sticky, as
    /tmp is.
    """
    return _doubt(folder.parent, sticky=True) or _doubt(folder)


def kernels_doubt(folder: Path) -> str | None:
    """Why what lies in a folder of kernels is not to be loaded, or None."""
    if (found := _doubt(folder)) is not None:
        return found
    try:
        private = not folder.stat().st_mode & 0o077
        paths = list(folder.iterdir())
    except OSError:
        return None
    # Where only its owner comes in, the modes of files let nobody else write.
    return next((found for path in paths if (found := _doubt(path, modes=not private)) is not None), None)


def share(folder: Path) -> None:
    """Let everybody read what lies in a folder, whatever the umask is, and nobody else write."""
    for path in (folder.parent, folder, *folder.iterdir()):
        with suppress(OSError):
            path.chmod(0o755 if path.is_dir() else 0o644)


def _doubt(path: Path, *, sticky: bool = False, modes: bool = True) -> str | None:
    if not hasattr(os, "geteuid"):
        return None
    try:
        found = path.stat()
    except OSError:
        return None
    if found.st_uid not in (0, os.geteuid()):
        return f"{path} belongs to another user, whose code would be run; set LSR_CACHE_DIR to a folder of yours"
    mode = found.st_mode
    if not modes or (sticky and mode & stat.S_ISVTX):
        return None
    if mode & stat.S_IWOTH or (mode & stat.S_IWGRP and not _is_own_group(found.st_gid)):
        return f"others may write to {path}, and their code would be run; take that from them: chmod go-w {path}"
    return None


def _is_own_group(group: int) -> bool:
    """Whether nobody but this user is in a group."""
    import grp
    import pwd

    try:
        user, entry = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    return entry.gr_name == user.pw_name and not set(entry.gr_mem) - {user.pw_name}
