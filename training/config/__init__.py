"""The configuration of a training run: `read_config` reads a recipe, a YAML file, as a `TrainingConfig`."""

from __future__ import annotations

from lsr.training.config.data import DevelopmentConfig, SetConfig
from lsr.training.config.model import (
    LoraConfig,
    ModelConfig,
    QueryTableConfig,
    TermFrequencyConfig,
    TowerConfig,
)
from lsr.training.config.reading import read_config, set_field
from lsr.training.config.recipe import About, TrainingConfig
from lsr.training.config.run import RunConfig
from lsr.training.config.words import WordsConfig

__all__ = [
    "About",
    "DevelopmentConfig",
    "LoraConfig",
    "ModelConfig",
    "QueryTableConfig",
    "RunConfig",
    "SetConfig",
    "TermFrequencyConfig",
    "TowerConfig",
    "TrainingConfig",
    "WordsConfig",
    "read_config",
    "set_field",
]
