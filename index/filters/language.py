"""Filters as strings: `year >= 2020 and lang in ("en", "de") and not draft`.

    filter      all ("or" all)*
    all         one ("and" one)*
    one         "not" one | "(" filter ")" | condition
    condition   FIELD                               true, of a boolean field
                FIELD ("=" | "!=") VALUE            also == for =
                FIELD ("<" | "<=" | ">" | ">=") VALUE
                VALUE ("<" | "<=") FIELD ("<" | "<=") VALUE
                FIELD ["not"] "in" "(" VALUE ("," VALUE)* ")"
                FIELD "^=" TEXT                     begins with
                "exists" "(" FIELD ")"

A value is a number, true, false, or a text in single or double quotes with the escapes of JSON; dates are texts. A
field is named by a word of letters, digits, `_`, `-` and `.`; any other name, and one that is a word of the language,
stands in backquotes. The words of the language may be in capitals.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import NamedTuple, NoReturn

from lsr.core.annotated import as_annotated
from lsr.core.errors import InputError
from lsr.index.filters.places import problem_at
from lsr.index.filters.tree import (
    DEEPEST,
    Condition,
    Eq,
    Exists,
    Filter,
    In,
    Prefix,
    Range,
    check_size,
    either,
    every,
    negated,
)
from lsr.index.filters.words import KEYWORDS, PLAIN_NAME, Value

LONGEST = 1 << 20
_KEPT_LENGTH = 4096

_NUMBER = re.compile(r"-?(?:[0-9]+)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.])")
_SIGN = re.compile(r"==|!=|<=|>=|\^=|[=<>(),\[\]]")
_SPACE = re.compile(r"\s*")
_ESCAPE = re.compile(r'\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt\'`])')
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_BOUND = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}


class _Token(NamedTuple):
    """A word of a filter: what it is ("name", "word", "value", "sign" or "end"), what it says, and where it stands."""

    kind: str
    value: Value
    at: int


@as_annotated
def parse_filter(text: str) -> Filter | None:
    """The tree of a filter; None for one that is empty.

    InputError shows the place of what cannot be read.
    """
    return _parse_kept(text) if len(text) <= _KEPT_LENGTH else _parse(text)


def _parse(text: str) -> Filter | None:
    if len(text) > LONGEST:
        raise InputError(f"a filter has at most {LONGEST:,} characters, not {len(text):,}")
    return _Parser(text).parse()


_parse_kept = lru_cache(256)(_parse)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._depth = self._end = self._last = 0
        self._next = self._read(0)

    def parse(self) -> Filter | None:
        if self._next.kind == "end":
            return None
        tree = self._or()
        if self._next.kind != "end":
            self._fail(f"expected and, or, or the end, not {self._said()}")
        check_size(tree)
        return tree

    # -- grammar -----------------------------------------------------------------------------------------------------

    def _or(self) -> Filter:
        parts = [self._and()]
        while self._takes("word", "or"):
            parts.append(self._and())
        return either(parts)

    def _and(self) -> Filter:
        parts = [self._one()]
        while self._takes("word", "and"):
            parts.append(self._one())
        return every(parts)

    def _one(self) -> Filter:
        self._depth += 1
        if self._depth > DEEPEST:
            self._fail(f"a filter has at most {DEEPEST} levels")
        try:
            if self._takes("word", "not"):
                return negated(self._one())
            opened = self._next
            if self._takes("sign", "("):
                tree = self._or()
                self._close(opened, ")")
                return tree
            return self._condition()
        finally:
            self._depth -= 1

    def _condition(self) -> Filter:
        if self._next.kind == "value":
            return self._between()
        if self._takes("word", "exists"):
            opened = self._expect("(")
            name = self._name()
            self._close(opened, ")")
            return Exists(str(name.value), at=name.at)
        name = self._name()
        field, at = str(name.value), name.at
        if self._takes("word", "in"):
            return In(field, self._values(), at=at)
        if self._takes("word", "not"):
            if not self._takes("word", "in"):
                self._fail(f"expected in after not, not {self._said()}")
            return negated(In(field, self._values(), at=at))
        sign = self._sign("=", "==", "!=", "^=", *_BOUND)
        if sign is None:
            return Eq(field, True, at=at)
        if sign == "^=":
            value = self._next
            if not isinstance(value.value, str) or value.kind != "value":
                self._fail(f"expected a text in quotes after ^=, not {self._said()}")
            self._step()
            return Prefix(field, value.value, at=at)
        if sign in _BOUND:
            return Range(field, **{_BOUND[sign]: self._value(sign)}, at=at)
        equal = Eq(field, self._value(sign), at=at)
        return negated(equal) if sign == "!=" else equal

    def _between(self) -> Condition:
        """A value, a sign, a field, and perhaps another sign and value."""
        first = self._value("")
        sign = self._sign(*_BOUND)
        if sign is None:
            self._fail(f"expected <, <=, > or >= and a field after a value that comes first, not {self._said()}")
        name = self._name()
        found = {_BOUND[_FLIPPED[sign]]: first}
        second = self._sign(*_BOUND)
        if second is not None:
            if second[0] != sign[0]:
                self._fail(f"expected {sign[0]} or {sign[0]}= as before the field", self._last)
            found[_BOUND[second]] = self._value(second)
        return Range(str(name.value), **found, at=name.at)

    def _values(self) -> tuple[Value, ...]:
        opened = self._next
        closing = {"(": ")", "[": "]"}.get(str(opened.value)) if opened.kind == "sign" else None
        if closing is None:
            self._fail(f"expected values in parentheses after in, not {self._said()}")
        self._step()
        values = [self._value("(")]
        while self._takes("sign", ","):
            values.append(self._value(","))
        self._close(opened, closing)
        return tuple(values)

    def _name(self) -> _Token:
        token = self._next
        if token.kind != "name":
            as_word = f"; a field of this name is written `{token.value}`" if token.kind == "word" else ""
            self._fail(f"expected a field, not {self._said()}{as_word}")
        self._step()
        return token

    def _value(self, after: str) -> Value:
        token = self._next
        if token.kind != "value":
            where = f" after {after}" if after else ""
            hint = ""
            if token.kind == "name":
                hint = f"; a text is written in quotes: {json.dumps(token.value, ensure_ascii=False)}"
            elif token == ("word", "null", token.at):
                hint = "; ask with exists(FIELD) whether there is a value"
            self._fail(f"expected a value{where}, not {self._said()}{hint}")
        self._step()
        return token.value

    # -- tokens ------------------------------------------------------------------------------------------------------

    def _takes(self, kind: str, value: str) -> bool:
        if self._next.kind != kind or self._next.value != value:
            return False
        self._step()
        return True

    def _sign(self, *signs: str) -> str | None:
        if self._next.kind != "sign" or self._next.value not in signs:
            return None
        sign = str(self._next.value)
        self._last = self._next.at
        self._step()
        return sign

    def _expect(self, sign: str) -> _Token:
        token = self._next
        if not self._takes("sign", sign):
            self._fail(f"expected {sign}, not {self._said()}")
        return token

    def _close(self, opened: _Token, sign: str) -> None:
        if not self._takes("sign", sign):
            if self._next.kind == "end":
                self._fail(f"this {opened.value} is not closed", opened.at)
            self._fail(f"expected {sign}, not {self._said()}")

    def _step(self) -> None:
        self._next = self._read(self._end)

    def _read(self, start: int) -> _Token:
        """The token from `start` on; `_end` is where it ends."""
        text = self._text
        found = _SPACE.match(text, start)
        assert found is not None
        at = self._end = found.end()
        if at == len(text):
            return _Token("end", "", at)
        if text[at] in "\"'`":
            return self._quoted(at)
        if number := _NUMBER.match(text, at):
            self._end = number.end()
            return _Token("value", self._number(number[0], at), at)
        if word := PLAIN_NAME.match(text, at):
            self._end = word.end()
            lower = word[0].lower()
            if lower in ("true", "false"):
                return _Token("value", lower == "true", at)
            return _Token("word", lower, at) if lower in KEYWORDS else _Token("name", word[0], at)
        sign = _SIGN.match(text, at)
        if sign is None:
            self._fail(f"cannot read {text[at]!r} here", at)
        self._end = sign.end()
        return _Token("sign", sign[0], at)

    def _number(self, text: str, at: int) -> int | float:
        try:
            value = float(text) if set(text) & set(".eE") else int(text)
        except ValueError:  # a whole number of thousands of digits
            value = float("inf")
        if not -1e308 <= value <= 1e308:
            self._fail("a number must be within ±1e308", at)
        return value

    def _quoted(self, at: int) -> _Token:
        """A text in quotes, or a name in backquotes."""
        text, quote = self._text, self._text[at]
        letters: list[str] = []
        place = at + 1
        while place < len(text) and text[place] != quote:
            stop = place
            while stop < len(text) and text[stop] not in (quote, "\\"):
                stop += 1
            letters.append(text[place:stop])
            place = stop
            if place < len(text) and text[place] == "\\":
                escape = _ESCAPE.match(text, place)
                if escape is None:
                    self._fail("a \\ begins one of \\\" \\' \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX", place)
                letters.append(escape[0] if escape[0][1] not in "'`" else escape[0][1])
                place = escape.end()
        if place >= len(text):
            self._fail(f"this {quote} is not closed", at)
        self._end = place + 1
        inside = "".join(part if part.startswith("\\") else json.dumps(part)[1:-1] for part in letters)
        value = str(json.loads(f'"{inside}"'))
        try:
            value.encode()
        except UnicodeEncodeError:
            self._fail("half of a surrogate pair is no character", at)
        if quote == "`" and not value:
            self._fail("a field has a name", at)
        return _Token("name" if quote == "`" else "value", value, at)

    def _said(self) -> str:
        """The next token, for a message."""
        token = self._next
        if token.kind == "end":
            return "the end"
        return self._text[token.at : self._end][:40]

    def _fail(self, problem: str, at: int | None = None) -> NoReturn:
        raise problem_at(problem, self._text, self._next.at if at is None else at)
