"""Five short documents about different things, for tests of any room."""

from lsr import Document

TOY = [
    Document("arctic-tern", "A seabird that flies from the Arctic to the Antarctic and back each year.", "Arctic tern"),
    Document("sourdough", "Bread leavened by wild yeast kept alive in a starter of flour and water.", "Sourdough"),
    Document("glacier", "A body of dense ice that moves slowly downhill under its own weight.", "Glacier"),
    Document("bicycle", "A vehicle with two wheels, driven by pedals and steered by handlebars.", "", {"wheels": 2}),
    Document("notes/violin.md", "A string instrument played with a bow; smaller than the viola.", "Violin"),
]
