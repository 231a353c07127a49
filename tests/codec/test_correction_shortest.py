"""The long form of a coefficient is for those that have no other: a message has one way to be written for each k."""

from __future__ import annotations

from binascii import crc_hqx

import pytest

from pocketsr.codec.correction import MessageError, read


def _first_in_eight_bits(k: int, u: int) -> bytes:
    """A message whose first coefficient is in the long form, the others 0."""
    bits = f"{k:03b}" + "1" * 12 + f"{u:08b}" + ("0" + "0" * k) * 163
    bits += "0" * (-len(bits) % 8)
    body = b"\1\1abcd" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    return body + crc_hqx(body, 0xFFFF).to_bytes(2, "big")


@pytest.mark.parametrize("k", range(5))
def test_the_long_form_begins_where_the_short_one_ends(k: int) -> None:
    least = 12 << k
    message = read(_first_in_eight_bits(k, least))
    assert message.correction is not None
    assert message.correction.coefficients[0, 0] == least // 2  # u is twice the coefficient
    for u in (0, 1, least - 1):
        with pytest.raises(MessageError, match="shorter code"):
            read(_first_in_eight_bits(k, u))
