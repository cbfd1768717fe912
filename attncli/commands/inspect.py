"""attn inspect."""

from __future__ import annotations

from attncli.commands.arguments import Computation, Inputs, Report, Screening


def run(inputs: Inputs, computation: Computation, report: Report, screening: Screening) -> None:
    r"""Show what is in the files and what compute would do with it.

    Each array's name, shape, type, least and largest finite number, and how many NaN and ∞ it holds.

    \b
    Examples:
      attn inspect samples/induction.npz
      attn inspect query.csv hidden.csv -f json
    """
    from attncli.commands.deliver import deliver_text
    from attncli.problem.gather import gather
    from attncli.show import inspection
    from attncli.show.screen import Screen

    problem = gather(inputs.files or [], inputs.arrays(), computation.options())
    found = inspection.look(problem)
    screen = Screen.of_stdout(screening.color)
    deliver_text(
        {
            "table": lambda console: inspection.to_terminal(found, screen, console),
            "json": lambda console: console.out(inspection.to_json(found), highlight=False),
        },
        screen,
        report,
    )
