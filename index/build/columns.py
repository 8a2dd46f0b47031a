"""Term ids that are few among those that there could be, made compact."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lsr.index.format.arrays import ArrayWriter, open_array
from lsr.index.format.postings import term_dtype
from lsr.index.parts.draft import SegmentDraft

# No model's vocabulary is as large; tables of so many terms take a few megabytes.
MOST_TERMS = 1 << 19
_AT_A_TIME = 1 << 22


def compact_terms(draft: SegmentDraft, name: str, pairs: int) -> None:
    """Replace the ids in the draft's file of terms `name` by columns, if that makes the tables by term much smaller.

    Then the draft's `term_ids` say which id each column is, and its `dim` how many columns there are. Left alone are
    vectors with a vocabulary, or of which rare terms share columns, or of at most `MOST_TERMS` terms, or of which half
    of the ids or more occur. Takes 8
    bytes for each id that occurs.
    """
    named = draft.vocabulary is not None or draft.words is not None
    if named or draft.shared is not None or draft.token_frequencies is not None or draft.dim <= MOST_TERMS:
        return
    path = draft.folder / name
    terms = open_array(path, term_dtype(draft.dim), pairs)
    ids = _distinct(terms, draft.dim // 2)
    if ids is None:
        return
    compact = path.with_name(f"compact_{name}")
    with ArrayWriter(compact, term_dtype(len(ids))) as writer:
        for start in range(0, pairs, _AT_A_TIME):
            writer.append(np.searchsorted(ids, terms[start : start + _AT_A_TIME]))
    compact.replace(path)
    draft.term_ids, draft.dim = ids, len(ids)


def _distinct(terms: npt.NDArray[np.integer], most: int) -> npt.NDArray[np.uint32] | None:
    """The different ids, ascending, at least one; None if there are more than `most`."""
    known, new, waiting = np.zeros(0, np.uint32), [], 0
    for start in range(0, len(terms), _AT_A_TIME):
        new.append(np.unique(terms[start : start + _AT_A_TIME]))
        waiting += len(new[-1])
        # Joined only when there is as much to join, so that all of it takes as long as a few sorts.
        if waiting >= len(known):
            known, new, waiting = np.unique(np.concatenate([known, *new])), [], 0
            if len(known) > most:
                return None
    known = np.unique(np.concatenate([known, *new]))
    return None if len(known) > most else known if len(known) else np.zeros(1, np.uint32)
