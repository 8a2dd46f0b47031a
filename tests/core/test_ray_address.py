"""A cluster that is not there is told at once; Ray itself would ask for minutes."""

from __future__ import annotations

import socket

import pytest

from lsr.core.errors import InputError
from lsr.core.ray import connected


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}", "[127.0.0.1]:{}"])
def test_nothing_listens_at_the_address(form: str) -> None:
    pytest.importorskip("ray.data")
    with socket.socket() as taken:
        # Bound, and not listening: nobody else can listen there meanwhile.
        taken.bind(("127.0.0.1", 0))
        address = form.format(taken.getsockname()[1])
        with pytest.raises(InputError, match="no cluster of Ray answers at") as raised, connected("data", address):
            raise AssertionError("connected to nothing")
    assert raised.value.field == "address"


def test_a_port_that_cannot_be_is_refused() -> None:
    pytest.importorskip("ray.data")
    with pytest.raises(InputError, match="no cluster of Ray answers at"), connected("data", "127.0.0.1:99999"):
        raise AssertionError("connected to nothing")
