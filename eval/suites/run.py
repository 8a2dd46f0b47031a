"""Running a suite: item by item into a folder, resumably; then its tables."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from lsr.core.errors import InputError, MissingInputError, ModelError, OutputExistsError
from lsr.core.files import check_folder
from lsr.core.progress import Progress, Stages, silent
from lsr.encoding.lexical.settings import WORDS_ALONE
from lsr.eval.collections import TestCollection, load_collection
from lsr.eval.extras import require
from lsr.eval.matching import all_remarks, check_run, left_out
from lsr.eval.measures.energy import energy
from lsr.eval.measures.second_opinion import checked_scores
from lsr.eval.reports.suite.files import write_reports
from lsr.eval.reports.suite.results import Item, SuiteResults
from lsr.eval.runs import read_run, with_ids
from lsr.eval.suites.config import Bm25System, CollectionConfig, ModelSystem, RunSystem, SuiteConfig, SystemConfig
from lsr.eval.suites.evaluate import check_measures
from lsr.eval.suites.hashes import Hashes, digest, of_judged
from lsr.eval.suites.items import find_item, item_folder, publish_item
from lsr.eval.suites.results import results_of
from lsr.eval.suites.systems import Systems
from lsr.text import irds


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A collection of the suite with its queries and judgements, and the hash of these."""

    config: CollectionConfig
    collection: TestCollection
    judged: str


def run_suite(
    suite: SuiteConfig, folder: str | Path, *, source: str = "", device: str | None = None, stages: Stages = silent
) -> SuiteResults:
    """Let every system answer every collection, and write runs, results and reports into `folder`.

    What is there already, of the same texts, models and settings, is not done again: an interrupted suite goes on, and
    a finished one only writes its reports. Indexes are kept in `folder/work`, which may be removed at the end. `source`
    names the suite in errors.

    Raises InputError for collections, models and runs that are not there, before any work; OutputExistsError while
    another process works in the folder.
    """
    results = check_folder(folder)
    with _only_one(results):
        hashes = Hashes(results / "work" / "hashes.json")
        systems = Systems(results / "work" / "indexes", hashes, device=device)
        loaded = _load(suite, results, hashes, source)
        items = [_item(suite, system, each, systems, results, stages) for each in loaded for system in suite.systems]
        made = results_of(suite, items, [each.collection for each in loaded])
        write_reports(made, results)
        return made


def _item(
    suite: SuiteConfig, system: SystemConfig, loaded: _Loaded, systems: Systems, results: Path, stages: Stages
) -> Item:
    """What a system found in a collection: what is there of it, or what it finds now."""
    config, collection = loaded.config, loaded.collection
    name, measures = config.label, suite.measures_of(config)

    seconds: dict[str, float] = {}

    @contextmanager
    def told(description: str, total: int | None, unit: str) -> Iterator[Progress]:
        began = perf_counter()
        with stages(f"{name}, {system.name}: {description}", total, unit) as progress:
            yield progress
        seconds[description] = seconds.get(description, 0.0) + perf_counter() - began

    corpus = systems.hashes.of_corpus(config.source, told)
    identity = digest(systems.identity(system, config), corpus, loaded.judged, config.drop_self, suite.k)
    found = find_item(results, system.name, name, identity, measures, collection)
    if found is not None:
        return found
    started = perf_counter()
    seconds.clear()
    with energy() as used:
        answer = systems.system(system, config, collection, told)
        answered = answer(collection, suite.settings(config, system), told)
    answered = replace(answered, notes=all_remarks([left_out(collection, [answered.run]), answered.notes]))
    scores = checked_scores(answered.run, collection.qrels, measures)
    took = {"seconds": perf_counter() - started, "stages": seconds, "energy_joules": used.joules}
    return publish_item(results, system.name, name, identity, answered, scores, took)


def _load(suite: SuiteConfig, results: Path, hashes: Hashes, source: str) -> list[_Loaded]:
    """The collections, once all that the suite names was looked for."""
    from lsr.encoding.shared.hub import locate

    for number, system in enumerate(suite.systems):
        if isinstance(system, Bm25System):
            require("bm25s")
        elif isinstance(system, ModelSystem):
            with _at(f"systems.{number}", source):
                for model in (system.model, system.dense):
                    if model not in (None, WORDS_ALONE):
                        locate(str(model))
    for number, config in enumerate(suite.collections):
        with _at(f"collections.{number}", source):
            if config.source.startswith(irds.PREFIX):
                irds.load(config.source)
            else:
                hashes.of_corpus(config.source)
    loaded = []
    for number, config in enumerate(suite.collections):
        with _at(f"collections.{number}", source):
            collection = load_collection(config.source, config.split, queries=config.queries, qrels=config.qrels)
            if not all(item_folder(results, config.label, system.name).exists() for system in suite.systems):
                check_measures(collection, suite.settings(config, Bm25System()))
            loaded.append(_Loaded(config, replace(collection, name=config.label), of_judged(collection)))
    for number, system in enumerate(suite.systems):
        if isinstance(system, RunSystem):
            with _at(f"systems.{number}", source):
                for each in loaded:
                    _check_run(system, each, results)
    return loaded


def _check_run(system: RunSystem, loaded: _Loaded, results: Path) -> None:
    """Refuse a run file that is not there, or, before it was ever judged, that answers none of the queries."""
    path, name, qrels = system.path(loaded.config.label), loaded.config.label, loaded.collection.qrels
    if not path.is_file():
        raise MissingInputError(f"there is no run {path}", field="runs")
    if not item_folder(results, name, system.name).exists():
        check_run(with_ids(read_run(path), qrels, ()), qrels, str(path))


@contextmanager
def _at(field: str, source: str) -> Iterator[None]:
    """Name the suite's file and field in errors about what it says; those about another file stay as they are."""
    try:
        yield
    except InputError as error:
        if error.source is not None:
            raise
        where = field if error.field is None else f"{field}.{error.field}"
        raise type(error)(error.reason, source=source or None, field=where) from None
    except ModelError as error:
        raise ModelError(f"{source}: field {field!r}: {error.problem}", remedies=error.remedies) from None


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold the folder, which a killed process lets go of. OutputExistsError while another process holds it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputExistsError(f"another process is working in {folder}; wait for it to finish") from None
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(descriptor)
