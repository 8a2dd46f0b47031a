"""Documents that are a file each: web pages, Org, PDF and Office files, made here."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lsr.core.errors import InputError, MissingDependencyError
from lsr.core.limits import LONGEST_RECORD
from lsr.text import SkipReport, count_documents, open_corpus
from lsr.text.files import archive, extra, raw
from lsr.text.files.registry import FILE_FORMATS, read_file

Write = Callable[..., Path]

PAGE = """<!doctype html><html><head><title>Birds &amp; stars</title><style>p {color: red}</style>
<meta name="author" content="Ada"></head>
<body><nav>Home</nav><h1>How birds find their way</h1><p>They use the
<b>stars</b>.</p><ul><li>One</li><li>Two</li></ul><script>alert(1)</script></body></html>"""


def test_html(write: Write) -> None:
    page = read_file(write("a.html", PAGE))
    assert page.title == "Birds & stars"
    assert page.text == "How birds find their way\nThey use the stars.\nOne\nTwo"
    assert page.fields == {"author": "Ada"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_html_in_the_encoding_that_it_says(write: Write, encoding: str) -> None:
    assert read_file(write("a.htm", "<p>Über die Straße</p>".encode(encoding))).text == "Über die Straße"
    declared = '<meta charset="iso-8859-1"><p>Über die Straße</p>'.encode("latin1")
    assert read_file(write("b.html", declared)).text == "Über die Straße"


def test_html_of_many_levels(write: Write) -> None:
    assert read_file(write("a.html", "<div>" * 20_000 + "deep")).text == "deep"


def test_org(write: Write) -> None:
    drawer = (":PROPERTIES:", ":ID: 7", ":END:")
    path = write("a.org", "#+TITLE: My notes", "#+DATE: 2024-05-01", "", "* Birds :animal:", *drawer, "They fly.")
    page = read_file(path)
    assert (page.title, page.text, page.fields) == ("My notes", "Birds\nThey fly.", {"date": "2024-05-01"})
    assert read_file(write("b.org", "* Only a heading", "body")).title == "Only a heading"


def make_docx(path: Path) -> None:
    docx = pytest.importorskip("docx")
    document = docx.Document()
    document.add_heading("Minutes", 0)
    document.add_paragraph("We met on Monday.")
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "rent", "500"
    document.add_paragraph("After the table.")
    document.core_properties.author = "Ada"
    document.save(str(path))


def make_pptx(path: Path) -> None:
    pptx = pytest.importorskip("pptx")
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Migration"
    slide.placeholders[1].text = "Birds fly south."
    slide.notes_slide.notes_text_frame.text = "Say it slowly."
    deck.save(str(path))


def make_xlsx(path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "Costs"
    book.active.append(["rent", 500])
    book.active.append([None, None])
    book.active.append(["milk", 2.5])
    book.save(path)


def make_odt(path: Path) -> None:
    text = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
    content = (
        f'<office xmlns:text="{text}"><text:h>Letter</text:h>'
        "<text:p>Dear <text:span>Ada</text:span>,<text:s/>hello.</text:p>"
        "<text:p>Bye.</text:p></office>"
    )
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("content.xml", content)
        made.writestr("meta.xml", '<m xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:date>2024-05-01</dc:date></m>')


def make_pdf(path: Path, text: str = "Birds fly south.") -> None:
    pytest.importorskip("pypdf")
    stream = f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Title (On birds) /Author (Ada) >>",
    ]
    made = io.BytesIO(b"")
    made.write(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(made.tell())
        made.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = made.tell()
    made.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    made.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    made.write(b"trailer << /Size %d /Root 1 0 R /Info 6 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))
    path.write_bytes(made.getvalue())


MADE = {".docx": make_docx, ".pptx": make_pptx, ".xlsx": make_xlsx, ".odt": make_odt, ".pdf": make_pdf}


@pytest.mark.parametrize(
    ("suffix", "title", "text", "fields"),
    [
        (".docx", "Minutes", "Minutes\nWe met on Monday.\nrent\t500\nAfter the table.", {"author": "Ada"}),
        (".pptx", "Migration", "Migration\nBirds fly south.\nSay it slowly.", {"slides": 1}),
        (".xlsx", "", "Costs\nrent\t500\nmilk\t2.5", {"sheets": 1}),
        (".odt", "Letter", "Letter\nDear Ada, hello.\nBye.", {"date": "2024-05-01"}),
        (".pdf", "On birds", "Birds fly south.", {"pages": 1, "author": "Ada"}),
    ],
)
def test_office_files(tmp_path: Path, suffix: str, title: str, text: str, fields: dict[str, object]) -> None:
    path = tmp_path / f"a{suffix}"
    MADE[suffix](path)
    page = read_file(path)
    assert (page.title, page.text) == (title, text)
    assert page.fields.items() >= fields.items()


@pytest.mark.parametrize("suffix", sorted(FILE_FORMATS))
@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 and no more", b"\x00\x01\x02\xff" * 50, b"%PDF-1.4\nno"])
def test_damaged_files_are_named(write: Write, suffix: str, data: bytes) -> None:
    path = write(f"a{suffix}", data)
    try:
        page = read_file(path)
    except InputError as error:
        assert error.source == str(path)
    else:
        assert FILE_FORMATS[suffix].library in (None, "bs4") and isinstance(page.text, str)


@pytest.mark.parametrize("suffix", [".docx", ".pptx", ".xlsx", ".odt"])
def test_an_archive_that_unpacks_to_too_much(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"a{suffix}"
    MADE[suffix](path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as made:
        made.writestr("word/bomb.xml", b" " * (1 << 20))
    monkeypatch.setattr(archive, "MOST_UNPACKED", 1 << 20)
    with pytest.raises(InputError, match="unpacks to more than 1 MiB of XML"):
        read_file(path)


def test_entities_that_multiply(tmp_path: Path) -> None:
    path = tmp_path / "a.odt"
    entities = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("content.xml", f'<!DOCTYPE x [<!ENTITY l0 "ha">{entities}]><x>&l9;</x>')
    with pytest.raises(InputError, match=r"a\.odt: .*ntit"):
        read_file(path)


def test_a_file_longer_than_a_document(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    assert LONGEST_RECORD == 1 << 26
    monkeypatch.setattr(raw, "LONGEST_RECORD", 1 << 20)
    for name in ("a.txt", "a.md.gz", "a.html", "a.org"):
        with pytest.raises(InputError, match="which no document may be"):
            read_file(write(name, b"a" * (1 << 20) + b"b"))


def test_a_pdf_without_text(tmp_path: Path) -> None:
    make_pdf(tmp_path / "a.pdf", "")
    with pytest.raises(InputError, match="has no text: pages that are pictures"):
        read_file(tmp_path / "a.pdf")


def test_without_the_libraries(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("notes/a.txt", "a")
    make_pdf(tmp_path / "notes" / "b.pdf")
    monkeypatch.setattr(extra, "find_spec", lambda name: None)
    monkeypatch.setattr(extra, "import_module", lambda name: __import__("nothing_of_the_kind"))
    report = SkipReport()
    assert [document.id for document in open_corpus(tmp_path / "notes", skipped=report)] == ["a.txt"]
    assert report.lines() == [
        "left out 1 of 2 files, of kinds that are not read: 1 .pdf (pip install 'lsr-engine[files]' reads them)"
    ]
    assert count_documents(tmp_path / "notes") == 1
    with pytest.raises(MissingDependencyError, match=r"needs pypdf, which is not installed: pip install 'lsr-engine"):
        list(open_corpus(tmp_path / "notes" / "b.pdf"))


def test_a_pdf_is_a_corpus_of_one(tmp_path: Path) -> None:
    make_pdf(tmp_path / "a.pdf")
    [document] = open_corpus(tmp_path / "a.pdf")
    assert (document.id, document.title, document.text) == ("a.pdf", "On birds", "Birds fly south.")
