"""Output of commands: records, written in the chosen format.

A command does not print. It emits records with their columns, streams the output of remote
programs, and reports progress; data goes to standard output, everything else to standard error.
"""

from atoll.output._columns import Column, columns_of
from atoll.output._layout import fit
from atoll.output._output import Output, current_output
from atoll.output._shown import age, binary_size, counted, local_time, show_slots
from atoll.output._writer import Writer

__all__ = [
    "Column",
    "Output",
    "Writer",
    "age",
    "binary_size",
    "columns_of",
    "counted",
    "current_output",
    "fit",
    "local_time",
    "show_slots",
]
