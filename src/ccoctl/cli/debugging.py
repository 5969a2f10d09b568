"""`--debug`: the package's own log to stderr; the root logger stays as it is."""

from __future__ import annotations


def set_up_logging(debug: bool) -> None:
    """Log to stderr when asked to."""
    if not debug:
        return
    import logging

    logger = logging.getLogger("ccoctl")
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(relativeCreated)6.0f ms  %(message)s"))
        logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
