"""The golden encoders as models of the Hugging Face hub, "lsr-golden/NAME", from a cache folder.

Indexes and work folders record the name of their model, and a path would be that of the machine that wrote them.
"""

from __future__ import annotations

import shutil
from pathlib import Path

HERE = Path(__file__).parent


def fill_cache(cache: Path) -> None:
    """Lay the encoders out as the hub's client does."""
    for model in HERE.glob("encoders/*/model"):
        folder = cache / f"models--lsr-golden--{model.parent.name}"
        (folder / "refs").mkdir(parents=True)
        (folder / "refs" / "main").write_text("0" * 40)
        shutil.copytree(model, folder / "snapshots" / ("0" * 40))
