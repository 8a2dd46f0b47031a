"""Folders of text files: ids, order, titles."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lsr.core.errors import InputError
from lsr.text import SkipReport, count_documents, open_corpus, open_queries

Write = Callable[..., Path]


def test_files_below_a_folder_in_order(write: Write, tmp_path: Path) -> None:
    write("notes/b.txt", "bee")
    write("notes/a.md", "# Title A", "", "body a")
    write("notes/deep/er/c.RST", "Title C", "=======", "body c")
    write("notes/deep/d.markdown", "body d")
    write("notes/picture.png", b"\x89PNG")
    write("notes/.git/description.txt", "hidden")
    write("notes/.hidden.md", "hidden")
    report = SkipReport()
    documents = list(open_corpus(tmp_path / "notes", skipped=report))
    assert [(document.id, document.text, document.title) for document in documents] == [
        ("a.md", "body a", "Title A"),
        ("b.txt", "bee", "b"),
        ("deep/d.markdown", "body d", "d"),
        ("deep/er/c.RST", "body c", "Title C"),
    ]
    assert [document.fields["path"] for document in documents] == [document.id for document in documents]
    assert (report.files_read, dict(report.files_unread)) == (4, {".png": 1})
    assert report.lines() == ["left out 1 of 5 files, of kinds that are not read: 1 .png"]
    assert count_documents(tmp_path / "notes") == 4


@pytest.mark.parametrize(
    ("name", "text", "title", "body"),
    [
        ("a.md", "# One #\r\n\r\nbody", "One", "body"),
        ("a.md", "\ufeff# One\nbody", "One", "body"),
        ("a.md", "One\n===\nbody\n", "One", "body"),
        ("a.md", "intro\n\n## Two\n\nbody", "Two", "intro\n\n## Two\n\nbody"),
        ("a.md", "```sh\n# a comment\n```\n\n# Real\n", "Real", "```sh\n# a comment\n```\n\n# Real"),
        ("a.md", '---\ntitle: "In front"\ndate: 2020\n---\n# Heading\nbody', "In front", "body"),
        ("a.md", "---\ndate: 2020\n---\nbody", "a", "body"),
        ("a.md", "#hashtag, not a heading", "a", "#hashtag, not a heading"),
        ("a.md", "# Only a title", "Only a title", ""),
        ("a.txt", "# not Markdown\nbody", "a", "# not Markdown\nbody"),
        ("a.rst", "=====\nTitle\n=====\n\nbody", "Title", "body"),
        ("a.rst", "Some text\nmore\n", "a", "Some text\nmore"),
        ("a.txt", "", "a", ""),
    ],
)
def test_titles(write: Write, name: str, text: str, title: str, body: str) -> None:
    path = write(name, text.encode())
    [document] = open_corpus(path)
    assert (document.id, document.text, document.title) == (name, body, title)


def test_links_to_folders_are_not_followed_and_links_to_files_are(write: Write, tmp_path: Path) -> None:
    file = write("notes/a.txt", "a")
    (tmp_path / "notes" / "loop").symlink_to(tmp_path / "notes")
    (tmp_path / "notes" / "b.txt").symlink_to(file)
    assert [document.id for document in open_corpus(tmp_path / "notes")] == ["a.txt", "b.txt"]


def test_a_file_that_cannot_be_read_is_named_or_skipped(write: Write, tmp_path: Path) -> None:
    write("notes/good.txt", "good")
    bad = write("notes/bad.txt", b"first line\nsecond \x00\xff\x00 line\n")
    with pytest.raises(InputError) as caught:
        list(open_corpus(tmp_path / "notes"))
    assert caught.value.source == str(bad)
    assert "byte 0xff at offset 19, line 2" in str(caught.value)
    (tmp_path / "notes" / "gone.txt").symlink_to(tmp_path / "nothing")
    for on_error in ("skip", "skip-files"):
        report = SkipReport()
        found = list(open_corpus(tmp_path / "notes", on_error=on_error, skipped=report))  # type: ignore[arg-type]
        assert [document.id for document in found] == ["good.txt"]
        assert report.count == 2
        assert "gone.txt: cannot be read: No such file" in report.messages[1]


def test_offset_counts_the_byte_order_mark(write: Write) -> None:
    with pytest.raises(InputError, match=r"a\.txt: is not valid UTF-8: byte 0xff at offset 4, line 1"):
        list(open_corpus(write("a.txt", b"\xef\xbb\xbfa\xff")))


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX only")
def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.txt")).write_text("x")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    with pytest.raises(InputError, match="name is not UTF-8"):
        list(open_corpus(tmp_path))


def test_a_folder_without_text_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no documents in it"):
        list(open_corpus(tmp_path))


def test_a_folder_is_no_file_of_queries(write: Write, tmp_path: Path) -> None:
    write("notes/a.txt", "a")
    with pytest.raises(InputError, match=r"must contain queries\.jsonl"):
        open_queries(tmp_path / "notes")
