"""The voice of `attn check`: what it says in a language, and what its records for programs say, in English always."""

from __future__ import annotations

from functools import partial

from attncli.languages import DEFAULT
from attncli.sentences import Voice

voice = partial(Voice, part="CHECK")
IN_ENGLISH = voice(DEFAULT)
