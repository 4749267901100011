"""ARM build attributes: for which CPU and calling convention a file was built.

Sources: ELF for the Arm Architecture (AAELF32), section 5.2, for e_flags; Addenda to, and Errata in, the ABI
for the Arm Architecture (IHI0045), sections 2 and 3. The section `.ARM.attributes` is 'A', then per vendor a
length, the name "aeabi", and sub-sections of tag, length, attributes.
"""

from __future__ import annotations

from struct import unpack_from

TAG_CPU_NAME, TAG_CPU_ARCH, TAG_FP_ARCH, TAG_VFP_ARGUMENTS = 5, 6, 10, 28

CPU_ARCHES = (
    "pre-v4", "v4", "v4T", "v5T", "v5TE", "v5TEJ", "v6", "v6KZ", "v6T2", "v6K", "v7", "v6-M", "v6S-M", "v7E-M",
    "v8-A", "v8-R", "v8-M.baseline", "v8-M.mainline", "v8.1-A", "v8.2-A", "v8.3-A", "v8.1-M.mainline", "v9-A",
)  # fmt: skip
FP_ARCHES = ("none", "VFPv1", "VFPv2", "VFPv3", "VFPv3-D16", "VFPv4", "VFPv4-D16", "FP-ARMv8", "FPv5-D16")
VFP_ARGUMENTS = ("base (soft-float registers)", "VFP registers", "toolchain's own", "compatible with both")

_EF_FLOAT_SOFT, _EF_FLOAT_HARD = 0x200, 0x400
_FILE = 1
_STRINGS = {4, 5, 65, 67}
_COMPATIBILITY = 32
_MOST_BYTES = 1 << 14
"""Linkers write some sixty bytes."""


def _uleb128(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
    raise ValueError("a ULEB128 number of more than 64 bits")


def read_attributes(data: bytes) -> dict[int, int | str]:
    """The file-wide "aeabi" attributes by tag; what is broken is left out."""
    found: dict[int, int | str] = {}
    data = data[:_MOST_BYTES]
    if data[:1] != b"A":
        return found
    at = 1
    try:
        while at + 4 <= len(data):
            (size,) = unpack_from("<I", data, at)
            name_end = data.index(b"\0", at + 4)
            if data[at + 4 : name_end] == b"aeabi":
                _read_vendor(data[name_end + 1 : at + size], found)
            at += max(size, 4)
    except (IndexError, ValueError):
        pass
    return found


def _read_vendor(data: bytes, found: dict[int, int | str]) -> None:
    at = 0
    while at + 5 <= len(data):
        tag, (size,) = data[at], unpack_from("<I", data, at + 1)
        if tag == _FILE:
            _read_pairs(data[at + 5 : at + size], found)
        at += max(size, 5)


def _read_pairs(data: bytes, found: dict[int, int | str]) -> None:
    at = 0
    while at < len(data):
        tag, at = _uleb128(data, at)
        if tag == _COMPATIBILITY:
            _, at = _uleb128(data, at)
        if tag in _STRINGS or tag == _COMPATIBILITY or (tag > _COMPATIBILITY and tag & 1):
            end = data.index(b"\0", at)
            found[tag] = data[at:end].decode("utf-8", "replace")
            at = end + 1
        else:
            found[tag], at = _uleb128(data, at)


_SHOWN: tuple[tuple[str, int, tuple[str, ...]], ...] = (
    ("CPU", TAG_CPU_NAME, ()),
    ("CPU architecture", TAG_CPU_ARCH, CPU_ARCHES),
    ("FP architecture", TAG_FP_ARCH, FP_ARCHES),
    ("float arguments", TAG_VFP_ARGUMENTS, VFP_ARGUMENTS),
)


def describe_abi(flags: int, section: bytes) -> dict[str, str]:
    """A file's ABI in words, from e_flags and the content of `.ARM.attributes` (empty for a file without it)."""
    attributes = read_attributes(section)
    found = {"EABI version": str(flags >> 24)}
    hard = attributes.get(TAG_VFP_ARGUMENTS)
    if flags & (_EF_FLOAT_HARD | _EF_FLOAT_SOFT):
        found["float ABI"] = "hard" if flags & _EF_FLOAT_HARD else "soft"
    elif hard is not None:
        found["float ABI"] = "hard" if hard == 1 else "soft"
    for title, tag, names in _SHOWN:
        if tag in attributes:
            found[title] = _name(names, attributes[tag])
    return found


def _name(names: tuple[str, ...], value: int | str) -> str:
    if isinstance(value, str):
        return value
    return names[value] if value < len(names) else f"unknown ({value})"
