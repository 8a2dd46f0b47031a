"""What the server of the browser's tests has: a small collection of words, one with a model, and one of strangers."""

from __future__ import annotations

from typing import Any

from lsr import Document


def _bird(id: str, title: str, text: str, year: int, lang: str, seen: str, *tags: str) -> dict[str, Any]:
    return {"_id": id, "title": title, "text": text, "year": year, "lang": lang, "seen": seen, "tags": list(tags)}


BIRDS = [
    _bird("tern", "Arctic tern", "The Arctic tern migrates from pole to pole.", 2021, "en", "2024-05-01", "sea", "far"),
    _bird(
        "stars",
        "Birds and stars",
        "Young birds learn the stars by which they migrate.",
        2019,
        "en",
        "2024-09-11",
        "night",
    ),
    _bird("stork", "Stork", "Storks migrate over land, on warm air.", 2023, "en", "2024-04-02", "far"),
    _bird("storch", "Storch", "A German name for birds that migrate to Africa.", 2023, "de", "2024-04-03", "far"),
    _bird("owl", "Owl", "Owls stay, and hunt at night.", 2024, "en", "2023-12-24", "night"),
    _bird(
        "goose", "Bar-headed goose", "This goose migrates over the highest mountains.", 2018, "en", "2022-10-01", "far"
    ),
    _bird("robin", "Robin", "Some robins migrate and others stay all winter.", 2020, "en", "2023-01-06", "garden"),
    _bird("swift", "Swift", "A swift sleeps while it flies.", 2022, "en", "2023-06-21", "far"),
    _bird("wren", "Zaunkönig", "Ein kleiner Vogel mit lauter Stimme.", 2022, "de", "2023-03-03", "garden"),
    _bird("crane", "Crane", "Cranes migrate in long lines, calling.", 2017, "en", "2021-10-10", "far"),
    _bird("heron", "Heron", "A heron waits at the water for fish.", 2016, "en", "2020-08-08", "water"),
    _bird("kite", "Red kite", "Kites turn on warm air above the fields.", 2015, "en", "2020-02-02", "land"),
]
FIELDS = {"year": "integer", "lang": "keyword", "tags": "keyword[]", "seen": "datetime"}

SCIENCE = [
    Document(
        "arctic-tern",
        "A seabird that flies from the Arctic to the Antarctic and back each year.",
        "Arctic tern",
        {"kind": "bird"},
    ),
    Document(
        "sourdough",
        "Bread leavened by wild yeast kept alive in a starter of flour and water.",
        "Sourdough",
        {"kind": "food"},
    ),
    Document(
        "glacier", "A body of dense ice that moves slowly downhill under its own weight.", "Glacier", {"kind": "ice"}
    ),
    Document(
        "bicycle", "A vehicle with two wheels, driven by pedals and steered by handlebars.", "Bicycle", {"kind": "tool"}
    ),
    Document(
        "notes/violin.md", "A string instrument played with a bow; smaller than the viola.", "Violin", {"kind": "tool"}
    ),
    Document(
        "iceberg", "Frozen water that has broken off a glacier and floats in the sea.", "Iceberg", {"kind": "ice"}
    ),
    Document(
        "migration", "Birds fly to warmer countries in autumn and return in spring.", "Bird migration", {"kind": "bird"}
    ),
    Document("baking", "How to bake a loaf: mix flour, water and salt, and wait.", "Baking", {"kind": "food"}),
]

MARKUP = '<img src=x onerror="window.hit=1">'
HOSTILE = [
    {
        "_id": MARKUP,
        "title": f"strange {MARKUP}",
        "text": f"A strange text {MARKUP} </p><script>window.hit=2</script>",
        MARKUP: MARKUP,
    },
    {
        "_id": "../../v1/index?x#y%2F",
        "title": "",
        "text": "A strange path \U0001f40d strange &lt;b&gt;",
        "kind": "javascript:alert(1)",
    },
    {
        "_id": "__proto__",
        "title": "strange constructor",
        "text": "strange __proto__ constructor toString",
        "constructor": "toString",
    },
]
