"""Where models run, on how many threads, and in which process."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from lsr import SparseEncoder
from lsr.core import cpus
from lsr.core.errors import InputError, ModelError
from lsr.encoding.cross.encoder import CrossEncoder
from lsr.encoding.dense.encoder import DenseEncoder
from lsr.encoding.late.encoder import TokenEncoder
from lsr.encoding.shared import threads
from lsr.encoding.shared.placement import choose_device
from lsr.encoding.shared.threads import use_threads


@pytest.fixture
def torch_threads() -> Any:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


# -- devices ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["gpu", "CUDA", "cuda:x", "cpu:0 ", "", "tpu", "cuda:-1", "meta", "auto:1"])
def test_a_device_that_there_is_not(device: str) -> None:
    with pytest.raises(ModelError, match="it can be 'auto', 'cpu', 'cuda'"):
        choose_device(device)
    with pytest.raises(ModelError, match="it can be"):
        SparseEncoder.load("lsr-doc-tiny", queries_only=True, device=device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one here")
@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:7"])
def test_a_gpu_that_this_machine_lacks(device: str, make_model: Any, make_cross_encoder: Any) -> None:
    for load, model in (
        (SparseEncoder.load, make_model()),
        (TokenEncoder.load, make_model()),
        (DenseEncoder.load, "minilm"),
        (CrossEncoder.load, make_cross_encoder()),
    ):
        with pytest.raises(ModelError, match="torch finds 0 CUDA GPUs"):
            load(model, device=device)
    with pytest.raises(ModelError, match="torch finds 0 CUDA GPUs"):
        SparseEncoder.load("lsr-doc-tiny", queries_only=True, device=device)


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="there is one here")
def test_an_apple_gpu_elsewhere() -> None:
    with pytest.raises(ModelError, match="Apple"):
        choose_device("mps")


@pytest.mark.parametrize("device", [None, "auto"])
def test_by_default_a_gpu_where_there_is_one(device: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device(device) == torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(ModelError, match="torch finds 2 CUDA GPUs"):
        choose_device("cuda:2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device(device) == torch.device("cpu")


# -- threads ---------------------------------------------------------------------------------------------------------


def test_threads_that_are_asked_for(torch_threads: None, make_model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "allowed_cpus", lambda: 4)
    SparseEncoder.load(make_model(), threads=1)
    assert torch.get_num_threads() == 1
    SparseEncoder.load(make_model(), threads=3)
    assert torch.get_num_threads() == 3
    with pytest.raises(InputError, match="threads must be at least 1"):
        SparseEncoder.load(make_model(), threads=0)


def test_the_vectors_do_not_depend_on_threads(torch_threads: None, make_model: Any, texts: list[str]) -> None:
    folder = make_model()
    one, two = (SparseEncoder.load(folder, threads=n).encode_documents(texts) for n in (1, 2))
    assert one.indices.tolist() == two.indices.tolist() and one.weights.tolist() == two.weights.tolist()


def test_the_limit_of_a_command_holds_where_nothing_else_is_said(
    torch_threads: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "allowed_cpus", lambda: 2)
    try:
        cpus.limit_threads(2)
        use_threads(None)
        assert torch.get_num_threads() == 2
        use_threads(1)
        assert torch.get_num_threads() == 1
    finally:
        cpus.limit_threads(None)


def test_no_more_than_this_process_may_use(
    torch_threads: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads, "allowed_cpus", lambda: 1)
    torch.set_num_threads(2)
    use_threads(None)
    assert torch.get_num_threads() == 1 and not caplog.messages
    torch.set_num_threads(2)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    use_threads(None)
    assert torch.get_num_threads() == 1
    use_threads(999)
    assert torch.get_num_threads() == 1
    assert caplog.messages == [
        f"{asked}: models compute on 1 thread, not {number}, for only 1 processor may be used here"
        for asked, number in (("OMP_NUM_THREADS=2", 2), ("threads=999", 999))
    ]


@pytest.mark.parametrize(
    "files, expected",
    [
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "max 100000"}, 8),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ({"cpu.max": "nonsense"}, 8),
        ({"cpu.max": "900000 0"}, 8),
        ({}, 8),
    ],
)
def test_the_quota_of_a_container(
    files: dict[str, str], expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpu").mkdir()
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(cpus, "_CGROUP", tmp_path)
    monkeypatch.setattr(cpus, "_OWN_GROUP", tmp_path / "absent")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert cpus.allowed_cpus() == expected


@pytest.mark.parametrize(
    "own, files, expected",
    [
        ("0::/jobs/this", {"cpu.max": "max 100000", "jobs/cpu.max": "300000 100000", "jobs/this/cpu.max": "max 1"}, 3),
        ("0::/jobs/this", {"jobs/cpu.max": "300000 100000", "jobs/this/cpu.max": "200000 100000"}, 2),
        ("0::/jobs/this", {"jobs/other/cpu.max": "100000 100000"}, 8),
        ("4:cpu,cpuacct:/a\n0::/b", {"cpu/a/cpu.cfs_quota_us": "400000", "cpu/a/cpu.cfs_period_us": "100000"}, 4),
        ("nonsense", {"cpu.max": "100000 100000"}, 1),
    ],
)
def test_the_quota_of_a_group_within_others(
    own: str, files: dict[str, str], expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "own").write_text(own)
    monkeypatch.setattr(cpus, "_CGROUP", tmp_path)
    monkeypatch.setattr(cpus, "_OWN_GROUP", tmp_path / "own")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert cpus.allowed_cpus() == expected


def test_threads_wait_asleep_unless_the_environment_says_how() -> None:
    assert {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"} & os.environ.keys()


# -- forks -----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_encodes_on_one_thread_in_place_of_waiting_for_ever(torch_threads: None, tmp_path: Path) -> None:
    encoder = DenseEncoder.load(threads=2)
    texts = ["birds fly far " * 60] * 8
    expected = encoder.encode_documents(texts)
    done = tmp_path / "done"
    child = os.fork()
    if child == 0:
        signal.alarm(300)  # a child that waits for ever ends, and the test fails
        try:
            found = encoder.encode_documents(texts)
            use_threads(2)
            if abs(found - expected).max() < 1e-2 and torch.get_num_threads() == 1:
                done.write_text("as before")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert done.exists()


def test_a_fork_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(threads, "_child", True)
    monkeypatch.setattr(threads, "_warned", False)
    with pytest.raises(ModelError, match="spawn"):
        threads.check_process(torch.device("cuda"))
    threads.check_process(torch.device("cpu"))
    threads.check_process(torch.device("cpu"))
    assert caplog.text.count("so it encodes on one thread") == 1
