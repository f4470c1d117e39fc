"""Conditional requests on one record: ETags, for accounts only, and the time of the last change.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/intro_rest_conditional_requests.htm
The page gives the statuses and not the bodies: here 304 and 412 come without one, and the code of the 400 for
a header that cannot be read is this emulator's own. LastModifiedDate is the time that is compared, by the
second, as HTTP's dates are. DELETE knows no conditions.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from adapters.salesforce.emulator.errors import ApiError

_TAGGED = "Account"
_TAGS = re.compile(r'\*|"[^"]*"(?:\s*,\s*"[^"]*")*')


@dataclass(frozen=True, slots=True)
class Validators:
    """What a record is recognised by: its ETag (None where its object has none) and its last change."""

    etag: str | None
    changed_at: datetime

    def headers(self) -> dict[str, str]:
        tag = {"etag": self.etag} if self.etag is not None else {}
        return {**tag, "last-modified": format_datetime(self.changed_at, usegmt=True)}


def validators(entity: str, record: Mapping[str, Any]) -> Validators:
    """``record`` has all columns. A tag is a hash of the content, with a suffix for its encoding."""
    changed_at = datetime.fromisoformat(record["LastModifiedDate"]).astimezone(UTC).replace(microsecond=0)
    if entity != _TAGGED:
        return Validators(None, changed_at)
    digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).digest()
    return Validators(f'"{base64.b64encode(digest).decode()}--gzip"', changed_at)


def holds_for_write(headers: Mapping[str, str], known: Validators) -> bool:
    """Whether a PATCH may go on. A header that cannot be read is a 400."""
    match, none_match = _tags(headers, "if-match", known), _tags(headers, "if-none-match", known)
    since = headers.get("if-unmodified-since")
    moment = _moment(since) if since is not None else None
    if since is not None and moment is None:
        raise ApiError(400, "INVALID_HEADER", "the date of If-Unmodified-Since cannot be read")
    is_stale = moment is not None and known.changed_at > moment
    return match is not False and none_match is not True and not is_stale


def holds_for_read(headers: Mapping[str, str], known: Validators) -> bool:
    """Whether a GET is worth an answer with a body; else it is a 304."""
    if (none_match := _tags(headers, "if-none-match", known)) is not None:
        return not none_match
    moment = _moment(headers.get("if-modified-since", ""))
    return moment is None or known.changed_at > moment


def _tags(headers: Mapping[str, str], name: str, known: Validators) -> bool | None:
    """Whether the record's tag is among those of a header; None where that is not asked."""
    value = headers.get(name)
    if value is None or known.etag is None:
        return None
    if _TAGS.fullmatch(value.strip()) is None:
        raise ApiError(400, "INVALID_HEADER", f"the entity tags of {name} cannot be read")
    return value.strip() == "*" or known.etag in re.findall(r'"[^"]*"', value)


def _moment(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
