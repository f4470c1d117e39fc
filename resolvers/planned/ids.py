"""Global ids of many objects of one kind: what they have in common is encoded once."""

from __future__ import annotations

import binascii
from collections.abc import Callable

from adapters.contracts.vocabulary import RecordType
from resolvers.ids import Ref

_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def id_encoder(record_type: RecordType, connection: str) -> Callable[[str], str]:
    """``Ref.encode`` for the record ids of one connection.

    Three bytes become four letters, whatever comes behind them: of ``s:subs:`` the first six are encoded
    once, and the rest with each id.
    """
    plain = Ref(record_type, connection, "").plain().encode()
    whole = len(plain) // 3 * 3
    head = binascii.b2a_base64(plain[:whole], newline=False).translate(_URL_SAFE).decode()
    rest = plain[whole:].decode()
    encode, table = binascii.b2a_base64, _URL_SAFE

    def encoded(record_id: str) -> str:
        return head + str(encode((rest + record_id).encode(), newline=False).translate(table, b"="), "ascii")

    return encoded
