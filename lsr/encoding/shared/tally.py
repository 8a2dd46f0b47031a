"""What an encoder has read: how many texts it cut, and whether they are in a language that its tokens are made for."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# From here on a remark is worth it. Measured with BERT's English vocabulary: in eleven English collections, among them
# commands and code, 8 to 23 % of the words are of these, and at most 1 % of the tokens are foreign; in German, French,
# Spanish and Dutch 0 to 2 % are; in Russian and Chinese nine tokens of ten are foreign.
_FOREIGN = 0.2
_FEW_ENGLISH, _FEW_TOKENS = 0.03, 300
_ASCII = 0.85  # the share of tokens in plain letters, in a vocabulary that is made for English
_ENGLISH = "the and to that with this are from which have been were their for by it as"
_UNKNOWN = ("[UNK]", "<unk>", "<|unk|>")

Counts = tuple[int, int, int, int, npt.NDArray[np.int64]]
"""Texts, texts that were cut, characters, characters that were not read, and how often each token was."""


@dataclass(frozen=True, slots=True)
class TextReport:
    """What was read of the texts of one side.

    Attributes:
        texts: how many.
        cut: how many of them were longer than the encoder reads.
        unread: the share of all their characters that was not read, therefore.
        tokens: how many tokens were read, special tokens aside.
        unknown: the share of them that stands for whatever the vocabulary does not hold.
        foreign: the share of them that is single letters of a script for which the vocabulary has hardly any words.
        english: the share of English function words among whole words; None where the vocabulary is not English.
    """

    texts: int
    cut: int
    unread: float
    tokens: int
    unknown: float
    foreign: float
    english: float | None

    def language_remark(self) -> str | None:
        """What to say if the texts do not look like what the model was made for; else None."""
        share = self.unknown + self.foreign
        if self.tokens and share > _FOREIGN:
            return (
                f"{share:.0%} of the tokens of these texts are unknown to the model or single letters of a script that "
                "it has no words of: it was made for another language, and finds little in them"
            )
        if self.english is not None and self.tokens >= _FEW_TOKENS and self.english < _FEW_ENGLISH:
            return (
                f"only {self.english:.0%} of the words of these texts are such as every English sentence has, and the "
                "model's vocabulary is English: in another language it finds less"
            )
        return None


class Tally:
    """Counts texts and tokens as they are read. Safe to use from several threads."""

    def __init__(self) -> None:
        self.texts = 0
        self.cut = 0
        self._characters = self._unread = 0
        self._counts = np.zeros(0, np.int64)
        self._lock = threading.Lock()

    def add(self, texts: Sequence[str], unread: Sequence[int], rows: Sequence[npt.NDArray[np.int64]]) -> None:
        """Count texts, how many characters of each text that was cut were not read, and their token ids."""
        if not rows:
            return
        found = np.bincount(np.concatenate(rows))
        with self._lock:
            self.texts += len(texts)
            self.cut += len(unread)
            self._characters += sum(map(len, texts))
            self._unread += sum(unread)
            self._count(found)

    def take(self) -> Counts:
        """What was counted, which is then forgotten: for the tally of another process to `join`."""
        with self._lock:
            taken = self.texts, self.cut, self._characters, self._unread, self._counts
            self.texts = self.cut = self._characters = self._unread = 0
            self._counts = np.zeros(0, np.int64)
            return taken

    def join(self, taken: Counts) -> None:
        """Count what another has counted."""
        texts, cut, read, unread, found = taken
        with self._lock:
            self.texts += texts
            self.cut += cut
            self._characters += read
            self._unread += unread
            self._count(found)

    def _count(self, found: npt.NDArray[np.int64]) -> None:
        size = max(len(found), len(self._counts))
        self._counts = np.pad(self._counts, (0, size - len(self._counts))) + np.pad(found, (0, size - len(found)))

    def report(self, tokens: Mapping[str, int], special: npt.NDArray[np.int64]) -> TextReport:
        """What was read, by the vocabulary: each token and its id, and the ids of special tokens."""
        with self._lock:
            counts, texts, cut = self._counts.copy(), self.texts, self.cut
            unread = self._unread / max(self._characters, 1)
        unknown_ids = [tokens[token] for token in _UNKNOWN if token in tokens]
        unknown = int(sum(counts[id] for id in unknown_ids if id < len(counts)))
        counts[special[special < len(counts)]] = 0
        counts[[id for id in unknown_ids if id < len(counts)]] = 0
        total = int(counts.sum()) + unknown
        plain = sum(token.isascii() for token in tokens) > _ASCII * len(tokens)
        if not plain or not total:
            return TextReport(texts, cut, unread, total, unknown / max(total, 1), 0.0, None)
        names = {id: token for token, id in tokens.items()}
        used = [(names.get(int(id), ""), int(counts[id])) for id in np.flatnonzero(counts)]
        letters = sum(count for token, count in used if _is_letter(token.removeprefix("##")))
        words = [(token, count) for token, count in used if token.isalpha() and len(token) > 1]
        english = set(_ENGLISH.split())
        share = sum(count for token, count in words if token in english) / max(sum(count for _, count in words), 1)
        known = len(english & tokens.keys()) > len(english) / 2
        return TextReport(texts, cut, unread, total, unknown / total, letters / total, share if known else None)


def _is_letter(token: str) -> bool:
    return len(token) == 1 and not token.isascii() and token.isalpha()
