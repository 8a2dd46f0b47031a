"""The parts by name: the one place to add one."""

from __future__ import annotations

from lsr.core.errors import InputError
from lsr.index.format.settings import IndexSettings
from lsr.index.parts.bmp.part import BmpPart
from lsr.index.parts.deleted import DeletedPart
from lsr.index.parts.dense.part import DensePart
from lsr.index.parts.documents import DocumentsPart
from lsr.index.parts.fields.part import FieldsPart
from lsr.index.parts.forward import ForwardPart
from lsr.index.parts.ids import IdsPart
from lsr.index.parts.late.part import LatePart
from lsr.index.parts.order import OrderPart
from lsr.index.parts.part import AddedPart, Part, WrittenPart
from lsr.index.parts.rare_terms.part import RareTermsPart
from lsr.index.parts.seismic.part import SeismicPart
from lsr.index.parts.summaries.part import SummariesPart
from lsr.index.parts.term_ids import TermIdsPart
from lsr.index.parts.terms import TermsPart
from lsr.index.parts.vocabulary import VocabularyPart
from lsr.index.parts.windows import WindowsPart
from lsr.index.parts.words import WordsPart

PARTS: dict[str, Part] = {
    part.name: part
    for part in (
        ForwardPart(),
        RareTermsPart(),
        OrderPart(),
        TermIdsPart(),
        TermsPart(),
        SummariesPart(),
        SeismicPart(),
        BmpPart(),
        DocumentsPart(),
        WindowsPart(),
        IdsPart(),
        VocabularyPart(),
        WordsPart(),
        DensePart(),
        LatePart(),
        DeletedPart(),
        FieldsPart(),
    )
}
"""The parts, in the order in which a build writes them and an index describes them."""


def written_parts() -> list[WrittenPart]:
    """The parts that are written with a segment."""
    return [part for part in PARTS.values() if isinstance(part, WrittenPart)]


def added_parts() -> dict[str, AddedPart]:
    """The parts that are added to an existing segment, by name."""
    return {name: part for name, part in PARTS.items() if isinstance(part, AddedPart)}


def owners() -> dict[str, WrittenPart]:
    """The part that each file of a segment's folder belongs to, by the file's name."""
    return {file: part for part in written_parts() for file in part.files}


def check_settings(settings: IndexSettings) -> None:
    """Check the settings of parts: InputError for a part that is not built on request, or an unknown setting."""
    known = {part.name: part.Settings for part in written_parts() if part.Settings is not None}
    for name, given in settings.parts.items():
        if name not in known:
            raise InputError(f"no part {name!r} is built on request; there are {', '.join(known)}")
        try:
            known[name](**given)
        except TypeError as error:
            raise InputError(f"settings of {name}: {error}") from error
