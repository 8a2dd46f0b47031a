"""What a run would need, before it starts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from lsr.core.counted import counted
from lsr.core.errors import LsrError, MissingInputError
from lsr.training.config import QueryTableConfig, SetConfig, TowerConfig, TrainingConfig

_MASTER = 4  # bytes of a weight, of its gradient, and of each of AdamW's two averages
# Numbers kept for the backward pass, per token and layer, in hidden sizes: Korthikanti et al. (arXiv:2205.05198) count
# 34 bytes at 16 bits, without attention's own matrices, which fused kernels do not keep.
_ACTIVATIONS = 17


@dataclass(frozen=True, slots=True)
class Plan:
    """A run in numbers.

    Attributes:
        parameters, trained: of the student; None if its model is not available locally.
        steps: None if they depend on the number of examples, which is unknown before the data is read.
        queries, texts: in a step, over all devices.
        memory: bytes on one device by use: `weights`, `optimiser` (with gradients), `vectors`, and `activations`, an
            estimate.
        warnings: settings that look like mistakes.
    """

    title: str
    parameters: int | None
    trained: int | None
    steps: int | None
    queries: int
    texts: int
    data: list[str]
    losses: list[str]
    penalties: list[str]
    memory: dict[str, int]
    warnings: list[str]

    def to_record(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def plan(config: TrainingConfig, *, world: int = 1, device: str | None = None, scores_follow: bool = False) -> Plan:
    """The plan of a run on `world` devices. Loads the model if it is available locally.

    Of the data it reads the beginning: InputError for what a run would refuse there, and for a `device` that is not
    here. What a recipe's authors keep elsewhere and is missing here is a warning. `scores_follow` if a teacher is still
    to score the data.
    """
    from lsr.training.run.arguments import check_run

    run = config.run
    check_run(run, device)
    warnings = config.warnings()
    data = []
    for each in config.data:
        examples, remark = _peek(each, config, distilling=not scores_follow)
        data.append(
            f"{each.source} ({each.split})" + (f", {counted(examples, 'examples')}" if examples is not None else "")
        )
        warnings += [remark] if remark else []
    queries = run.batch_size * world * run.accumulate
    texts = queries * (1 + run.negatives)
    shape = None
    try:
        shape = _shape(config)
    except LsrError as error:
        warnings.append(error.message())
    memory = _memory(config, shape, world) if shape else {}
    beside = "" if config.words is None else f" (of scores + {config.words.weight:g} BM25)"
    return Plan(
        title=config.about.title,
        parameters=shape.parameters if shape else None,
        trained=shape.trained if shape else None,
        steps=run.steps,
        queries=queries,
        texts=texts,
        data=data,
        losses=[f"{loss.weight:g} {loss.name}{beside}" for loss in config.losses],
        penalties=[
            f"{each.strength:g} {each.name} of {side}"
            + ("" if each.shape == "constant" else f", {each.shape} over {each.ramp:.0%} of the steps")
            for side, penalties in (("documents", config.document_regularisers), ("queries", config.query_regularisers))
            for each in penalties
        ],
        memory=memory,
        warnings=warnings,
    )


def _peek(each: SetConfig, config: TrainingConfig, *, distilling: bool) -> tuple[int | None, str | None]:
    """The number of examples, if known; a remark if a recipe's own data are still to be fetched."""
    from lsr.training.data.peeking import peek
    from lsr.training.run.sets import needs_scores, unscored

    try:
        peeked = peek(each.source, split=each.split, candidates=each.candidates, scores=each.scores)
    except MissingInputError as error:
        if not config.about.data:
            raise
        return None, f"{error.message()}: this recipe's data comes from {config.about.data}"
    if distilling and needs_scores(config) and not peeked.scored:
        raise unscored(each.source)
    return peeked.examples, None


@dataclass(frozen=True, slots=True)
class _Shape:
    parameters: int
    trained: int
    dim: int
    layers: int
    hidden: int


def _shape(config: TrainingConfig) -> _Shape:
    from lsr.training.model.student import Student

    student = Student(config.model)
    model = student.document.backbone.model.config
    weights = list(student.parameters())
    return _Shape(
        parameters=sum(each.numel() for each in weights),
        trained=sum(each.numel() for each in weights if each.requires_grad),
        dim=student.dim,
        layers=int(getattr(model, "num_hidden_layers", 0)),
        hidden=int(getattr(model, "hidden_size", 0)),
    )


def _memory(config: TrainingConfig, shape: _Shape, world: int) -> dict[str, int]:
    run, document, query = config.run, config.model.document, config.model.query
    texts = run.batch_size * (1 + run.negatives)
    at_once = min(texts, run.chunk or texts)
    tokens = at_once * document.max_length * (2 if document.echo else 1)
    if run.chunk is None and not isinstance(query, QueryTableConfig):
        length = query.max_length if isinstance(query, TowerConfig) else document.max_length
        tokens += run.batch_size * length
    layers = 1 if document.gradient_checkpointing else shape.layers
    width = 2 if run.precision != "float32" else 4
    return {
        "weights": shape.parameters * _MASTER,
        "optimiser": shape.trained * 3 * _MASTER,
        # Vectors of all devices, with their activations and gradients.
        "vectors": 3 * (texts + run.batch_size) * world * shape.dim * 4,
        "activations": tokens * layers * shape.hidden * _ACTIVATIONS * width,
    }
