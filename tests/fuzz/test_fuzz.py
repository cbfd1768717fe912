"""The fuzzer: what is valid runs and is right, what is broken is refused. See `tests.fuzz` for how to run it."""

from __future__ import annotations

import pytest

from attncli.files.formats import DATA, Format
from tests.fuzz import files, layers, lines, refusals, rules
from tests.fuzz.campaign import Campaign
from tests.fuzz.computed import right


@pytest.mark.parametrize("kind", DATA, ids=[each.name for each in DATA])
def test_a_broken_file_is_refused_in_a_line(kind: Format, campaign: Campaign) -> None:
    """Or computed with, to results that can be read; by every command, in every format; nothing is left behind."""
    campaign.run(files.broken(kind), few=6)


def test_a_valid_file_is_read_as_others_read_it(campaign: Campaign) -> None:
    """Every array in it, in every format."""
    campaign.run(files.whole, few=10 * len(DATA))


def test_hostile_texts_of_a_file_are_shown_as_what_they_are(campaign: Campaign) -> None:
    """Labels and titles, by every command, in every format."""
    campaign.run(files.told, few=4)


def test_a_command_line_is_refused_in_a_line(campaign: Campaign) -> None:
    """Or obeyed: every flag of every command, with values that make no sense."""
    campaign.run(lines.line, few=6)


def test_what_is_valid_is_right(campaign: Campaign) -> None:
    """Random problems of all options and arrays, against a plain reference."""
    campaign.run(right, few=100)


def test_a_whole_layer_is_right(campaign: Campaign) -> None:
    """Projections, norms, gates and outputs of random layers, against plain NumPy."""
    campaign.run(layers.layer, few=40)


def test_rules_hold(campaign: Campaign) -> None:
    """Between two computations that must give the same."""
    campaign.run(rules.rule, few=3 * len(rules.RULES))


def test_what_is_broken_is_refused(campaign: Campaign) -> None:
    """Every array and option, in every way that it can be wrong."""
    campaign.run(refusals.refused, few=len(refusals.NAMES))
