"""The folder of a training run, and which run owns it.

RUN/config.yaml    the configuration
RUN/data/          training sets, converted
RUN/log.jsonl      loss, sparsity, development measures
RUN/checkpoints/   to continue from
RUN/refreshed/     training sets with negatives that the student mined
RUN/model/         the encoder: `SparseEncoder.load(RUN/model)`
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lsr.core.errors import InputError, OutputExistsError
from lsr.core.files import atomic_file
from lsr.core.obstacles import check_way, kind
from lsr.core.remedies import RESTART
from lsr.core.structured import read_settings
from lsr.training.config import TrainingConfig

CONFIG = "config.yaml"
DATA = "data"
LOG = "log.jsonl"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The paths of a run's parts."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / CONFIG

    @property
    def data(self) -> Path:
        return self.path / DATA

    @property
    def log(self) -> Path:
        return self.path / LOG

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def refreshed(self) -> Path:
        return self.path / "refreshed"

    @property
    def development(self) -> Path:
        return self.path / "development"

    @property
    def model(self) -> Path:
        return self.path / "model"

    def saved_step(self) -> int | None:
        """The step from which a run would go on; None if no step was saved."""
        return max((step for step, path in self._saved() if _is_complete(path)), default=None)

    def last_checkpoint(self) -> str | None:
        """The folder from which a run goes on; what a killed run left of later ones is removed."""
        last = self.saved_step()
        for step, path in self._saved():
            if last is None or step > last:
                shutil.rmtree(path)
        return None if last is None else str(self.checkpoints / f"checkpoint-{last}")

    def _saved(self) -> list[tuple[int, Path]]:
        found = [(path.name.removeprefix("checkpoint-"), path) for path in self.checkpoints.glob("checkpoint-*")]
        return [(int(step), path) for step, path in found if step.isdecimal()]

    def check(self, config: TrainingConfig | None) -> None:
        """OutputExistsError for a folder with other contents than a run's, or with a run of another configuration.

        Without a configuration, any run will do.
        """
        check_way(self.path)
        if os.path.lexists(self.path) and not self.path.is_dir():
            raise OutputExistsError(f"{self.path} is {kind(self.path)}, not a folder: choose another folder")
        recorded = self.config
        ours = (DATA, f".{CONFIG}.tmp")  # the latter of a run that was killed when it began
        if self.path.exists() and not recorded.exists() and any(path.name not in ours for path in self.path.iterdir()):
            raise OutputExistsError(
                f"{self.path} exists and is not the folder of a training run: choose another folder"
            )
        if config is None or not recorded.exists():
            return
        if TrainingConfig.from_record(_read(recorded), str(recorded)) != config:
            raise OutputExistsError(
                f"{self.path} holds a run of another configuration (its {CONFIG} differs)",
                remedies=["choose another folder", RESTART],
            )

    def claim(self, config: TrainingConfig, *, restart: bool) -> None:
        """Claim the folder for a run of this configuration, new or continued; `restart` removes an existing run.

        OutputExistsError as `check`.
        """
        recorded = self.config
        self.check(None if restart else config)
        if restart and recorded.exists():
            for folder in (self.model, self.checkpoints, self.data, self.refreshed):
                shutil.rmtree(folder, ignore_errors=True)
            for file in (self.log, recorded):
                file.unlink(missing_ok=True)
        if recorded.exists():
            return
        with atomic_file(recorded) as temporary:
            content = yaml.safe_dump(config.to_record(), sort_keys=False, allow_unicode=True)
            temporary.write_text(content, encoding="utf-8")

    def release(self) -> None:
        """Release a run that could not begin, so that another configuration can use the folder; its data are kept."""
        if not self.checkpoints.exists():
            self.config.unlink(missing_ok=True)
        for path in (self.data, self.path):
            with suppress(OSError):  # not empty, or missing
                path.rmdir()


def _read(path: Path) -> Any:
    """The values of a recorded configuration. OutputExistsError if they cannot be read."""
    try:
        return read_settings(path, yaml=True)
    except InputError:
        raise OutputExistsError(
            f"{path} is damaged, so that the run in its folder cannot go on",
            remedies=["choose another folder", RESTART],
        ) from None


def _is_complete(checkpoint: Path) -> bool:
    """Whether a step was saved to the end: its state is what transformers writes last."""
    try:
        return isinstance(json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8")), dict)
    except (OSError, ValueError):
        return False
