"""Record ids in the forms that the systems of the sandbox give them."""

from __future__ import annotations

from random import Random
from string import ascii_letters, ascii_uppercase, digits

ALPHANUMERIC = digits + ascii_uppercase + ascii_letters[:26]
CHECKSUM = ascii_uppercase + "012345"


def alphanumeric(rng: Random, length: int, prefix: str = "") -> str:
    """``prefix`` and random letters and digits: ``cus_4fLx…`` and the like."""
    return prefix + "".join(rng.choices(ALPHANUMERIC, k=length))


def salesforce_id(key_prefix: str, serial: int) -> str:
    """An 18-character Salesforce id: object prefix, instance, serial in base 62, and the case checksum.

    The checksum has a character for each group of five: the letter numbered by the bits that say which of
    the five are upper case
    (https://salesforcelearn.blogspot.com/2015/01/what-does-salesforce-id-compose-of.html).
    """
    places: list[str] = []
    for _ in range(6):
        serial, place = divmod(serial, 62)
        places.append(ALPHANUMERIC[place])
    if serial:
        raise ValueError("serial is beyond six places of base 62")
    short = f"{key_prefix}5g0000{''.join(reversed(places))}"
    return short + salesforce_checksum(short)


def salesforce_checksum(short: str) -> str:
    """The three characters that make a case-sensitive 15-character id safe where case is lost."""
    return "".join(
        CHECKSUM[sum(1 << place for place, char in enumerate(short[start : start + 5]) if char.isupper())]
        for start in (0, 5, 10)
    )
