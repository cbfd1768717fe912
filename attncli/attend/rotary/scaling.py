"""The frequencies of rotary embedding, and how models stretch them to longer texts than they were trained on.

Pair i of D/2 turns by ω = θ^(−2i/D) radians a position. Each type of scaling makes other frequencies of these, and
some a factor on cosine and sine; both are what `transformers` computes of the same parameters.

Sources: Su et al., *RoFormer*, 2021, section 3.2.2; Chen et al., *Extending Context Window of Large Language Models via
Position Interpolation*, 2023 (linear); Peng et al., *YaRN*, 2023, sections 3.2 to 3.4 (dynamic, yarn); Ding et al.,
*LongRoPE*, 2024 (longrope); Grattafiori et al., *The Llama 3 Herd of Models*, 2024, and its code (llama3).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from attncli.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The value of the option: "rope_type" and parameters, by the names of transformers.
Scaling = Mapping[str, Any]


class Turning(NamedTuple):
    """What the frequencies are computed from.

    Attributes:
        parameters: those of the scaling, by name.
        features: D, how many features are turned.
        theta: θ, the base.
        length: the largest position + 1.
    """

    parameters: Scaling
    features: int
    theta: float
    length: int

    @property
    def plain(self) -> NDArray[np.float64]:
        """The frequencies without scaling, (D/2): θ^(−2i/D)."""
        return frequencies(self.features, self.theta)

    @property
    def original(self) -> int:
        """The length that the model was trained on, L₀."""
        return self.parameters.get("original_max_position_embeddings", self.parameters.get("max_position_embeddings"))

    @property
    def stretch(self) -> float:
        """How many times that length it is to reach: ``factor``, or the ratio of the two lengths."""
        if "factor" in self.parameters:
            return self.parameters["factor"]
        return self.parameters["max_position_embeddings"] / self.original


class Scaled(NamedTuple):
    """What comes of it.

    Attributes:
        frequencies: (D/2) radians a position.
        attention: the factor on cosine and sine, 1 for most types.
    """

    frequencies: NDArray[np.float64]
    attention: float = 1.0


def frequencies(features: int, theta: float) -> NDArray[np.float64]:
    """Return θ^(−2i/D) for each pair i of D/2.

    >>> frequencies(4, 10000.0).tolist()
    [1.0, 0.01]
    """
    return theta ** (-np.arange(0, features, 2) / features)


def unscaled(turning: Turning) -> Scaled:
    """Return ω."""
    return Scaled(turning.plain)


def linear(turning: Turning) -> Scaled:
    """Return ω/f: positions are squeezed together."""
    return Scaled(turning.plain / turning.stretch)


def dynamic(turning: Turning) -> Scaled:
    """Return the frequencies of a base that grows with the length: θ·(f·L/L_max − (f − 1))^(D/(D − 2)), L ≥ L_max."""
    features, factor = turning.features, turning.stretch
    if features == 2:
        raise InputError("rope_scaling dynamic needs more than 2 features to turn")
    most = turning.parameters["max_position_embeddings"]
    grown = factor * max(turning.length, most) / most - (factor - 1)
    theta = turning.theta * np.float64(grown) ** (features / (features - 2))
    return Scaled(frequencies(features, theta))


def yarn(turning: Turning) -> Scaled:
    """Return ω/f for pairs that turn seldom within L₀, ω for those that turn often, and a blend for those between.

    Between are the pairs from D·ln(L₀/(2πβ))/(2 ln θ) for β = ``beta_fast`` to the same for β = ``beta_slow``, rounded
    outwards unless ``truncate`` is false, and kept within 0 and D − 1. Cosine and sine are multiplied by
    ``attention_factor``, or the ratio of 0.1·m·ln f + 1 for m = ``mscale`` and ``mscale_all_dim`` if both are given and
    not 0, or else 0.1·ln f + 1.
    """
    parameters, features, factor = turning.parameters, turning.features, turning.stretch
    if turning.theta == 1:
        raise InputError("rope_scaling yarn needs a rope_theta other than 1")
    # A sum of logarithms: within the range whatever β is.
    low, high = (
        features
        * (math.log(turning.original) - math.log(parameters.get(name, beta)) - math.log(2 * math.pi))
        / (2 * math.log(turning.theta))
        for name, beta in (("beta_fast", 32.0), ("beta_slow", 1.0))
    )
    if parameters.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, features - 1)
    high += 0.001 * (low == high)  # a step instead of a ramp
    blend = np.clip((np.arange(features // 2) - low) / (high - low), 0, 1)
    plain = turning.plain
    return Scaled(plain / factor * blend + plain * (1 - blend), _yarn_attention(parameters, factor))


def _yarn_attention(parameters: Scaling, factor: float) -> float:
    def of(mscale: float) -> float:
        return 1.0 if factor <= 1 else 0.1 * mscale * math.log(factor) + 1

    if "attention_factor" in parameters:
        return parameters["attention_factor"]
    over, under = parameters.get("mscale"), parameters.get("mscale_all_dim")
    return of(over) / of(under) if over and under else of(1.0)


def longrope(turning: Turning) -> Scaled:
    """Return ω/e for a factor e of each pair: ``long_factor`` beyond the length L₀, else ``short_factor``.

    Cosine and sine are multiplied by ``attention_factor``, or else √(1 + ln f/ln L₀).
    """
    parameters, original = turning.parameters, turning.original
    name = "long_factor" if turning.length > original else "short_factor"
    for each in ("short_factor", "long_factor"):
        if len(parameters[each]) != turning.features // 2:
            wanted = f"{turning.features // 2} numbers, one for each pair of features"
            raise InputError(f"{each} of rope_scaling must have {wanted}; it has {len(parameters[each])}")
    scaled = turning.plain / np.array(parameters[name], dtype=np.float64)
    if "attention_factor" in parameters:
        return Scaled(scaled, parameters["attention_factor"])
    stretch = turning.stretch
    if original < 2:
        raise InputError("rope_scaling longrope needs an original_max_position_embeddings above 1")
    return Scaled(scaled, 1.0 if stretch <= 1 else math.sqrt(1 + math.log(stretch) / math.log(original)))


def llama3(turning: Turning) -> Scaled:
    """Return ω/f for waves longer than L₀/``low_freq_factor``, ω for those shorter than L₀/``high_freq_factor``.

    Those between get (1 − s)·ω/f + s·ω, with s = (L₀/wave − low)/(high − low).
    """
    parameters, plain = turning.parameters, turning.plain
    low, high = parameters["low_freq_factor"], parameters["high_freq_factor"]
    waves = turning.original * plain / (2 * math.pi)  # how many of them in L₀
    share = np.clip((waves - low) / (high - low), 0, 1)
    return Scaled((1 - share) * plain / turning.stretch + share * plain)


def proportional(turning: Turning) -> Scaled:
    """Return ω/f for the first pairs, a share ``partial_rotary_factor`` of all, and 0 for the others."""
    parameters, features = turning.parameters, turning.features
    turned = int(parameters.get("partial_rotary_factor", 1.0) * features // 2)
    scaled = turning.plain / parameters.get("factor", 1.0)
    return Scaled(np.where(np.arange(features // 2) < turned, scaled, 0.0))


class ScalingType(NamedTuple):
    """One type of scaling.

    Attributes:
        name: the value of ``rope_type``.
        scaled: computes the frequencies.
        formula: the same in symbols: ω of a pair without scaling, f the factor, L₀ the original length.
        needs: the parameters that it cannot do without; of those in one tuple any will do.
        may: the others that it uses.
    """

    name: str
    scaled: Callable[[Turning], Scaled]
    formula: str
    needs: tuple[tuple[str, ...], ...] = ()
    may: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all parameters that have an effect, those first that it cannot do without."""
        return tuple(dict.fromkeys((*(name for either in self.needs for name in either), *self.may)))


