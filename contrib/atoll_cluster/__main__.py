"""`python -m atoll_cluster --data DIR`: run the embedded cluster in the foreground."""

import argparse
import faulthandler
import logging
import os
import sys
from decimal import Decimal
from logging.handlers import RotatingFileHandler
from pathlib import Path

_LOG_SIZE = 1024 * 1024


def main(arguments: list[str] | None = None) -> int:
    """Serve until stopped; returns the exit code."""
    options = _parser().parse_args(arguments)
    # These imports are slow, so the arguments are checked first.
    from atoll_cluster.instance import AlreadyRunningError
    from atoll_cluster.paths import PRIVATE, DataDir, StartError
    from atoll_cluster.program import Options, serve

    os.umask(PRIVATE)
    faulthandler.enable()
    try:
        _set_up_log(DataDir.prepare(options.data).log_folder if options.log_file else None)
        serve(
            Options(
                data=options.data,
                port=options.port,
                sandbox=options.sandbox,
                keep_sessions=options.keep_sessions,
                slots=options.slots,
                engine=options.engine,
                version=options.release,
            )
        )
    except AlreadyRunningError as running:
        print(running)  # noqa: T201 - the program's answer
        return 0
    except StartError as refusal:
        print(f"atoll_cluster: {refusal}", file=sys.stderr)  # noqa: T201 - there may be no log
        return 1
    except Exception as error:
        logging.getLogger(__name__).critical(
            "the program ends because of an unexpected error", exc_info=error
        )
        last = f"atoll_cluster: {type(error).__name__}: {error}"
        print(last, file=sys.stderr)  # noqa: T201 - `atoll local up` shows it
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="atoll_cluster", description="The embedded cluster.")
    add = parser.add_argument
    add("--data", type=Path, required=True, help="folder for all of its data")
    add("--port", type=_port, default=0, help="port on 127.0.0.1; 0 for the last one used")
    add("--release", default="0", help="the version of atoll that it reports to clients")
    add("--sandbox", choices=["auto", "plain"], default="auto", help="plain: use no sandbox")
    add(
        "--engine",
        metavar="MODULE:ATTR",
        help="launcher of kernels; default: the one in DIR/config.json",
    )
    add("--keep-sessions", action="store_true", help="keep sessions running when it is stopped")
    add("--log-file", action="store_true", help="log to DIR/log/ instead of standard error")
    add(
        "--slots",
        type=_slots,
        default={},
        metavar="SLOT=AMOUNT,…",
        help="slots instead of those of the machine, like cpu=8,mem=64g,cuda.shares=4",
    )
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a port is 0 to 65535, not {text}")
    return int(text)


def _slots(text: str) -> dict[str, Decimal]:
    from atoll_cluster.configuration import parse_slots
    from atoll_cluster.slots import AmountError

    try:
        return parse_slots(text)
    except AmountError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _set_up_log(folder: Path | None) -> None:
    from atoll_cluster.logs import LineFormatter

    handler: logging.Handler = logging.StreamHandler()
    if folder is not None:
        handler = RotatingFileHandler(
            folder / "cluster.log", maxBytes=_LOG_SIZE, backupCount=2, encoding="utf-8"
        )
    handler.setFormatter(LineFormatter())
    logging.raiseExceptions = False  # Do not report that the disk is too full to log.
    logging.basicConfig(level=logging.INFO, handlers=[handler])


if __name__ == "__main__":
    sys.exit(main())
