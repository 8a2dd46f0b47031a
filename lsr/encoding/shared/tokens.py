"""From text to token ids with the `tokenizers` library; transformers is used only if there is no tokenizer.json."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding, Tokenizer, normalizers

from lsr.core.chunks import chunks
from lsr.core.errors import InputError, ModelError
from lsr.core.vocabulary import Vocabulary
from lsr.encoding.shared.agreement import check_fit, check_tokenizer
from lsr.encoding.shared.alone import one_at_a_time
from lsr.encoding.shared.heads import head, head_lengths
from lsr.encoding.shared.tally import Tally, TextReport
from lsr.encoding.shared.trust import NO_CODE

# How many texts and characters are tokenised at once: an Encoding takes a hundred times its token ids' memory.
_SLICE = 128
_SLICE_CHARACTERS = 1 << 20
# Of a text that is read whole.
MOST_TOKENS = 1 << 24


class TextTokenizer:
    """A model's tokenizer, cutting or windowing at `max_length` tokens (special tokens included).

    With `overlap`, a text that is too long becomes several windows, each sharing that many tokens with the one before.
    With `echo` the text is repeated between the special tokens, and `max_length` counts one copy. Safe to call from
    several threads.

    Attributes:
        special_ids: int64, the ids of special tokens, ascending.
        affixes: how many special tokens come before and after a text.
        longest: tokens of the longest window.
        tally: what `encode` has read so far.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_length: int,
        overlap: int | None = None,
        special_tokens: bool = True,
        prompt: str = "",
        lower_case: bool = False,
        echo: bool = False,
    ) -> None:
        self._tokenizer = tokenizer = _load(folder)
        self._folder = folder
        check_tokenizer(tokenizer, folder)
        tokenizer.no_padding()
        added = tokenizer.num_special_tokens_to_add(is_pair=False) if special_tokens else 0
        if max_length <= added:
            raise ModelError(f"max_length {max_length} leaves no room for text next to {added} special tokens")
        if max_length > MOST_TOKENS:
            raise ModelError(f"max_length can be {MOST_TOKENS:,} at most, not {max_length}")
        if overlap is not None and not 0 <= overlap < max_length - added:
            raise ModelError(
                f"windows of {max_length - added} tokens cannot overlap by {overlap}: give 0 or more, below that"
            )
        tokenizer.enable_truncation(max_length, stride=overlap or 0)
        if lower_case:
            parts = [normalizers.Lowercase()]
            tokenizer.normalizer = normalizers.Sequence(
                parts + ([tokenizer.normalizer] if tokenizer.normalizer else [])
            )
        self._windows = overlap is not None
        self._add_special = special_tokens
        self._prompt = prompt
        self._echo = echo
        self._max_length = max_length
        self._terms: int | None = None  # where the tokenizer has tokens beyond the model's
        self.tally = Tally()
        self.longest = 2 * max_length - added if echo else max_length
        self.special_ids: npt.NDArray[np.int64] = np.array(
            sorted(id for id, token in tokenizer.get_added_tokens_decoder().items() if token.special), dtype=np.int64
        )

    @cached_property
    def affixes(self) -> tuple[int, int]:
        mask = self._tokenizer.encode("a", add_special_tokens=self._add_special).special_tokens_mask
        text = mask.index(0)
        return text, mask[::-1].index(0)

    def encode_one(self, text: str) -> list[int]:
        """One text's token ids, cut at max_length."""
        return self._read(self._encode([text])[0][0])

    def encode(self, texts: Sequence[str]) -> tuple[list[npt.NDArray[np.int64]], npt.NDArray[np.int64]]:
        """Token ids of every window, and the text that each window belongs to (int64, ascending)."""
        windows: list[npt.NDArray[np.int64]] = []
        owners: list[int] = []
        first = 0
        for texts_at_once in chunks(texts, _SLICE, _SLICE_CHARACTERS, len):
            encodings, unread = self._encode(texts_at_once)
            before = len(windows)
            for owner, encoding in enumerate(encodings, first):
                for window in (encoding, *(encoding.overflowing if self._windows else ())):
                    windows.append(np.array(self._read(window), dtype=np.int64))
                    owners.append(owner)
            self.tally.add(texts_at_once, unread, windows[before:])
            first += len(encodings)
        return windows, np.array(owners, dtype=np.int64)

    def check_fit(self, terms: int) -> None:
        """ModelError unless the model of so many terms may be the one that this tokenizer is of."""
        if check_fit(self._tokenizer, terms, self._folder):
            self._terms = terms

    def report(self) -> TextReport:
        """What `encode` has read so far."""
        return self.tally.report(self.token_ids(), self.special_ids)

    def _encode(self, texts: Sequence[str]) -> tuple[list[Encoding], list[int]]:
        """Each text's encoding, with those of its other windows in it; and what was not read of each that was cut."""
        if self._windows:
            return self._batch(texts), []
        lengths = head_lengths(self._max_length)
        length = next(lengths)
        heads = [head(text, length) for text in texts]
        encodings = self._batch(heads)
        for length in lengths:
            if not (short := [i for i, text in enumerate(texts) if len(heads[i]) < len(text) and _ends(encodings[i])]):
                break
            for i in short:
                heads[i] = head(texts[i], length)
                encodings[i] = self._batch([heads[i]])[0]
        parts = zip(texts, heads, encodings, strict=True)
        cut = [(text, part) for text, part, encoding in parts if encoding.overflowing or len(part) < len(text)]
        return encodings, [len(text) - self._characters_read(part) for text, part in cut]

    def _characters_read(self, text: str) -> int:
        """Where in a text the last token that is read of it ends."""
        # The fast way of encoding does not say.
        encoding = self._tokenizer.encode(self._prompt + text, add_special_tokens=self._add_special)
        return max((end for _, end in encoding.offsets), default=0) - len(self._prompt)

    def _batch(self, texts: Sequence[str]) -> list[Encoding]:
        part = [self._prompt + text for text in texts]
        encodings: list[Encoding] = self._tokenizer.encode_batch_fast(part, add_special_tokens=self._add_special)
        return encodings

    def _read(self, encoding: Encoding) -> list[int]:
        ids: list[int] = encoding.ids
        if self._terms is not None and max(ids, default=0) >= self._terms:
            token = self._tokenizer.id_to_token(max(ids))
            raise InputError(f"a text holds {token}, a special token that the model in {self._folder} does not know")
        if not self._echo:
            return ids
        before, after = self.affixes
        end = len(ids) - after
        return ids[:end] + ids[before:]

    def token_ids(self) -> dict[str, int]:
        """Every token and its id."""
        return self._tokenizer.get_vocab(with_added_tokens=True)

    def symbols(self, dim: int) -> npt.NDArray[np.int64]:
        """The ids below `dim` of tokens without a letter or a digit."""
        tokens = self.token_ids().items()
        return np.array([id for token, id in tokens if id < dim and not any(map(str.isalnum, token))], np.int64)

    def vocabulary(self, dim: int) -> Vocabulary:
        """The tokens as terms 0 … dim - 1; ids without a token are named "[unused:ID]"."""
        terms = [f"[unused:{id}]" for id in range(dim)]
        for token, id in self.token_ids().items():
            if id < dim:
                terms[id] = token
        return Vocabulary(terms)


