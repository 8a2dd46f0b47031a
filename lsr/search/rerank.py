"""The models that re-rank, loaded on first use."""

from __future__ import annotations

from copy import copy
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lsr.search.models import Models, encoder_of_part
from lsr.search.plan import LATE

if TYPE_CHECKING:
    from lsr.encoding.cross.encoder import CrossEncoder
    from lsr.encoding.late.encoder import TokenEncoder
    from lsr.index import Index


class Rerankers:
    """Re-ranking models for the documents of one index. Safe to use from several threads.

    Args:
        index: the index, whose documents' texts or token vectors are read.
        device: the device of the models.
        models: as for `Retriever`.
    """

    def __init__(self, index: Index, device: str | None = None, models: Models | None = None) -> None:
        self._index, self._device, self._models = index, device, models or Models()
        self._cross_encoders: dict[str, CrossEncoder] = {}
        self._token_encoder: TokenEncoder | None = None
        self._loading = RLock()

    def renewed(self, index: Index) -> Rerankers:
        """The same models, for the documents of another snapshot; that of token vectors if it made these, too."""
        made = copy(self)
        made._index = index
        if encoder_of_part(index, "late") != encoder_of_part(self._index, "late"):
            made._token_encoder = None
        return made

    def score(self, model: str, text: str, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """float32 [n]: how well the documents of these rows answer the text, according to a cross-encoder or "late"."""
        if model == LATE:
            late = self._index.parts["late"]
            return late.scores(self.token_encoder.encode_queries([text])[0], rows)
        return self.cross_encoder(model).score(text, [self._index.documents.at(int(row)).contents for row in rows])

    def cross_encoder(self, model: str) -> CrossEncoder:
        """The cross-encoder, loaded on first use. Raises ModelError if `model` does not name one."""
        from lsr.encoding.cross.encoder import CrossEncoder

        with self._loading:
            if model not in self._cross_encoders:
                load = partial(CrossEncoder.load, model, device=self._device)
                self._cross_encoders[model] = self._models.shared("cross", model, self._device, load=load)
            return self._cross_encoders[model]

    @property
    def token_encoder(self) -> TokenEncoder:
        """The encoder that made the index's token vectors. Raises ModelError if it is missing or has changed."""
        from lsr.encoding.late.encoder import TokenEncoder

        with self._loading:
            if self._token_encoder is None:
                record = self._index.parts["late"].record.encoder
                load = partial(TokenEncoder.of_record, record, device=self._device)
                self._token_encoder = self._models.shared("late", record, self._device, load=load)
            return self._token_encoder
