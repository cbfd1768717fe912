"""English: the sentences of the lessons."""

from attncli.languages.en.lesson.backward import BACKWARD
from attncli.languages.en.lesson.layer import LAYER
from attncli.languages.en.lesson.masks import MASKS
from attncli.languages.en.lesson.positions import POSITIONS
from attncli.languages.en.lesson.steps import STEPS
from attncli.languages.en.lesson.tiles import TILES
from attncli.languages.en.lesson.words import WORDS

LESSON = {**WORDS, **STEPS, **POSITIONS, **MASKS, **LAYER, **TILES, **BACKWARD}
