"""Settings in JSON and YAML: what no person writes is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from lsr.core.errors import InputError, MissingInputError
from lsr.core.limits import DEEPEST
from lsr.core.structured import parse_json, parse_yaml, read_settings
from lsr.search.reading import read_plan
from lsr.training.config.reading import read_config

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (LAUGHS, 5, "more than 100,000 values, aliases written out"),
        ("a: 1\nb: " + "[" * 20_000, 2, "nested too deeply"),
        ("a:\n" + "".join("  " * n + "- \n" for n in range(200)), DEEPEST + 1, "nested too deeply"),
        ("a: &a\n  b: *a\n", 2, "*a stands within what it names"),
        ("a: 1\nb: [\n", 3, "is not YAML"),
        ("a: !!python/object/apply:os.system [ls]\n", 1, "could not determine a constructor"),
        ("a: 2024-99-99\n", None, "is not YAML"),
        ("? {a: 1}\n: 2\n", 1, "is not YAML"),
    ],
)
def test_yaml_that_is_refused(text: str, line: int | None, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_yaml(text, "a.yaml")
    assert caught.value.source == "a.yaml" and message in str(caught.value)
    assert line is None or caught.value.line == line


def test_aliases_that_a_person_writes() -> None:
    assert parse_yaml("base: &base {a: 1}\nmore: *base\nlist: [*base, *base]\n") == {
        "base": {"a": 1},
        "more": {"a": 1},
        "list": [{"a": 1}, {"a": 1}],
    }


@pytest.mark.parametrize("levels", [DEEPEST + 1, 20_000])
def test_json_that_is_refused(levels: int) -> None:
    with pytest.raises(InputError, match="nested too deeply") as caught:
        parse_json('{\n"a": ' + "[" * levels + "]" * levels + "}", "a.json")
    assert caught.value.line == 2
    with pytest.raises(InputError, match=r"a\.json:2: is not JSON: Expecting"):
        parse_json('{"a":\n}', "a.json")
    with pytest.raises(InputError, match="NaN is not a JSON number"):
        parse_json("NaN")
    assert parse_json("[" * DEEPEST + "]" * DEEPEST) is not None


def test_files(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="there is no file"):
        read_settings(tmp_path / "a.json")
    with pytest.raises(InputError, match="is a folder"):
        read_settings(tmp_path)
    (tmp_path / "a.json").write_bytes(b'{"a":\n"\xff"}')
    with pytest.raises(InputError, match=r"a\.json:2: is not UTF-8: byte 0xff"):
        read_settings(tmp_path / "a.json")
    (tmp_path / "b.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_settings(tmp_path / "b.json") == {"a": 1}


def test_plans_and_recipes_are_read_by_these_rules(tmp_path: Path) -> None:
    for name, text in (("p.json", '{"retrieve": ' + "[" * 20_000), ("p.yaml", LAUGHS), ("p.yml", "a: " + "{a: " * 500)):
        (tmp_path / name).write_text(text)
        for read in (read_plan, read_config):
            with pytest.raises(InputError, match=name):
                read(tmp_path / name)
