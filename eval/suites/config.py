"""A suite: systems × collections × measures, typed, read from YAML, checked before anything is searched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from lsr.core.errors import InputError
from lsr.core.options import beneath
from lsr.core.problems import read_typed
from lsr.core.structured import read_settings
from lsr.encoding.catalogue import DEFAULT_MODEL
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.eval.measures.metrics import DEFAULT_METRICS, metric_names
from lsr.eval.suites.shipped import suite_path, suites
from lsr.eval.systems.settings import EvaluationSettings
from lsr.search.flat import plan_of
from lsr.search.plan import SearchPlan
from lsr.text.windows import WindowSettings

BM25 = "bm25"
MEAN = "mean"
"""The name of the mean over collections, which none may have."""

Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, kw_only=True)
class Bm25System:
    """BM25 by bm25s: `lsr.eval.systems.bm25`. In files it is the word `bm25` alone."""

    name: str = BM25


@dataclass(frozen=True, kw_only=True)
class RunSystem:
    """Run files that another program made.

    Attributes:
        name: in tables.
        runs: a TREC run file by the name of its collection, or one path in which `{collection}` stands for it.
    """

    name: str
    runs: dict[str, str] | str

    def path(self, collection: str) -> Path:
        """The file of a collection's run; InputError if none is named."""
        if isinstance(self.runs, str):
            return Path(self.runs.replace("{collection}", collection))
        if collection not in self.runs:
            raise InputError(f"has no run for the collection {collection!r}", field="runs")
        return Path(self.runs[collection])


@dataclass(frozen=True, kw_only=True)
class ModelSystem:
    """A model of ours, and how its index is made and searched: the options of a single evaluation.

    Attributes:
        name: in tables.
        model: a packaged model, a folder or a hub name; "bm25" for an index of words alone.
        words: find documents by their words as well; `language` of these.
        max_length, top_k, title_weight: how documents are encoded.
        windows, window_words, window_stride, top_windows: long documents in windows.
        dense: a dense model, whose vectors are added for modes that need them.
        query_idf: how much of a query's weights is the IDF of the collection.
        mode: how to search; "exact" measures the model alone.
        search: any other field of a search by its flat name, such as `feedback: rm3` or `recall: 0.95`.
    """

    name: str
    model: str = DEFAULT_MODEL
    words: bool = True
    language: str | None = None
    max_length: Annotated[int, Field(ge=2)] | None = None
    top_k: Count | None = None
    title_weight: Annotated[float, Field(ge=0, le=100)] = 0.0
    windows: Literal["max", "first", "sum", "none"] | None = None
    window_words: Count | None = None
    window_stride: Count | None = None
    top_windows: Count | None = None
    dense: str | None = None
    query_idf: Annotated[float, Field(ge=0, le=1)] | None = None
    mode: str = "exact"
    search: dict[str, Any] = field(default_factory=dict)

    def plan(self) -> SearchPlan:
        """How it searches. InputError for what makes no sense."""
        return plan_of(self.mode, **self.search)

    def window_settings(self) -> WindowSettings | None:
        """How long documents are cut, as far as that is said."""
        if self.windows in (None, "none"):
            if (self.window_words, self.window_stride, self.top_windows) != (None, None, None):
                raise InputError("must be max, first or sum for windows of a chosen size", field="windows")
            return None
        return WindowSettings.of(str(self.windows), self.window_words, self.window_stride, self.top_windows)

    def lexical(self, language: str | None) -> LexicalSettings | None:
        """The words beside the model's terms, in the system's language or else the collection's."""
        chosen = self.language or language
        if not self.words:
            return None
        return LexicalSettings() if chosen is None else LexicalSettings(language=chosen)


def _kind(value: Any) -> str:
    if isinstance(value, Bm25System) or value == {"name": BM25}:
        return "bm25"
    runs = "runs" in value if isinstance(value, Mapping) else isinstance(value, RunSystem)
    return "runs" if runs else "model"


