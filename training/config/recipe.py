"""A whole training run: typed, read from YAML, checked before anything is loaded.

A recipe (`training/recipes/*.yaml`) is one of these. Every field but the data has a default that trains something
sensible.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from lsr.core.errors import InputError
from lsr.core.problems import problems
from lsr.core.unions import OneOf
from lsr.encoding.lexical.analysis import check_language
from lsr.training.config.data import DevelopmentConfig, SetConfig
from lsr.training.config.model import ModelConfig
from lsr.training.config.older import without_leaks
from lsr.training.config.run import RunConfig
from lsr.training.config.words import WordsConfig
from lsr.training.losses.info_nce import InfoNce
from lsr.training.losses.objective import Objective
from lsr.training.losses.registry import OBJECTIVES
from lsr.training.numbers import Positive
from lsr.training.penalties.penalty import Penalty, Side
from lsr.training.penalties.registry import PENALTIES

AnyObjective = Annotated[Objective, OneOf(OBJECTIVES, "loss")]
AnyPenalty = Annotated[Penalty, OneOf(PENALTIES, "penalty")]


@dataclass(frozen=True, kw_only=True)
class About:
    """Where a recipe comes from, for its readers.

    `data` says where its data comes from; the error for missing data quotes it.
    """

    title: str = ""
    source: str = ""
    published: str = ""
    hardware: str = ""
    data: str = ""
    notes: str = ""


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """A whole training run.

    Attributes:
        data: what it trains on.
        about: where the recipe comes from.
        model: what is trained.
        words: what stands beside the model: losses see the sum of both scores. None for a model that stands alone.
        losses: objectives from `lsr.training.losses.registry`; their weighted sum is minimised.
        teachers: as for `lsr.training.teachers.load_teacher`; they score batches during training.
        teacher_scale: the factor of an ensemble's scores, which range from 0 to 1.
        document_regularisers, query_regularisers: penalties on term weights, from `lsr.training.penalties.registry`.
        run: steps, sizes, rates.
        development: what it is measured on during training.
        export_dtype: the type in which the encoder's weights are stored.
    """

    # Nested dataclasses refuse unknown names too.
    __pydantic_config__ = ConfigDict(extra="forbid")

    data: list[SetConfig]
    about: About = field(default_factory=About)
    model: ModelConfig = field(default_factory=ModelConfig)
    words: WordsConfig | None = None
    losses: list[AnyObjective] = field(default_factory=lambda: [InfoNce()])
    teachers: list[str] = field(default_factory=list)
    teacher_scale: Positive = 30.0
    document_regularisers: list[AnyPenalty] = field(default_factory=list)
    query_regularisers: list[AnyPenalty] = field(default_factory=list)
    run: RunConfig = field(default_factory=RunConfig)
    development: DevelopmentConfig | None = None
    export_dtype: Literal["float32", "float16", "bfloat16"] = "float32"

    @classmethod
    def from_record(
        cls, record: Mapping[str, Any], source: str, *, changed: Collection[str] = (), changed_by: str | None = None
    ) -> TrainingConfig:
        """Read a configuration from plain values, as in YAML.

        InputError names every wrong field, what would be right, and `source`: or what `changed_by` says, for values
        that did not come from there, whose dotted names are `changed`.
        """
        try:
            config: TrainingConfig = _adapter().validate_python(without_leaks(record))
        except ValidationError as error:
            found = list(problems(error, cls, "a recipe"))
            theirs = all(any(_within(field, name) for name in changed) for field, _ in found)
            raise InputError("; ".join(words for _, words in found), source=changed_by if theirs else source) from None
        _check(config, source)
        return config

    def to_record(self) -> dict[str, Any]:
        """JSON values, from which `from_record` makes the same configuration."""
        record: dict[str, Any] = _adapter().dump_python(self, mode="json", by_alias=True)
        return record

    @property
    def penalties(self) -> dict[Side, list[Penalty]]:
        """The penalties of each side."""
        return {"document": self.document_regularisers, "query": self.query_regularisers}

    @property
    def needs_idf(self) -> bool:
        """Whether anything starts from, or is weighted by, the IDF of the texts trained on."""
        needing = any(each.needs_idf for penalties in self.penalties.values() for each in penalties)
        return needing or self.model.query_table == "idf"

    def warnings(self) -> list[str]:
        """Settings that look like mistakes."""
        table = self.model.query_table
        found = (each.warning(side, table) for side, penalties in self.penalties.items() for each in penalties)
        return [warning for warning in found if warning is not None]


def _within(field: str, changed: str) -> bool:
    """Whether a wrong field is one that was changed, or in it, or missing beside what was put there."""
    if f"{field}.".startswith(f"{changed}.") or f"{changed}.".startswith(f"{field}."):
        return True
    return changed.rpartition(".")[0] == field.rpartition(".")[0] != ""


def _adapter() -> TypeAdapter[TrainingConfig]:
    """The reader of configurations, made on each call from the current registries."""
    return TypeAdapter(TrainingConfig)


def _check(config: TrainingConfig, source: str) -> None:
    """Check what involves several fields."""
    run, table = config.run, config.model.query_table
    for side, penalties in config.penalties.items():
        for each in penalties:
            if reason := each.refusal(side, table):
                raise InputError(reason, source=source, field=f"{side}_regularisers")
    if config.query_regularisers and table is not None:
        reason = "queries from a table are as sparse as their text: leave query_regularisers out"
        raise InputError(reason, source=source, field="query_regularisers")
    if (run.steps is None) == (run.epochs is None):
        raise InputError("give either run.steps or run.epochs", source=source, field="run")
    if not config.data:
        raise InputError("name at least one training set", source=source, field="data")
    if not config.losses:
        raise InputError("name at least one loss", source=source, field="losses")
    shares = [each.share is not None for each in config.data]
    if any(shares) and not all(shares):
        raise InputError("give a share to every training set or to none", source=source, field="data")
    if config.words is not None:
        try:
            check_language(config.words.language)
        except InputError as error:
            raise InputError(error.reason, source=source, field="words.language") from None
    _check_distillation(config, source)


def _check_distillation(config: TrainingConfig, source: str) -> None:
    """Check that objectives have the teachers' scores that they need."""
    run, distilled = config.run, {each.distils: each.name for each in config.losses if each.distils is not None}
    if run.refresh_every is not None:
        where: dict[str, Any] = {"source": source, "field": "run.refresh_every"}
        if run.workers:
            reason = "negatives cannot be mined during a run with data loader workers: set run.workers to 0"
            raise InputError(reason, **where)
        if distilled and not config.teachers:
            reason = "negatives mined during a run have no scores to distil: name `teachers`"
            raise InputError(reason, **where)
    if "batch_scores" in distilled and not config.teachers:
        reason = f"{distilled['batch_scores']} over the batch needs `teachers` that score it"
        raise InputError(reason, source=source, field="losses.in_batch")
    if run.negatives == 0 and distilled:
        reason = "distillation compares candidates: set it to at least 1"
        raise InputError(reason, source=source, field="run.negatives")
