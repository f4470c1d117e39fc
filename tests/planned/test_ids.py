"""Ids of many objects, encoded at once, are those that each object gives itself."""

from __future__ import annotations

import pytest

from adapters.contracts.vocabulary import RecordType
from resolvers.ids import Ref
from resolvers.planned.ids import id_encoder


@pytest.mark.parametrize(
    "record_ids",
    [
        pytest.param([], id="none"),
        pytest.param(["a"], id="one"),
        pytest.param(["cus_1", "cus_2", "cus_3"], id="of-one-length"),
        pytest.param(["a", "bb", "ccc", "dddd"], id="of-several-lengths"),
        pytest.param([f"{number:06}" for number in range(250)], id="as-many-as-go-at-once"),
        pytest.param([f"{number:06}" for number in range(2_501)], id="thousands"),
        pytest.param([str(number) for number in range(1_500)], id="thousands-of-several-lengths"),
        pytest.param(["größe", "ümlau"], id="not-ascii"),
        pytest.param(["a?>", "??~"], id="letters-that-urls-have-not"),
    ],
)
@pytest.mark.parametrize("connection", ["c", "crm", "erp-2"])
def test_all_at_once_is_as_one_by_one(record_ids: list[str], connection: str) -> None:
    encoded = id_encoder(RecordType.CUSTOMER, connection)(record_ids)
    assert encoded == [Ref(RecordType.CUSTOMER, connection, each).encode() for each in record_ids]
