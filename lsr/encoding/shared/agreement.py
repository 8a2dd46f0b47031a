"""Whether a tokenizer and the model beside it belong together: files of two models in one folder give wrong vectors."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer

from lsr.core.errors import ModelError

# Tokens that are tried: enough to tell a tokenizer that works from one that does not.
_TRIED = 256
_FEWEST = 8
_REAL = 10_000  # terms of a vocabulary that is no experiment's
_UNKNOWN = "\u2603 \uffff"  # in hardly any vocabulary: met where nothing stands for unknown words
_PREFIXES = ("Ġ", "▁", "</w>")  # how tokenizers mark where a word starts or ends


def check_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """ModelError for a tokenizer that fails, has no words, or cannot tell those of its vocabulary apart."""
    try:
        _check_words(tokenizer, folder)
    except (ModelError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # the library raises bare Exception, and where it panics, not even that
        raise ModelError(f"the tokenizer in {folder} fails: {error}") from error


def _check_words(tokenizer: Tokenizer, folder: Path) -> None:
    special = {id for id, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    count = tokenizer.get_vocab_size(with_added_tokens=True)
    if count <= len(special):
        missing = "" if (folder / "tokenizer.json").exists() else " (there is no tokenizer.json)"
        raise ModelError(f"the tokenizer in {folder} has {count} tokens, none of which is a word{missing}")
    for id, token in _affixes(tokenizer):
        if tokenizer.id_to_token(id) != token:
            raise ModelError(
                f"the tokenizer in {folder} puts {token} around texts as token {id}, which is "
                f"{tokenizer.id_to_token(id)!r} in its vocabulary"
            )
    tokenizer.encode(_UNKNOWN)
    words = _words(tokenizer, special)
    if len(words) < _FEWEST:
        return
    encodings = {tuple(each.ids) for each in tokenizer.encode_batch(words, add_special_tokens=False)}
    if 2 * len(encodings) < len(words):
        raise ModelError(
            f"the tokenizer in {folder} reads the words of its own vocabulary as unknown: of {len(words)} that were "
            f"tried, only {len(encodings)} differ for it. Is it the one that the model was trained with?"
        )


def check_fit(tokenizer: Tokenizer, terms: int, folder: Path) -> bool:
    """ModelError unless the vocabularies of a tokenizer and of the model of `terms` terms beside it may be the same.

    Returns whether there are special tokens beyond the model's, which conversions may add: no text should hold them.
    """
    count, beyond = tokenizer.get_vocab_size(with_added_tokens=True), _beyond(tokenizer, terms)
    special = {id for id, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    if words := sorted(beyond - special):
        raise ModelError(
            f"the tokenizer in {folder} has {count:,} tokens, up to number {words[-1]:,}, and the model {terms:,}, up "
            f"to {terms - 1:,}: they are not of one model. The last token is {tokenizer.id_to_token(words[-1])!r}"
        )
    if terms >= _REAL and 2 * count < terms:
        raise ModelError(
            f"the tokenizer in {folder} has {count:,} tokens and the model {terms:,}: they are not of one model"
        )
    listed = folder / "vocab.txt"
    if (folder / "tokenizer.json").exists() and listed.is_file():
        lines = listed.read_text(encoding="utf-8", errors="replace").split("\n")
        tried = range(0, min(count, len(lines)), max(1, count // _TRIED))
        if 2 * sum(tokenizer.id_to_token(id) == lines[id].rstrip("\r") for id in tried) < len(tried):
            raise ModelError(f"tokenizer.json and vocab.txt in {folder} hold different vocabularies: of which model?")
    return bool(beyond)


def _beyond(tokenizer: Tokenizer, terms: int) -> set[int]:
    """The ids from `terms` on."""
    count = tokenizer.get_vocab_size(with_added_tokens=True)
    if tokenizer.id_to_token(count - 1) is not None and tokenizer.id_to_token(count) is None:
        return set(range(terms, count))  # numbered without gaps; to read the whole vocabulary takes as long as a search
    return {id for id in tokenizer.get_vocab(with_added_tokens=True).values() if id >= terms}


def _affixes(tokenizer: Tokenizer) -> list[tuple[int, str]]:
    """The special tokens that are put around a text, with their ids."""
    encoding = tokenizer.encode("", add_special_tokens=True)
    if len(encoding.ids) != len(encoding.tokens):
        raise ValueError(f"it puts {len(encoding.ids)} ids around texts, and {len(encoding.tokens)} tokens")
    return list(zip(encoding.ids, encoding.tokens, strict=True))


def _words(tokenizer: Tokenizer, special: set[int]) -> list[str]:
    """Some tokens that are whole words, from all over the vocabulary."""
    count = tokenizer.get_vocab_size(with_added_tokens=False)
    words = []
    for id in range(0, count, max(1, count // _TRIED)):
        word = tokenizer.id_to_token(id) or ""
        for prefix in _PREFIXES:
            word = word.replace(prefix, "")
        if id not in special and word.isascii() and word.isalnum():
            words.append(word)
    return sorted(set(words))
