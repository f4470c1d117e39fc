"""The log: one JSON object a line on standard error, with the correlation id of what it was written for.

Libraries' own loggers write through the same renderer, from warnings up.
"""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Sequence
from typing import cast

import structlog
from structlog.typing import EventDict, WrappedLogger

from adapters.http import correlation_id

REDACTED = "***"


def _with_correlation(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Whatever set the id: a request, an operation on a socket, an event."""
    if "correlation_id" not in line and (current := correlation_id.get()) is not None:
        line["correlation_id"] = current
    return line


@functools.cache
def _personal() -> frozenset[str]:
    # When the first line is written: the schema takes a while to load, and most commands need none of it.
    from strawberry.utils.str_converters import to_camel_case

    from schema.personal import personal_fields

    names = {name for _, name in personal_fields()}
    return frozenset(names | {to_camel_case(name) for name in names})


def _redacted(value: object) -> object:
    if isinstance(value, dict):
        fields = cast(dict[str, object], value)
        return {key: REDACTED if key in _personal() else _redacted(each) for key, each in fields.items()}
    if isinstance(value, list | tuple):
        return [_redacted(each) for each in cast(Sequence[object], value)]
    return value


def without_personal(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Values of fields that the schema declares ``@personal``, wherever they stand in a line, give way."""
    return cast(EventDict, _redacted(line))


def configure_log(level: int = logging.INFO) -> None:
    """Tracebacks are plain: values of local variables could be secrets or personal data."""
    shared: list[structlog.typing.Processor] = [
        _with_correlation,
        without_personal,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    # It writes every caller's mistake with the caller's document, in which personal data may stand; what
    # matters of it is logged where errors are formatted.
    logging.getLogger("strawberry.execution").setLevel(logging.CRITICAL)
