"""What gradients are called: those of the arrays that are given, and those that are met on the way to them."""

from __future__ import annotations

from collections.abc import Iterable

from attncli.attend.words.array import OF_OUTPUT, OVER_SCORES, Array, Role

# Of what the gradient is told on the way back, in that order.
ON_THE_WAY = ("weights", "logits", "scores")

LOSS_ARRAYS = (
    Array(
        "d_output", Role.LOSS, "", OF_OUTPUT, "The gradient of the loss with respect to the output; without it, ones."
    ),
)


def gradient_arrays(given: Iterable[Array]) -> tuple[Array, ...]:
    """Return the gradients of these arrays, where they have one, and what each is compared with.

    >>> [each.name for each in gradient_arrays([Array("sinks", Role.INPUT, "softmax", ("H",), "")])][3:]
    ['d_sinks', 'expected_d_sinks']
    """
    of_results = [
        Array(f"d_{name}", Role.GRADIENT, "", OVER_SCORES, f"Gradient of the {name}; 0 where a key is closed.")
        for name in ON_THE_WAY
    ]
    with_gradient = [each for each in given if each.has_gradient]
    of_arrays = [
        Array(f"d_{each.name}", Role.GRADIENT, "", each.axes, f"Gradient of {each.name}.") for each in with_gradient
    ]
    expected = [
        Array(
            f"expected_d_{each.name}",
            Role.EXPECTED,
            "",
            each.axes,
            f"What another program made of the gradient of {each.name}.",
        )
        for each in with_gradient
    ]
    return (*of_results, *of_arrays, *expected)