def _ends(encoding: Encoding) -> bool:
    """Whether a text's tokens end so soon after those that are read that where it was cut could make a difference."""
    return len(encoding.overflowing) < 2


def pad(
    rows: Sequence[npt.NDArray[np.int64]], padding: int, width: int | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Pad token ids to equal width with `padding` at the end; also the mask of real tokens: int64, bool [rows, width].

    `width` is that of the longest row, at least 1, if not given.
    """
    lengths = np.array([len(row) for row in rows])
    present = np.arange(width or max(1, int(lengths.max()))) < lengths[:, None]
    tokens = np.full(present.shape, padding, dtype=np.int64)
    tokens[present] = np.concatenate(rows)
    return tokens, present


def characters(text: object) -> int:
    """How long a text is, for chunks; of what is no text too, which is refused later, with its number."""
    return len(text) if isinstance(text, str) else 1


def check_texts(texts: Sequence[str], first: int = 0) -> None:
    """Raise InputError naming the first entry that is not a string, or that UTF-8 cannot encode."""
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(f"text {first + row} is {type(text).__name__}, not a string")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            code = ord(text[error.start])
            raise InputError(
                f"text {first + row} contains half of a surrogate pair, \\u{code:04x}, at character {error.start}"
            ) from None


def _load(folder: Path) -> Tokenizer:
    path = folder / "tokenizer.json"
    if path.exists():
        try:
            return Tokenizer.from_file(str(path))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # the library raises bare Exception, and where it panics, not even that
            raise ModelError(f"{path} is not a readable tokenizer: {error}") from None
    return Tokenizer.from_str(fast_tokenizer(folder).backend_tokenizer.to_str())


@one_at_a_time
def fast_tokenizer(source: Path) -> Any:
    """transformers' tokenizer of a folder without a tokenizer.json, or of a GGUF file. ModelError if there is none."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    try:
        if source.suffix == ".gguf":
            # AutoTokenizer would give the same, but first reads the whole file twice.
            loaded = PreTrainedTokenizerFast.from_pretrained(
                str(source.parent), gguf_file=source.name, local_files_only=True
            )
        else:
            loaded = AutoTokenizer.from_pretrained(str(source), **NO_CODE)
    except Exception as error:  # transformers and tokenizers raise whatever comes
        raise ModelError(f"{source} contains no readable tokenizer: {error}") from None
    if not getattr(loaded, "is_fast", False):
        raise ModelError(f"{source}: its tokenizer has no fast (tokenizer.json) form")
    return loaded
