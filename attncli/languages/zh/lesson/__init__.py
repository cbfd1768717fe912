"""Chinese: the sentences of the lessons."""

from attncli.languages.zh.lesson.backward import BACKWARD
from attncli.languages.zh.lesson.layer import LAYER
from attncli.languages.zh.lesson.masks import MASKS
from attncli.languages.zh.lesson.positions import POSITIONS
from attncli.languages.zh.lesson.steps import STEPS
from attncli.languages.zh.lesson.tiles import TILES
from attncli.languages.zh.lesson.words import WORDS

LESSON = {**WORDS, **STEPS, **POSITIONS, **MASKS, **LAYER, **TILES, **BACKWARD}