SystemConfig = Annotated[
    Annotated[Bm25System, Tag("bm25")] | Annotated[RunSystem, Tag("runs")] | Annotated[ModelSystem, Tag("model")],
    Discriminator(_kind),
]


@dataclass(frozen=True, kw_only=True)
class CollectionConfig:
    """A judged collection. In files it may be its source alone.

    Attributes:
        source: a BEIR folder, `irds:NAME`, or a bare corpus with `queries` and `qrels`.
        name: in tables; by default, that of the source.
        split, queries, qrels: as for `lsr.eval.load_collection`.
        drop_self: never count a query's own id as an answer (ArguAna's queries are documents).
        group: collections of one group count as one in the mean over collections: CQADupStack's twelve.
        language: of the words that systems count here, unless a system has its own.
        measures: instead of the suite's.
    """

    source: str
    name: str = ""
    split: str | None = None
    queries: str | None = None
    qrels: str | None = None
    drop_self: bool = False
    group: str | None = None
    language: str | None = None
    measures: list[str] | None = None

    @property
    def label(self) -> str:
        """Its name in tables."""
        if self.name:
            return self.name
        if self.source.startswith("irds:"):
            return self.source.removeprefix("irds:")
        return Path(self.source).resolve().name.split(".")[0]


@dataclass(frozen=True, kw_only=True)
class SuiteConfig:
    """Systems, collections and measures, and how they are measured.

    Attributes:
        systems: the first is what others are compared with.
        collections: what they are measured on; in files also the name of a suite that comes with lsr.
        measures: as ranx or trec_eval users write them: nDCG@10, R@100, MRR@10, MAP, P@5, bpref; `-l2` counts grades
            from 2 up as relevant.
        k: the depth of each ranking.
        latency_queries: how many queries of each collection are timed one by one; latency_k: how deep.
        seed: of the randomisation test.
        title, notes: for readers.
    """

    # Nested dataclasses refuse unknown names too.
    __pydantic_config__ = ConfigDict(extra="forbid")

    systems: list[SystemConfig]
    collections: list[CollectionConfig]
    measures: list[str] = field(default_factory=lambda: list(DEFAULT_METRICS))
    k: Count = 1000
    latency_queries: Count = 100
    latency_k: Count = 10
    seed: Annotated[int, Field(ge=0)] = 0
    title: str = ""
    notes: str = ""

    def settings(self, collection: CollectionConfig, system: SystemConfig) -> EvaluationSettings:
        """How a system is searched and measured on a collection."""
        return EvaluationSettings(
            metrics=self.measures_of(collection),
            k=self.k,
            drop_self=collection.drop_self,
            bm25=False,
            latency_queries=self.latency_queries,
            latency_k=self.latency_k,
            plan=system.plan() if isinstance(system, ModelSystem) else plan_of("exact"),
        )

    def measures_of(self, collection: CollectionConfig) -> list[str]:
        """What is measured on a collection, as ranx spells it."""
        return metric_names(collection.measures or self.measures)


def read_suite(name_or_path: str | Path) -> SuiteConfig:
    """The suite of a YAML file, or the one that comes with lsr under this name.

    InputError, with file and field, for what is unknown, missing, twice there or makes no sense.
    """
    path = suite_path(name_or_path)
    record = read_settings(path, yaml=True)
    if not isinstance(record, dict):
        raise InputError("is no suite: it needs `systems` and `collections`", source=str(path))
    return suite_of(record, str(path))


