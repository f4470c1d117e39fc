"""The log keeps what tells of persons to itself."""

from __future__ import annotations

from gateway.log import REDACTED, without_personal


def test_personal_fields_are_redacted_wherever_they_stand() -> None:
    line = {
        "event": "something happened",
        "email": "ada@example.com",
        "customer": {"id": "c", "taxId": "DE1", "contacts": [{"phone": "+49", "status": "ok"}]},
        "amounts": (1, 2),
    }
    assert without_personal(None, "info", line) == {
        "event": "something happened",
        "email": REDACTED,
        "customer": {"id": "c", "taxId": REDACTED, "contacts": [{"phone": REDACTED, "status": "ok"}]},
        "amounts": [1, 2],
    }
