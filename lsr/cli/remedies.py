"""What is wrong and how to fix it, in flags and commands. The library gives remedies as data: `lsr.core.remedies`."""

from __future__ import annotations

from collections.abc import Collection

from lsr.core.errors import InputError, LsrError, Remedy

WORDS = {
    "replace": "pass --force to replace it",
    "restart": "pass --restart to begin again",
    "build-index": "build one with `lsr index {corpus} -o {path}`",
    "create-empty": "make an empty one with `lsr create {path}`",
    "build-again": "build the index again",
    "compact": "put it into one segment first with `lsr compact`",
    "choose-folder": "choose another folder with -o, or another --index",
    "replace-index": "build it again with --force",
    "choose-model": "pass --model with the model that made them",
    "choose-model-anyway": "pass --model to search with it anyway",
    "use-packaged-model": "use a packaged one (lsr models)",
    "give-dense-vectors": "for dense vectors, give them with `lsr dense --vectors`",
    "name-dense-model": "add them again with `lsr dense --vectors FILE --model NAME`, naming the one that made them",
    "mine-negatives": "mine some with `lsr mine`",
    "score-training-set": "score it with `lsr score`",
    "add-scores-first": "add them to the training set first with `lsr score`",
    "candidates-by-id": "name the collection that has their texts, and this file with --candidates",
    "name-training-data": "name your own data with --data",
    "listen-elsewhere": "choose another with --host or --port",
    "name-format": "choose one of {formats} with --format",
    "add-part": "add one with `lsr {part} {path}`",
    "add-part-again": "add the {part} part again with `lsr {part} {path} --force`",
    "build-with": "build it with --{part}",
    "upgrade": "bring it up to date with `lsr upgrade {path}`",
    "make-key": "make a key with `lsr keys create {path}`",
    "calibrate": "run `lsr calibrate {path}`, with the flags that this search has",
    "tune": "run `lsr tune INDEX --queries FILE --recall {recall} --k {k}`",
}
"""By the remedy's name, with its values in braces."""


WITHOUT_FLAG = {"name-format": ("--format", "let its name end in what it is: {endings}")}
"""By the remedy's name: a flag, and the words for commands that do not have it."""


def in_flags(remedy: Remedy, flags: Collection[str] | None = None) -> str:
    """What to do, worded for the command line: for a command that has these flags, if they are given."""
    words = WORDS.get(remedy.name)
    if words is None:
        return remedy.words
    needed, otherwise = WITHOUT_FLAG.get(remedy.name, ("", ""))
    if needed and flags is not None and needed not in flags:
        words = otherwise
    return words.format(**remedy.values)


def by_flag(error: LsrError, words: str, flags: Collection[str]) -> str:
    """These words about an error, which name a field that was given by one of these flags as the flag."""
    if not isinstance(error, InputError) or error.source is not None or error.field is None:
        return words
    flag = f"--{error.field.replace('_', '-')}"
    return words.replace(f"field {error.field!r}:", f"{flag}:", 1) if flag in flags else words