def suite_of(record: Mapping[str, Any], source: str) -> SuiteConfig:
    """A suite from plain values, as in YAML; raises as `read_suite`, naming `source`."""
    suite = read_typed(SuiteConfig, _spelt_out(record, source), source, "a suite")
    for kind, names in (
        ("systems", [each.name for each in suite.systems]),
        ("collections", [each.label for each in suite.collections]),
    ):
        _check_names(kind, names, source)
    if clash := {each.group for each in suite.collections} & {each.label for each in suite.collections}:
        raise InputError(f"{min(map(str, clash))!r} is a group's name and a collection's", source=source, field="group")
    for number, system in enumerate(suite.systems):
        if isinstance(system, ModelSystem):
            _check_model(system, f"systems.{number}", source)
    for number, collection in enumerate(suite.collections):
        try:
            suite.settings(collection, Bm25System()).check()
        except InputError as error:
            field = "measures" if collection.measures is None else f"collections.{number}.measures"
            raise InputError(error.reason, source=source, field=field) from None
    return suite


def file_name(name: str) -> str:
    """The name of a system or a collection as a folder's."""
    return re.sub(r"[^\w.+@=-]+", "-", name).lstrip(".") or "-"


def _check_names(kind: str, names: list[str], source: str) -> None:
    if not names:
        raise InputError("name at least one", source=source, field=kind)
    if MEAN in names:
        raise InputError(f"{MEAN!r} is the mean over collections: choose another name", source=source, field=kind)
    folded = [file_name(name).casefold() for name in names]
    for number, name in enumerate(folded):
        if name in folded[:number]:
            first, again = names[folded.index(name)], names[number]
            how = "is there twice" if first == again else f"and {again!r} would have the same folder"
            raise InputError(f"{first!r} {how}: give each a name of its own", source=source, field=kind)


def _check_model(system: ModelSystem, where: str, source: str) -> None:
    """Check what involves several fields of a system."""
    try:
        with beneath(where):
            with beneath("search"):
                plan = system.plan()
            system.window_settings()
            system.lexical(None)
            if system.language is not None:
                from lsr.encoding.lexical.analysis import check_language

                check_language(system.language)
            if plan.retrieve.needs_dense and system.dense is None:
                raise InputError(f"is missing: mode {plan.mode} searches dense vectors", field="dense")
            _check_parts(plan)
    except InputError as error:
        raise InputError(error.reason, source=source, field=error.field) from None


def _check_parts(plan: SearchPlan) -> None:
    """InputError for a search of parts that an index has only where they were asked for."""
    from lsr.index.engines.registry import ENGINES
    from lsr.index.parts.part import WrittenPart
    from lsr.index.parts.registry import PARTS
    from lsr.search.plan import LATE

    sparse = plan.retrieve.sparse
    engine = None if sparse is None else ENGINES.get(sparse.mode)
    for part in () if engine is None else engine.needs:
        if isinstance(made := PARTS[part], WrittenPart) and made.Settings is not None:
            raise InputError(f"{plan.mode} searches a part ({part}) that a suite's indexes do not have", field="mode")
    if plan.rerank is not None and plan.rerank.model == LATE:
        raise InputError(f"{LATE} needs token vectors, which a suite's indexes do not have", field="search.rerank")


def _spelt_out(record: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The record with words in the place of systems and collections written out."""
    made = dict(record)
    if isinstance(systems := made.get("systems"), list):
        for each in systems:
            if isinstance(each, str) and each != BM25:
                raise InputError(
                    f"{each!r} is no system: write {BM25}, or {{name: …, model: {each}}}",
                    source=source,
                    field="systems",
                )
        made["systems"] = [{"name": BM25} if each == BM25 else each for each in systems]
    if isinstance(named := made.get("collections"), str):
        if named not in suites():
            known = ", ".join(suites())
            raise InputError(f"there is no suite {named!r}: there are {known}", source=source, field="collections")
        theirs = read_settings(suites()[named], yaml=True)
        made = {**{key: theirs[key] for key in ("measures", "k") if key in theirs}, **made}
        made["collections"] = theirs["collections"]
    if isinstance(collections := made.get("collections"), list):
        made["collections"] = [{"source": each} if isinstance(each, str) else each for each in collections]
    return made
