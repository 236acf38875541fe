"""Records in, text out: what commands emit, written as the sink wants it.

A command never prints. It emits records with the columns they have, streams the output of remote
programs, and says on the side what it is doing; data goes to standard output, everything else to
standard error.
"""

from atoll.output.columns import Column, columns_of
from atoll.output.output import Output, current_output
from atoll.output.writer import Writer

__all__ = ["Column", "Output", "Writer", "columns_of", "current_output"]
