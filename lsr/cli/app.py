"""The `lsr` command: how it begins, and how it ends, whatever happens in between.

What takes time to import is imported within `main`, where an interruption is met.
"""

from __future__ import annotations

import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

_DEBUG = "--debug"


def main() -> NoReturn:
    """Run the command line and exit: 0 for success, 1 for a repair that lost something, 2 for what the caller can mend,
    130 when interrupted, and, quietly, 141 when the reader of its answers has gone.

    An error that is not one of lsr's is reported without its traceback, unless `--debug` asks for it.
    """
    debug = _take_debug()
    try:
        # A killed job cleans up as an interrupted one does.
        signal.signal(signal.SIGTERM, _terminate)
        code = _run(debug)
    except KeyboardInterrupt:
        code = _interrupted()
    except SystemExit as exit:
        code = exit.code if isinstance(exit.code, int) else int(exit.code is not None)
    finally:
        # What is left to do has no use for a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(code)


def _run(debug: bool) -> int:
    from lsr.cli.streams import READER_GONE, ReaderGone, flush_stdout, prepare_streams

    prepare_streams()
    from lsr.cli.commands import Commands
    from lsr.cli.console import Interrupted, note
    from lsr.cli.failures import failed, reason, with_notes
    from lsr.cli.remedies import by_flag, in_flags
    from lsr.cli.root import app
    from lsr.core.errors import LsrError
    from lsr.core.unfinished import begin_command, end_command

    begin_command(sys.argv[1:])
    try:
        try:
            app(standalone_mode=True)
        finally:
            flush_stdout()
    except LsrError as error:
        flags = Commands().flags_of(sys.argv[1:])
        given = {argument.partition("=")[0] for argument in sys.argv[1:]}
        words = by_flag(error, error.message(partial(in_flags, flags=flags)), flags & given)
        code = failed(with_notes(words, error))
    except Interrupted as interruption:
        note(str(interruption))
        code = 130
    except KeyboardInterrupt:
        code = _interrupted()
    except SystemExit as exit:
        code = exit.code if isinstance(exit.code, int) else int(exit.code is not None)
        if code == 130:
            note("interrupted")
    except Exception as error:
        if isinstance(error, BrokenPipeError | ReaderGone):
            code = READER_GONE
        elif debug:
            raise
        else:
            code = failed(reason(error))
    else:
        code = 0
    # With 1, all was done and said, too: of a repair, that something is lost.
    end_command(well=code in (0, 1))
    return code


def _interrupted() -> int:
    sys.stderr.write("interrupted\n")
    return 130


def _take_debug() -> bool:
    """Whether --debug stands among the arguments; it is taken out, since each command would have to know it."""
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    found = _DEBUG in sys.argv[1:end]
    sys.argv[1:end] = [argument for argument in sys.argv[1:end] if argument != _DEBUG]
    return found


def _terminate(signum: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + signum)
