"""From a text to its words: what the lexical side of a vector counts.

A text is cut at what is neither letter, mark, number nor underscore, by Unicode's properties; words are lower-cased,
stemmed and left without accents; stop words are dropped. What people search for in code, logs and papers is kept
whole as well as in parts: `getUserName`, `snake_case`, `HTTP/2`, `COVID-19`, `3.11`, `state-of-the-art`. The whole is
written without its joints, so that `e-mail` is found by `email` and `HTTP/2` by `http2`; numbers keep theirs, for 3.11
is not 311. Of a path or a qualified name each segment is a word, too: `JsonTokenizer` of `org.lantern.JsonTokenizer`.
Scripts that put no spaces between words are cut into pairs of characters; Korean, which puts particles behind words
without one, into its words and their pairs.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

import regex

from lsr.core.errors import InputError, MissingDependencyError
from lsr.core.options import did_you_mean, listed
from lsr.encoding.lexical.never_split import NeverSplit
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.encoding.lexical.stop_words import STOP_WORDS

# Goes up with every change of which words a text has: an index tells by which rules it was made.
ANALYSIS = 1
# Characters of a text whose chunks would take much memory together.
_LONG = 1 << 20
# How many different chunks of text are remembered with their words, so that few are stemmed twice.
_REMEMBERED = 1 << 20
# Longer chunks (base64, long URLs) are cut, so that no word is longer than an index should hold.
_LONGEST_CHUNK, _LONGEST_WORD = 256, 64

# Scripts without spaces between words.
_UNSPACED = (
    r"\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}"
    r"\p{Script=Myanmar}\u30fc\u3005"
)
_WORD = rf"[[\p{{L}}\p{{M}}\p{{N}}_]--[{_UNSPACED}]]"
# A word, or words joined by what holds an identifier, a number or a compound together; C++ and C# keep their ends.
_CHUNK = regex.compile(
    rf"(?V1){_WORD}+(?:(?:[-‐‑./:@'+#&·\u00ad]|(?<=\p{{N}}),(?=\p{{N}}{{3}}(?!\p{{N}}))){_WORD}+)*(?:\+\+|\#)?"
    rf"|[{_UNSPACED}]+",
)
# The parts of a chunk: humps (`get`, `User`, `Name`; `HTTP`, `Server`), letters apart from digits, and numbers with
# their points.
_PART = regex.compile(
    r"(?V1)\p{N}+(?:[.:]\p{N}+)*|\p{Lu}+(?!\p{Ll})\p{M}*|\p{Lu}?[\p{Ll}\p{M}]+|[[\p{L}\p{M}]--[\p{Lu}\p{Ll}]]+"
)
# Where a path or a qualified name has its segments: not within a number or a name, nor before the end of C++.
_BETWEEN_SEGMENTS = regex.compile(r"(?V1)[-‐‑/@_]|[+#](?![+#]|$)|(?<!\p{N})[.:]|[.:](?!\p{N})")
_JOINTS = regex.compile(r"(?V1)[^\p{L}\p{M}\p{N}]+")
_PLAIN = regex.compile(r"(?V1)\p{Lu}?[\p{Ll}\p{M}]+|[[\p{L}\p{M}]--[\p{Lu}\p{Ll}]]+|\p{Lu}+|\p{N}+")
_THOUSANDS = regex.compile(r"(?<=\p{N}),(?=\p{N}{3}(?!\p{N}))")
# What an apostrophe joins to a word and is none itself: elided articles, English endings.
_ELIDED = frozenset(
    [*("l", "d", "j", "m", "t", "s", "n", "c", "re", "ve", "ll"), *("qu", "dell", "all", "nell", "sull", "jusqu", "un")]
)
_APOSTROPHES = str.maketrans({"’": "'", "ʼ": "'", "＇": "'"})
_DIGITS = regex.compile(r"\p{N}+(?:[.:]\p{N}+)+")
# Letters that Unicode does not take apart into one without its stroke, or into two.
_FOLDED = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l", "ŧ": "t", "þ": "th"}
)


class Analyser:
    """Cuts texts into the words of one language. Not for several threads at once.

    Args:
        language: of the stemmer and the stop words: a name from `languages()`, or "none" for words as they are.
        never_split: terms that are one word each (`lsr.encoding.lexical.never_split`).

    InputError for a language that there is not; MissingDependencyError without PyStemmer.
    """

    def __init__(self, language: str = "english", never_split: Sequence[str] = ()) -> None:
        check_language(language)
        self.language = language
        self._stem = _stemmer(language)
        self._stop_words = STOP_WORDS.get(language, frozenset())
        # The accents of these languages are not spelt in what they are searched by, and their stemmers know none.
        self._fold_first = language in ("english", "none")
        self._known: dict[str, tuple[str, ...]] = {}
        self._never_split = NeverSplit(never_split) if never_split else None

    @classmethod
    def of(cls, settings: LexicalSettings) -> Analyser:
        """The one that an index's words are cut by."""
        return cls(settings.language, settings.never_split)

    def __repr__(self) -> str:
        return f"Analyser({self.language!r})"

    def words(self, text: str) -> list[str]:
        """The words of a text, in order, repeated as they are there."""
        if not text.isascii():
            text = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES)
        if self._never_split is None:
            return self._words(text)
        words: list[str] = []
        for between, term in self._never_split.split(text):
            words += self._words(between)
            if term is not None:
                words.append(term)
        return words

    def _words(self, text: str) -> list[str]:
        """The words of a text without terms that are not to be split."""
        found: list[str] = []
        known = self._known
        # All chunks at once are found faster, one after another in less memory.
        together = len(text) < _LONG
        chunks = _CHUNK.findall(text) if together else (match.group() for match in _CHUNK.finditer(text))
        for chunk in chunks:
            words = known.get(chunk)
            if words is None:
                if len(known) >= _REMEMBERED:
                    known.clear()
                words = known[chunk] = tuple(self._analyse(chunk))
            found += words
        return found

    def _analyse(self, chunk: str) -> Iterable[str]:
        """The words of one chunk."""
        if _is_unspaced(chunk[0]):
            return _pairs(chunk)
        if _PLAIN.fullmatch(chunk):
            return self._word(chunk)
        if "'" in chunk:
            first, *others = chunk.split("'")
            parts = [part for part in (first, *others) if part.lower() not in _ELIDED]
            if len(parts) < 2:
                words = list(self._analyse(parts[0])) if parts else []
                # The article of a name is part of it, but where it stands before any word.
                if self._fold_first and words and first.lower() in _ELIDED and parts[0][0].isupper():
                    words += self._whole(first + parts[0])
                return words
            chunk = "'".join(parts)
        return self._compound(chunk)

    def _compound(self, chunk: str) -> list[str]:
        """The parts of an identifier, a compound or a number, and the whole."""
        chunk = _THOUSANDS.sub("", chunk)
        words: list[str] = []
        parts = _PART.findall(chunk)
        for part in parts:
            # A letter alone says little: of e.g., T-cell and 1960s the whole does.
            if len(part) > 1 or not part.isalpha():
                words += self._word(part)
                words += _pieces(part)
        for segment in _BETWEEN_SEGMENTS.split(chunk):
            if segment and segment != chunk and not _PLAIN.fullmatch(segment):
                words += [word for word in self._whole(segment) if word not in words]
        whole = "".join(_without_joints(chunk))
        if chunk[-1] in "+#":
            whole += chunk[len(chunk.rstrip("+#")) :]
        elif len(parts) < 2:
            return words
        return words + [word for word in self._whole(whole) if word not in words]

    def _whole(self, chunk: str) -> list[str]:
        """What has parts as one word, without its joints."""
        whole = chunk if chunk[-1] in "+#" else "".join(_without_joints(chunk))
        if len(whole) > _LONGEST_WORD:
            return []
        return self._word(whole) if whole.isalpha() else [_lowered(whole)]

    def _word(self, part: str) -> list[str]:
        word = _lowered(part) if self._fold_first else part.lower()
        if word in self._stop_words or len(word) > _LONGEST_CHUNK:
            return []
        word = self._stem(word)[:_LONGEST_WORD]
        if len(word) > 2 and all("가" <= letter <= "힣" for letter in word):
            return [word, *map("".join, pairwise(word))]
        return [word if self._fold_first else _without_accents(word)] if word else []


