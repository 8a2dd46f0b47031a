"""A Python that has imported everything: commands and scripts run in forks of it.

The documentation has some hundred command lines; importing torch for each would take minutes. What runs in a fork is
what runs otherwise: `lsr.cli.app.main` with its arguments, or a script as `__main__`, with the caller's folder,
environment and standard streams. `tests/cli/test_process.py` and `.ci/wheel` start real processes.

    python warm.py SOCKET                      the server: imports, then forks for each request
    python warm.py SOCKET run ARGUMENT...      a request: `lsr …` or `FILE.py …`; exits as that does
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
from pathlib import Path

_PRELOADED = (
    "lsr.cli.app", "lsr.build.corpus", "lsr.build.dense", "lsr.search.retriever", "lsr.search.run", "lsr.eval",
    "lsr.eval.bench", "lsr.index.live.snapshot", "lsr.index.build.builder", "lsr.service.server",
    "lsr.encoding.sparse.encoder", "lsr.encoding.dense.encoder", "lsr.training.run.run", "lsr.training.adapt",
    "faiss", "matplotlib.pyplot", "transformers.models.bert.modeling_bert", "ranx", "bm25s",
)  # fmt: skip


def serve(path: str) -> None:
    """Import, then fork for each request, until killed. Runs no computation itself, so no thread pool is inherited."""
    for name in _PRELOADED:
        __import__(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            message, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _watch(connection, json.loads(message), streams)
            connection.close()
            for stream in streams:
                os.close(stream)


def _watch(connection: socket.socket, request: dict[str, object], streams: list[int]) -> None:
    """Run the request in a fork and send its exit code; end it if the one who asked has gone."""
    worker = os.fork()
    if worker == 0:
        connection.close()
        _work(request, streams)
    while True:
        done, status = os.waitpid(worker, os.WNOHANG)
        if done:
            connection.sendall(bytes([os.waitstatus_to_exitcode(status) % 256]))
            os._exit(0)
        if select.select([connection], [], [], 0.01)[0]:
            os.kill(worker, signal.SIGTERM)
            os.waitpid(worker, 0)
            os._exit(0)


def _work(request: dict[str, object], streams: list[int]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdout.reconfigure(line_buffering=False)  # type: ignore[union-attr]
    code: object = 1
    try:
        os.environ.clear()
        os.environ.update(request["environment"])  # type: ignore[call-overload]
        os.chdir(str(request["folder"]))
        sys.argv = list(request["arguments"])  # type: ignore[call-overload]
        try:
            if sys.argv[0] == "lsr":
                from lsr.cli.app import main

                main()
            else:
                import runpy

                runpy.run_path(sys.argv[0], run_name="__main__")
            code = 0
        except SystemExit as exit:
            code = exit.code
            if isinstance(code, str):
                print(code, file=sys.stderr)
        except BaseException:
            import traceback

            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code if isinstance(code, int) else int(code is not None))


def run(path: str, arguments: list[str]) -> int:
    """Ask the server to run these with this process's folder, environment and streams; the exit code."""
    request = {"arguments": arguments, "folder": str(Path.cwd()), "environment": dict(os.environ)}
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        socket.send_fds(connection, [json.dumps(request).encode()], [0, 1, 2])
        answer = connection.recv(1)
    return answer[0] if answer else 1


if __name__ == "__main__":
    if sys.argv[2:3] == ["run"]:
        sys.exit(run(sys.argv[1], sys.argv[3:]))
    serve(sys.argv[1])
