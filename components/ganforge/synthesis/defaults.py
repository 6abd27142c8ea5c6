"""What a CTGAN takes where nobody says otherwise, by the size of the table."""

from __future__ import annotations

import math

FEW = 32
"""A number of at most so many values has each of them as a mode (`ctgan-tuned`).

As places within a few modes they would lie only near what they go with: years of schooling beside its name.
"""


def default_steps(rows: int, batch_size: int) -> int:
    """The most steps for a table of `rows`: 150 passes over it, but at least 4,000 and at most 10,000.

    Passes alone starve a small table: 300 of them are 300 steps for 400 rows, which get better for 3,000. Adult gets
    better for longer than 7,000. How long that takes hangs on the processor, the width of a row and how many columns
    are asked for together: BENCHMARKS.md has what a step took where. Judgements may end training before.
    """
    return min(max(math.ceil(150 * rows / batch_size), 4_000), 10_000)


def default_condition_columns(rows: int, columns: int) -> int:
    """How many of the columns may be asked for together: at most eight and half of them, and of few rows fewer.

    What is asked for together is put together as in a real row. Eight columns of 400 rows would nearly tell which row;
    four are shared by several: log₂(rows) / 2 grows from 4 at 400 rows to 7 at 20,000. More columns
    bring rows nearer to the data and to single training rows alike; BENCHMARKS.md holds the latter to what held-out
    rows are ("nearer").
    """
    return max(min(8, columns // 2, int(math.log2(max(rows, 2)) / 2)), 1)