def languages() -> list[str]:
    """The languages whose words can be stemmed, by name."""
    try:
        from Stemmer import algorithms
    except ImportError:
        return []
    return sorted(name for name in algorithms() if not name.endswith("porter"))


def check_language(language: str) -> None:
    """InputError for a language that there is not; MissingDependencyError without PyStemmer."""
    if language != "none" and language not in (known := languages()):
        if not known:
            raise MissingDependencyError("stemming needs PyStemmer, which is not installed: pip install PyStemmer")
        hint = did_you_mean(language, known) or "."
        raise InputError(f"there is no stemmer for {language!r}{hint} It can be {listed([*known, 'none'])}")


def _stemmer(language: str) -> Callable[[str], str]:
    if language == "none":
        return lambda word: word
    from Stemmer import Stemmer

    stem: Callable[[str], str] = Stemmer(language).stemWord
    return stem


def _lowered(word: str) -> str:
    return _without_accents(word.lower())


def _without_accents(word: str) -> str:
    """The letters without what stands above or below them, where they are Latin, Greek or Cyrillic."""
    if word.isascii():
        return word
    spread = unicodedata.normalize("NFD", word).translate(_FOLDED)
    return unicodedata.normalize("NFC", "".join(c for c in spread if not "\u0300" <= c <= "\u036f"))


def _pieces(number: str) -> list[str]:
    """What a number with points or colons is asked for by: 1.25 of 1.25.3, 18:45 of 18:45:02, an address and a port."""
    if "." in number and ":" in number:
        return [word for piece in number.split(":") for word in (piece, *_pieces(piece))]
    joint = "." if "." in number else ":"
    pieces = number.split(joint)
    return [joint.join(pieces[:2])] if len(pieces) > 2 else []


def _without_joints(chunk: str) -> Iterable[str]:
    """The pieces of a chunk: what joins words is left out, what joins numbers stays."""
    at = 0
    for number in _DIGITS.finditer(chunk):
        yield _JOINTS.sub("", chunk[at : number.start()].replace("_", ""))
        yield number.group()
        at = number.end()
    yield _JOINTS.sub("", chunk[at:].replace("_", ""))


@lru_cache(1 << 14)
def _is_unspaced(character: str) -> bool:
    return regex.match(rf"(?V1)[{_UNSPACED}]", character) is not None


def _pairs(chunk: str) -> list[str]:
    """Pairs of neighbouring characters, a character being one with its marks; and single ones, which are words too."""
    characters = regex.findall(r"\X", chunk)
    return characters + ["".join(pair) for pair in pairwise(characters)]
