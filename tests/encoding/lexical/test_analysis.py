from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsr.core.errors import InputError
from lsr.encoding.lexical.analysis import Analyser, languages
from lsr.encoding.lexical.stop_words import STOP_WORDS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Concurrent birds' concurrency", "concurr bird concurr"),
        ("the cat and I", "cat"),
        ("e.g. this, i.e. that", ""),
        ("getUserName", "get user name getusernam"),
        ("HTTPServer parse_json", "http server httpserver pars json parsejson"),
        ("HTTP/2 http2", "http 2 http2 http 2 http2"),
        ("COVID-19", "covid 19 covid19"),
        ("Python 3.11", "python 3.11"),
        ("v1.2.3", "1.2.3 1.2 v1.2.3"),
        ("1,234,567 or 10,5", "1234567 10 5"),
        ("state-of-the-art e-mail", "state art stateoftheart mail email"),
        ("0x8007000E", "0 8007000 0x8007000e"),
        ("CVE-2021-44228", "cve 2021 44228 cve202144228"),
        ("C++ and C#, F#", "c++ c# f#"),
        ("C/C++", "c++ cc++"),
        ("linux-x86_64", "linux 86 64 x86 linuxx8664"),
        ("O'Brien-Smith", "brien smith obrien obriensmith"),
        ("U.S. troops", "us troop"),
        ("T-cell 1960s", "cell tcell 1960 1960s"),
        ("it's don't bird's", "don bird"),
        ("O'Brien", "brien obrien"),
        ("café résumé Müller Straße", "cafe resum muller strass"),
        ("naïve nai\u0308ve", "naiv naiv"),
        ("Łódź Đặng Sørbråten Þór ægis œuvre", "lodz dang sorbraten thor aegi oeuvr"),
        ("l'Oréal, d'Angelo", "oreal loreal angelo dangelo"),
        ("ﬁle Ｆｕｌｌ", "file full"),
        ("東京都 猫", "東 京 都 東京 京都 猫"),
        ("검색 엔진", "검색 엔진"),
        ("서울에서 책", "서울에서 서울 울에 에서 책"),
        ("검색은SQL", "검색은 검색 색은 sql 검색은sql"),
        ("nginx 1.25.3", "nginx 1.25.3 1.25"),
        ("10.20.0.7:5432", "10.20.0.7:5432 10.20.0.7 10.20 5432"),
        ("18:45:02", "18:45:02 18:45"),
        ("FrameBuffer.cpp:218", "frame buffer cpp 218 framebuff framebuffercpp218"),
        ("", ""),
        ("?! … —", ""),
    ],
)
def test_words_of_a_text(text: str, words: str) -> None:
    assert Analyser().words(text) == words.split()


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("get user name", "calls getUserName()"),
        ("snakecase", "snake_case"),
        ("snake-case", "snake_case"),
        ("email", "E-Mail"),
        ("covid 19", "COVID-19"),
        ("COVID19", "covid-19"),
        ("wi-fi", "WiFi"),
        ("10000", "10,000"),
        ("cafe", "CAFÉ"),
        ("京都", "京都府"),
        ("猫", "黒猫が"),
        ("ORA00942", "ORA-00942: table or view does not exist"),
        ("connection refused", "ERR_CONNECTION_REFUSED"),
        ("jsontokenizer", "org.lantern.parser.JsonTokenizer"),
        ("nullpointerexception", "java.lang.NullPointerException"),
        ("lukasik", "Łukasik"),
        ("dang", "Đặng"),
        ("smorrebrod", "Smørrebrød"),
        ("loreal", "L'Oréal"),
        ("서울", "서울에서"),
        ("도서관", "도서관은"),
        ("1.25", "1.25.3"),
        ("2.0.1 rc1", "v2.0.1-rc1"),
        ("10.20.0.7", "connect to 10.20.0.7:5432"),
        ("5432", "connect to 10.20.0.7:5432"),
    ],
)
def test_what_a_query_means_is_found_in_a_text(query: str, text: str) -> None:
    analyser = Analyser()
    assert set(analyser.words(query)) & set(analyser.words(text))
    assert len(set(analyser.words(query)) - set(analyser.words(text))) <= 1


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("german", "Die Häuser, das Haus", "haus haus"),
        ("french", "l'avion qu'il élèves élève", "avion elev elev"),
        ("spanish", "las canciones y la canción", "cancion cancion"),
        ("russian", "книги и книга", "книг книг"),
        ("none", "Running birds the", "running birds the"),
    ],
)
def test_languages(language: str, text: str, words: str) -> None:
    assert Analyser(language).words(text) == words.split()


def test_a_language_that_there_is_not_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match=r"no stemmer for 'germn'; did you mean german.*english"):
        Analyser("germn")
    assert {"english", "german", "finnish"} <= set(languages())
    assert "porter" not in languages()
    assert set(languages()) >= set(STOP_WORDS)


@given(st.text(max_size=60))
def test_composed_and_decomposed_texts_have_the_same_words(text: str) -> None:
    analyser = Analyser()
    words = analyser.words(text)
    assert analyser.words(unicodedata.normalize("NFD", unicodedata.normalize("NFC", text))) == analyser.words(
        unicodedata.normalize("NFC", text)
    )
    assert all(word and len(word) <= 64 and not word.isspace() for word in words)
    assert analyser.words(text) == words, "what is remembered changes nothing"


def test_very_long_runs_of_letters_are_cut_or_left_out() -> None:
    words = Analyser().words("x" * 300 + " " + "ab" * 40 + " " + "a-b" * 100)
    assert all(len(word) <= 64 for word in words)
