"""Checksums that FFV1 puts into its packets. FFmpeg's decoder compares them too, but conceals a damaged slice and only logs it.

From version 3 on a packet is a row of slices that end in their length (3 bytes, big endian, without this trailer), an error
status (1 byte) and a CRC-32 (4 bytes; polynomial 0x04C11DB7, highest bit first, begun at 0), which makes the CRC of the whole
slice 0; without checksums the trailer is the length alone. Source: RFC 9043, section 4.8 (slice footer).
"""

from __future__ import annotations

import zlib

import av

TRAILER_BYTES = 8
# zlib shifts the lowest bit first; bytes turned around give the CRC that shifts the highest bit first, also turned around.
_TURNED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
_ONES = 0xFFFFFFFF  # zlib begins with these and inverts at the end: what is 0 otherwise comes out like this


class SliceChecksums:
    """The packets of one FFV1 stream in order. Streams of other codecs and without checksums are never found damaged."""

    def __init__(self, codec: str):
        self._may_have = codec == "ffv1"
        self._has = False

    def find_damage(self, packet: av.Packet) -> bool:
        """Whether a checksum of this packet is wrong, or its slices do not add up in a stream that has checksums."""
        if not self._may_have or not packet.size:
            return False
        found = _slices_are_right(bytes(packet))
        if found is not None:
            self._has = True
        return found is False or (found is None and self._has)


def _slices_are_right(packet: bytes) -> bool | None:
    """Whether all checksums are; None where no slices with checksums make up the packet."""
    end, right = len(packet), True
    while end >= TRAILER_BYTES:
        trailer = end - TRAILER_BYTES
        first = trailer - int.from_bytes(packet[trailer : trailer + 3], "big")
        if first < 0:
            return None
        right = right and zlib.crc32(packet[first:end].translate(_TURNED), _ONES) == _ONES
        end = first
    return None if end else right
