"""One round of one index, in a process of its own.

Every engine, ours too, is opened, searched and timed in a new process, which sends its measurements back: the loop that
times runs beside what it times. So no engine meets the threads, the memory or the caches of another that ran before
it, and one that crashes is left out, while the others are measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lsr.eval.bench.engines.apart import call_apart
from lsr.eval.bench.engines.contract import BuiltIndex, Configuration, Effort, Engine, Queries
from lsr.eval.bench.measure import Sample, measure_round
from lsr.eval.bench.truth import Answers

Samples = dict[int, list[tuple[Configuration, Sample]]]


@dataclass(slots=True)
class Contender:
    """One index of one engine, with its measurements so far.

    Attributes:
        engine: that built it.
        settings: of the build.
        built: the index on disk.
        ks: numbers of hits.
        samples: k → each configuration and what was measured of it.
    """

    engine: Engine
    settings: dict[str, Any]
    built: BuiltIndex
    ks: tuple[int, ...]
    samples: Samples = field(default_factory=dict)


def run_round(
    contender: Contender,
    queries: Queries,
    answers: Mapping[int, Answers],
    effort: Effort,
    batch_threads: tuple[int, ...],
) -> None:
    """Run each of the index's configurations once more, in a new process. Raises LeftOut if that fails."""
    if contender.engine.mean_from_batch and 1 not in batch_threads:
        batch_threads = (1, *batch_threads)
    contender.samples = call_apart(
        f"{__name__}:measured",
        max(batch_threads, default=1),
        contender=contender,
        queries=queries,
        answers={k: answers[k] for k in contender.ks},
        effort=effort,
        batch_threads=batch_threads,
    )


def measured(
    contender: Contender,
    queries: Queries,
    answers: Mapping[int, Answers],
    effort: Effort,
    batch_threads: Sequence[int],
) -> Samples:
    """In that process: open the index, run its configurations; return the samples with what this round adds."""
    index = contender.engine.open(contender.built, queries)
    samples = contender.samples
    for k in contender.ks:
        if k not in samples:
            configurations = index.configurations(k, effort)
            samples[k] = [(each, Sample.of(len(queries.vectors))) for each in configurations]
        for configuration, sample in samples[k]:
            if not sample.slow:
                measure_round(index, queries, k, configuration, sample, answers[k], tuple(batch_threads))
    return samples
