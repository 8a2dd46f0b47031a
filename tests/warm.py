"""A Python that has imported everything: commands and scripts run in forks of it.

Importing torch and transformers takes seconds of a core, and tests start some hundred processes. What runs in a fork is
what runs otherwise: `lsr.cli.app.main` with its arguments, a script or code as `__main__`, with the caller's folder,
environment and standard streams. `tests/cli/test_process.py` and `.ci/wheel` start real processes.

    python warm.py SOCKET                      the server: imports, then forks for each request
    python warm.py SOCKET run ARGUMENT...      a request: `lsr …`, `FILE.py …` or `-c CODE …`; ends as that does

The server ends with the last of those who use it: who started it holds its stdin open, all others a connection.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from types import FrameType, ModuleType

_PRELOADED = (
    "lsr.cli.app", "lsr.build.corpus", "lsr.build.dense", "lsr.search.retriever", "lsr.search.run", "lsr.eval",
    "lsr.eval.bench", "lsr.index.live.snapshot", "lsr.index.build.builder", "lsr.service.server",
    "lsr.encoding.sparse.encoder", "lsr.encoding.dense.encoder", "lsr.training.run.run", "lsr.training.adapt",
    "faiss", "matplotlib.pyplot", "transformers.models.bert.modeling_bert", "ranx", "bm25s",
)  # fmt: skip
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
USES = b"uses"
"""What one says who will ask for more, and is answered with the same."""


def serve(path: str) -> None:
    """Import, then fork for each request, until nobody is left who uses it. No thread pool is there to be inherited."""
    for name in _PRELOADED:
        __import__(name)
    from lsr.build.warmup import compile_kernels

    compile_kernels()  # loads them
    gc.collect()
    gc.freeze()
    # Waited for and not ignored, so that the time of all counts as this one's.
    signal.signal(signal.SIGCHLD, _reap)
    users: list[int | socket.socket] = [sys.stdin.fileno()]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        print("ready", flush=True)
        while users:
            ready, _, _ = select.select([listener, *users], [], [])
            users = [user for user in users if user not in ready]
            if listener not in ready:
                continue
            connection, _ = listener.accept()
            message, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
            if message == USES:
                connection.sendall(USES)
                users.append(connection)
            elif message and os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _watch(connection, json.loads(message), streams)
            if message != USES:
                connection.close()
            for stream in streams:
                os.close(stream)


def _reap(*_: object) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _watch(connection: socket.socket, request: dict[str, object], streams: list[int]) -> None:
    """Run the request in a fork, pass on the signals that are sent, and send how it ended; end it with who asked."""
    worker = os.fork()
    if worker == 0:
        connection.close()
        _work(request, streams)
    for stream in streams:
        os.close(stream)
    while True:
        done, status = os.waitpid(worker, os.WNOHANG)
        if done:
            with suppress(OSError):
                connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
            os._exit(0)
        if select.select([connection], [], [], 0.01)[0]:
            sent = connection.recv(1)
            os.kill(worker, sent[0] if sent else signal.SIGKILL)
            if not sent:
                os.waitpid(worker, 0)
                os._exit(0)


def _work(request: dict[str, object], streams: list[int]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdout.reconfigure(line_buffering=False)  # type: ignore[union-attr]
    # What a shell runs in the background ignores it, and passes that on.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code: object = 1
    try:
        os.environ.clear()
        os.environ.update(request["environment"])  # type: ignore[call-overload]
        os.chdir(str(request["folder"]))
        sys.path[:1] = ["", *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        _run(list(request["arguments"]))  # type: ignore[call-overload]
        code = 0
    except SystemExit as exit:
        code = exit.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


def _run(arguments: list[str]) -> None:
    sys.argv = arguments
    if arguments[0] == "lsr":
        from lsr.cli.app import main

        main()
    elif arguments[0] == "-c":
        sys.argv = ["-c", *arguments[2:]]
        sys.modules["__main__"] = ModuleType("__main__")
        exec(compile(arguments[1], "<string>", "exec", dont_inherit=True), vars(sys.modules["__main__"]))
    else:
        import runpy

        sys.path[0] = os.path.dirname(arguments[0])  # noqa: PTH120, as Python itself
        runpy.run_path(arguments[0], run_name="__main__")


def run(path: str, arguments: list[str]) -> int:
    """Ask the server to run these with this process's folder, environment and streams; the exit code."""
    request = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}  # noqa: PTH109
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)

        def pass_on(number: int, _: FrameType | None) -> None:
            with suppress(OSError):
                connection.sendall(bytes([number]))

        socket.send_fds(connection, [json.dumps(request).encode()], [0, 1, 2])
        for number in _SIGNALS:
            signal.signal(number, pass_on)
        code = int(connection.recv(8) or 1)
    if code < 0:
        with suppress(OSError):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    if sys.argv[2:3] == ["run"]:
        sys.exit(run(sys.argv[1], sys.argv[3:]))
    serve(sys.argv[1])