_FACTOR = ("factor", "max_position_embeddings")
_ORIGINAL = ("original_max_position_embeddings", "max_position_embeddings")
# How many of the features turn: of every type, but proportional makes something else of it.
PARTIAL = "partial_rotary_factor"

TYPES = {
    each.name: each
    for each in (
        ScalingType("default", unscaled, "ω", may=(PARTIAL,)),
        ScalingType("linear", linear, "ω/f", (("factor",),), (PARTIAL,)),
        ScalingType(
            "dynamic",
            dynamic,
            "θ → θ·(f·L/L_max − (f − 1))^(D/(D − 2)), L ≥ L_max",
            (("factor",), ("max_position_embeddings",)),
            (PARTIAL,),
        ),
        ScalingType(
            "yarn",
            yarn,
            "r·ω/f + (1 − r)·ω, 0 ≤ r = (i − low)/(high − low) ≤ 1",
            (_FACTOR, _ORIGINAL),
            ("attention_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim", "truncate", PARTIAL),
        ),
        ScalingType(
            "longrope",
            longrope,
            "ω/long_factorᵢ, L > L₀; ω/short_factorᵢ, L ≤ L₀",
            (("short_factor",), ("long_factor",), ("attention_factor", *_FACTOR), _ORIGINAL),
            ("attention_factor", PARTIAL),
        ),
        ScalingType(
            "llama3",
            llama3,
            "(1 − s)·ω/f + s·ω, 0 ≤ s = (L₀·ω/2π − low)/(high − low) ≤ 1",
            (("factor",), ("low_freq_factor",), ("high_freq_factor",), _ORIGINAL),
            (PARTIAL,),
        ),
        ScalingType(
            "proportional",
            proportional,
            "ω/f, i < partial_rotary_factor·D/2; 0, i ≥ partial_rotary_factor·D/2",
            (),
            ("factor", PARTIAL),
        ),
    )
}


def scaled(scaling: Scaling | None, features: int, theta: float, length: int) -> Scaled:
    """Return the frequencies, and the factor on cosine and sine.

    Args:
        scaling: the type and its parameters, checked; None is no scaling.
        features: D, even: how many features are turned.
        theta: θ, the base.
        length: the largest position + 1, which dynamic and longrope go by.

    Raises:
        InputError: the parameters do not fit the number of features, or the base.

    Example:
        >>> scaled({"rope_type": "linear", "factor": 4.0}, 4, 10000.0, 8).frequencies.tolist()
        [0.25, 0.0025]
    """
    found = scaling or {"rope_type": "default"}
    with np.errstate(over="ignore"):  # whoever turns by them asks whether they are finite
        return TYPES[found["rope_type"]].scaled(Turning(found, features, theta, length))
