"""The recipe that docs/training.md explains is one."""

from __future__ import annotations

import re

import yaml
from docs_pages import DOCS

from lsr.training.config import TrainingConfig


def test_the_recipe_can_be_read() -> None:
    text = re.search(r"^```yaml\n(.*?)^```$", (DOCS / "training.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert text is not None
    # What is commented out goes with queries that need no model.
    alternative = re.sub(r"^  query: shared.*\n(?:  # query:.*\n)", "  query:\n", text[1], flags=re.MULTILINE)
    alternative = re.sub(r"^  #   (\w)", r"    \1", alternative, flags=re.MULTILINE)
    for recipe in (text[1], alternative):
        config = TrainingConfig.from_record(
            yaml.safe_load(recipe) | {"data": [{"source": "my-data"}]}, "docs/training.md"
        )
        assert config.losses[0].name == "kl"
    assert alternative != text[1]
    assert config.model.query != "shared"
