"""中文：英文句式的译文，以句式为键。Chinese: the patterns of what is said where no language is known."""

from attncli.languages.zh.said.bench import BENCH
from attncli.languages.zh.said.common import COMMON
from attncli.languages.zh.said.compute import COMPUTE
from attncli.languages.zh.said.in_force import IN_FORCE
from attncli.languages.zh.said.inspect import INSPECT
from attncli.languages.zh.said.notices import NOTICES
from attncli.languages.zh.said.plot import PLOT
from attncli.languages.zh.said.simulate import SIMULATE
from attncli.languages.zh.said.trace import TRACE

SAID = {**BENCH, **COMMON, **COMPUTE, **IN_FORCE, **INSPECT, **NOTICES, **PLOT, **SIMULATE, **TRACE}
