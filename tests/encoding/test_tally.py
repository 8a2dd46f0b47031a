"""What is said of texts that were cut, or are in a language that the model does not know."""

from __future__ import annotations

from pathlib import Path

import pytest

from lsr import SparseEncoder
from lsr.cli.remarks import remark_on_texts
from lsr.encoding.catalogue import packaged_model
from lsr.encoding.shared.tally import TextReport
from lsr.encoding.shared.tokens import TextTokenizer

ROOT = Path(__file__).parents[2]
GERMAN = (
    "Die Vögel finden ihren Weg mit Hilfe der Sonne, der Sterne und des Magnetfeldes der Erde. Im Herbst ziehen viele "
    "Arten in den Süden, weil es dort im Winter mehr Nahrung gibt. Manche Tiere fliegen tausende Kilometer weit und "
    "kehren im Frühling an denselben Ort zurück, an dem sie geboren wurden. "
)
RUSSIAN = "Птицы находят дорогу по солнцу, звёздам и магнитному полю Земли. Осенью многие виды улетают на юг. "
CHINESE = "候鸟利用太阳、星星和地球磁场来寻找方向。每年秋天，许多鸟类飞往南方过冬。"
ENGLISH = "The birds find their way by the sun and the stars, and fly to the south in autumn. " * 20
WORDS = "arctic tern, seabird, migration, wader, gull, plover, heron, falcon, osprey, kestrel, buzzard, " * 2


def report(texts: list[str], max_length: int = 256) -> TextReport:
    model = packaged_model("splade-tiny")
    assert model is not None and model.path is not None
    tokenizer = TextTokenizer(model.path, max_length=max_length)
    tokenizer.encode(texts)
    return tokenizer.report()


@pytest.mark.parametrize("text", [RUSSIAN, CHINESE])
def test_another_script_is_said_with_its_share(text: str) -> None:
    remark = report([text]).language_remark()
    assert remark is not None and "% of the tokens of these texts are unknown" in remark
    assert int(remark.split("%")[0]) > 80


def test_another_language_is_said() -> None:
    assert "English" in str(report([GERMAN] * 10).language_remark())
    assert report([GERMAN]).language_remark() is None, "too few words to tell"


@pytest.mark.parametrize("name", ["docs/architecture.md", "lsr/encoding/shared/tokens.py", "CHANGELOG.md", "LICENSE"])
def test_nothing_is_said_of_english_and_of_code(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert report([text[start : start + 1000] for start in range(0, len(text), 1000)]).language_remark() is None


def test_nothing_is_said_of_some_words_and_of_nothing() -> None:
    assert report([ENGLISH]).language_remark() is None
    assert report([WORDS]).language_remark() is None
    assert report([""]).language_remark() is None
    assert report([]) == TextReport(0, 0, 0.0, 0, 0.0, 0.0, None)
    assert report([ENGLISH, ENGLISH, RUSSIAN]).language_remark() is None, "a few of them among many"


def test_a_vocabulary_of_all_scripts_is_not_doubted(make_model: object) -> None:
    """A Chinese BERT has a token for each letter: that is its way, and no sign of another language."""
    import numpy as np

    from lsr.encoding.shared.tally import Tally

    tokens = {letter: i for i, letter in enumerate(CHINESE + "abc")}
    tally = Tally()
    tally.add([CHINESE], [], [np.arange(len(CHINESE))])
    assert tally.report(tokens, np.empty(0, np.int64)).language_remark() is None


def test_both_are_noted_after_encoding(encoder: SparseEncoder, capsys: pytest.CaptureFixture[str]) -> None:
    fresh = SparseEncoder.load("splade-tiny", max_length=16)
    fresh.encode_documents([RUSSIAN, "birds", ENGLISH])
    assert fresh.text_report().texts == 3
    assert remark_on_texts(fresh, "--max-length reads more").cut == 2
    said = capsys.readouterr().err
    assert "2 of 3 texts are longer than the 16 tokens that the model reads of each: 9" in said
    assert "--max-length reads more" in said and "warning: " in said


def test_the_share_of_characters_that_were_not_read() -> None:
    """Of "bird bird …", 14 tokens of 16 are the text's: 14 words of 4 letters and the 13 spaces between."""
    fresh = SparseEncoder.load("splade-tiny", max_length=16)
    fresh.encode_documents([" ".join(["bird"] * 30), "bird"])
    found = fresh.text_report()
    assert (found.texts, found.cut) == (2, 1)
    assert found.unread == (30 * 5 - 1 - (14 * 5 - 1)) / (30 * 5 - 1 + 4)
    whole = SparseEncoder.load("splade-tiny", max_length=16, window_overlap=4)
    whole.encode_documents([" ".join(["bird"] * 30)])
    assert whole.text_report().unread == 0


def test_a_small_share_is_not_called_none(capsys: pytest.CaptureFixture[str]) -> None:
    fresh = SparseEncoder.load("splade-tiny", max_length=16)
    fresh.encode_documents([" ".join(["bird"] * 15), *[" ".join(["bird"] * 14)] * 20])
    remark_on_texts(fresh)
    assert "1 of 21 texts is longer" in (said := capsys.readouterr().err) and "less than 1% of all text" in said
