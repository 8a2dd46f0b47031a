"""Of a long text only its beginning is tokenised, and that changes no token."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from lsr.encoding.catalogue import packaged_model
from lsr.encoding.shared.heads import head, head_lengths, pieces
from lsr.encoding.shared.tokens import TextTokenizer
from lsr.encoding.sparse.idf import token_frequencies

ROOT = Path(__file__).parents[2]


def real_texts() -> list[str]:
    """Prose, code and tables of this project, each long; and white space, scripts and single words as they come."""
    files = sorted([*ROOT.glob("docs/*.md"), *ROOT.glob("lsr/encoding/*/*.py"), ROOT / "requirements.lock"])
    prose = "\n\n".join(file.read_text(encoding="utf-8") for file in files)
    chosen = random.Random(5)
    starts = [chosen.randrange(len(prose) // 2) for _ in range(8)]
    return [
        *[prose[start : start + 25_000] for start in starts],
        "候鸟利用太阳、星星和地球磁场来寻找方向。" * 1000,
        "Zugvögel finden ihren Weg – mit Hilfe der Sonne.\t" * 500,
        "นกอพยพหาทางโดยใช้ดวงอาทิตย์" * 900,
        "е\u0301 " * 12_000,
        " " * 9000 + "birds fly south",
        "x" * 9000 + " birds fly south",
        "\n \t" * 9000 + "words " * 20_000,
        "c3VuIGFuZCBtb29u" * 3000,
        "👩‍👩‍👧 " * 8000,
    ]


def trained(kind: str, folder: Path) -> Path:
    """A tokenizer of another kind than BERT's, trained on some text."""
    if kind == "unigram":
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer: Any = trainers.UnigramTrainer(vocab_size=900, unk_token="<unk>", special_tokens=["<unk>", "<s>"])
    else:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=900, special_tokens=["<s>"], initial_alphabet=alphabet)
    tokenizer.train_from_iterator([file.read_text(encoding="utf-8") for file in ROOT.glob("docs/*.md")], trainer)
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = tmp_path_factory.mktemp("tokenizers")
    bert = packaged_model("splade-tiny")
    assert bert is not None and bert.path is not None
    return {"bert": bert.path, **{kind: trained(kind, made / kind) for kind in ("unigram", "bpe")}}


@pytest.mark.parametrize("max_length", [8, 64, 256])
@pytest.mark.parametrize("kind", ["bert", "unigram", "bpe"])
def test_the_tokens_are_those_of_the_whole_text(kind: str, max_length: int, tokenizers: dict[str, Path]) -> None:
    tokenizer = TextTokenizer(tokenizers[kind], max_length=max_length)
    whole = Tokenizer.from_file(str(tokenizers[kind] / "tokenizer.json"))
    whole.no_padding()
    whole.enable_truncation(max_length)
    texts = real_texts()
    rows, _ = tokenizer.encode(texts)
    for text, row in zip(texts, rows, strict=True):
        assert row.tolist() == whole.encode(text).ids, text[:40]
        assert tokenizer.encode_one(text) == row.tolist()


def test_texts_that_are_cut_are_counted(tokenizers: dict[str, Path]) -> None:
    tokenizer = TextTokenizer(tokenizers["bert"], max_length=8)
    tokenizer.encode(["birds", "a b c d e f", "a b c d e f g", "far " * 9000, ""])
    assert (tokenizer.tally.texts, tokenizer.tally.cut) == (5, 2)


def test_windows_read_everything(tokenizers: dict[str, Path]) -> None:
    tokenizer = TextTokenizer(tokenizers["bert"], max_length=64, overlap=0)
    rows, _ = tokenizer.encode(["bird " * 20_000])
    assert sum(len(row) - 2 for row in rows) == 20_000 and tokenizer.tally.cut == 0


def test_a_word_without_end_is_not_read_to_its_end(
    tokenizers: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """White space, and what is one unknown word, give no tokens however long they are."""
    monkeypatch.setattr("lsr.encoding.shared.heads._MOST_CHARACTERS", 20_000)
    tokenizer = TextTokenizer(tokenizers["bert"], max_length=8)
    longest = max(head_lengths(8))
    assert 20_000 <= longest <= 80_000
    rows, _ = tokenizer.encode([" " * (longest + 9) + " birds"])
    assert len(rows[0]) == 2 and tokenizer.tally.cut == 1


def test_a_head_ends_with_a_word(texts: list[str]) -> None:
    text = "one two  three"
    assert [head(text, n) for n in (14, 13, 9, 8, 7, 3)] == [text, "one two", "one two", "one two", "one two", "one"]
    assert head("abcdef", 4) == "abcd"
    for length in (1, 2, 5, 600):
        for each in [*texts, "x" * 1000, " " * 1000, "word " * 900]:
            parts = list(pieces(each, length))
            assert "".join(parts) == each and all(len(part) <= length for part in parts)


def test_the_tokens_of_a_whole_text_are_counted_piece_by_piece(
    tokenizers: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = TextTokenizer(tokenizers["bert"], max_length=1 << 20, special_tokens=False)
    batch = [(ROOT / "docs" / "architecture.md").read_text(), "birds fly", ""]
    expected = token_frequencies([batch], tokenizer, 30522)
    monkeypatch.setattr("lsr.encoding.sparse.idf._PIECE", 500)
    assert token_frequencies([batch], tokenizer, 30522).tolist() == expected.tolist()
