"""The fuzzer: what is valid runs and is right, what is broken is refused.

Run it::

    python -m pytest tests/fuzz                     a few cases of everything, as in every run of the tests
    python -m pytest tests/fuzz --fuzz 2            two minutes, shared out among the tests that are chosen
    python -m pytest tests/fuzz --fuzz 180 -k npz   three hours of one of them
    python -m pytest 'tests/fuzz/test_fuzz.py::test_rules_hold' --fuzz-seed 123

The last line repeats one case, and is what a failure prints. A case is made of the name of its test and its seed alone;
seeds are 0, 1, 2 and so on, so that a longer run tries what a shorter one did, and then more. A run goes on when it has
found something, and tells each kind of finding once, with the seeds that show it. What was tried is counted at the end.

What it does:

- ``files.py`` breaks files of every format (``mutators/``, from valid ones by ``seeds.py``) and gives them to every
  command in every format that it writes (``commands.py``), in this process. ``program.py`` says what each run must
  keep: an exit status that is announced; on an error one line and a hint, of bounded length, without traceback or
  warning; no characters that are not seen; outputs that can be read (``outputs.py``); nothing left behind, nothing
  changed. ``readers.py`` holds what is read to what other readers find in the file.
- ``lines.py`` does the same with command lines: every flag of every command, with the values in ``hostile.py``.
- ``computed.py`` draws problems of all options and arrays (``problems.py``, in the forms that users give them:
  ``forms.py``) and holds their results to a plain reference (``reference.py``). How far off they may be is measured, by
  the error of the same computation in the same precision (``compare.py``).
- ``rules/`` holds computations to each other: keys, heads and batch in another order, keys twice or in parts, layouts,
  threads, steps and stream, closed keys that hold NaN, every file format, filters.
- ``refusals.py`` makes each array and each option wrong in every way, in problems that are otherwise right.

Every case has limits of time and memory (``guard.py``); a loop below Python that cannot be interrupted ends the run,
with the line that repeats it. What is declared in the package and not known here fails ``test_registries.py``.
"""
