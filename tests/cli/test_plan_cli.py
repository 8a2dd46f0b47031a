"""`lsr plan`."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from lsr.cli import plan


def run(*arguments: str) -> tuple[int, str, str]:
    app = typer.Typer()
    app.command()(plan.run)
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_a_billion_as_a_table_and_as_json() -> None:
    code, out, err = run("--documents", "1e9", "--qps", "500", "--recall", ".95")
    assert code == 0 and out.startswith("machines") and "a hop costs" in err
    code, out, _ = run("--documents", "1,000,000,000", "--qps", "500", "--json")
    found = json.loads(out)
    assert code == 0 and found["shards"] * found["shard_documents"] >= 10**9 and len(found["assumptions"]) == 7


@pytest.mark.parametrize("number", ["many", "0", "1.5", "-3", "inf", "nan"])
def test_what_is_no_number_of_documents_is_refused(number: str) -> None:
    code, out, err = run("--documents", number)
    assert code == 2 and not out and "--documents" in err
