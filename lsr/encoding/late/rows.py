"""From texts to the rows of token ids whose vectors late interaction compares, as ColBERT makes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.errors import ModelError
from lsr.encoding.late.layout import Expansion, TokenLayout, TokenSide
from lsr.encoding.shared.strict import quiet
from lsr.encoding.shared.tokens import TextTokenizer, fast_tokenizer

TokenIds = npt.NDArray[np.int64]


class TokenRows:
    """How the texts of one side of a model become rows of token ids.

    Attributes:
        tokenizer: cuts texts so that there is room for the marker.
        longest: the most tokens of a row.
    """

    def __init__(
        self,
        layout: TokenLayout,
        side: TokenSide,
        special_tokens: bool,
        *,
        skipped: Sequence[str] = (),
        expansion: Expansion | None = None,
    ) -> None:
        cut = self.longest = side.max_length
        if expansion is not None:
            self.longest = expansion.length if expansion.cut else max(expansion.length, side.max_length)
            cut = self.longest
        options: dict[str, Any] = {"lower_case": layout.lower_case}
        self.tokenizer = TextTokenizer(layout.folder, max_length=cut, prompt=side.prompt, **options)
        ids = self.tokenizer.token_ids()
        # PyLate writes the space after "[Q]" as a part of the token.
        names = [side.marker, *side.marker.split()[:1]]
        self._marker = next((ids[name] for name in names if name in ids), None)
        if self._marker is not None:
            self.tokenizer = TextTokenizer(layout.folder, max_length=cut - 1, prompt=side.prompt, **options)
        elif side.marker:
            self.tokenizer = TextTokenizer(layout.folder, max_length=cut, prompt=side.marker + side.prompt, **options)
        self._expansion = expansion
        self._filler = 0 if expansion is None else _filler(layout.folder, expansion, ids)
        dropped = [ids[token] for token in skipped if token in ids]
        if not special_tokens:
            dropped += [*self.tokenizer.special_ids.tolist(), *([] if self._marker is None else [self._marker])]
        self._dropped = np.array(dropped, np.int64)

    def row(self, tokens: TokenIds) -> TokenIds:
        """The tokenizer's ids with the marker after the first, padded with mask tokens if this side is."""
        if self._marker is not None:
            tokens = np.insert(tokens, min(1, len(tokens)), self._marker)
        if self._expansion is not None:
            missing = max(0, self._expansion.length - len(tokens))
            tokens = np.pad(tokens, (0, missing), constant_values=self._filler)
        return tokens

    def attended(self, tokens: TokenIds) -> int:
        """How many of the row's first tokens take part in attention."""
        own = len(tokens) + (self._marker is not None)
        if self._expansion is None or not self._expansion.attended:
            return own
        return max(own, self._expansion.length)

    def kept(self, row: TokenIds) -> npt.NDArray[np.bool_]:
        """Which of the row's tokens get a vector."""
        return ~np.isin(row, self._dropped)


def _filler(folder: Path, expansion: Expansion, ids: dict[str, int]) -> int:
    """The id of the token that queries are padded with: the mask token or, if there is none, the end-of-text token."""
    if expansion.token is not None:
        found = ids.get(expansion.token)
    else:
        with quiet():
            tokenizer = fast_tokenizer(folder)
        found = tokenizer.eos_token_id if tokenizer.mask_token_id is None else tokenizer.mask_token_id
    if found is None:
        token = expansion.token or "mask tokens"
        raise ModelError(f"{folder} pads queries with {token}, which its tokenizer does not know")
    return int(found)
