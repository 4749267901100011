"""Machine code for the CPU tests, as bytes with the source beside them, so that the tests need no assembler."""

from __future__ import annotations

# l: add a, 1; b m; m: add b, 1; b l
LOOP = {
    "amd64": bytes.fromhex("48ffc0" "eb00" "48ffc1" "ebf6"),
    "arm": bytes.fromhex("010080e2" "ffffffea" "011081e2" "fbffffea"),
    "arm64": bytes.fromhex("00040091" "01000014" "21040091" "fdffff17"),
}
# call getpid, keep the result in `kept`, call exit
CALLS = {
    "amd64": (bytes.fromhex("b827000000" "0f05" "4889c3" "b83c000000" "0f05"), (39, 60), "rbx"),
    "arm": (bytes.fromhex("1470a0e3" "000000ef" "0050a0e1" "0170a0e3" "000000ef"), (20, 1), "r5"),
    "arm64": (bytes.fromhex("881580d2" "010000d4" "e50300aa" "a80b80d2" "010000d4"), (172, 93), "x5"),
}
# code that faults: arch → [(what, code, signal, si_code, si_addr or None for the code's own address, pc - code or absolute pc)]
FAULTS = {
    "amd64": [
        ("read of an unmapped address", bytes.fromhex("488b042510000000"), 11, 1, 0x10, 0),
        ("read of a non-canonical address", bytes.fromhex("48b8005010000000f000" "488b00"), 11, 0x80, 0, 10),
        ("division by zero", bytes.fromhex("31c0" "f7f0"), 8, 1, None, 2),
        ("undefined instruction", bytes.fromhex("0f0b"), 4, 1, None, 0),
        ("breakpoint", bytes.fromhex("cc"), 5, 0x80, 0, 1),
        ("jump to nil", bytes.fromhex("31c0" "ffe0"), 11, 1, 0, -1),
    ],
    "arm": [
        ("read of an unmapped address", bytes.fromhex("1000a0e3" "000090e5"), 11, 1, 0x10, 4),
        ("undefined instruction", bytes.fromhex("f000f0e7"), 4, 1, None, 0),
        ("breakpoint", bytes.fromhex("700020e1"), 5, 1, None, 0),
        ("jump to nil", bytes.fromhex("0000a0e3" "10ff2fe1"), 11, 1, 0, -1),
    ],
    "arm64": [
        ("read of an unmapped address", bytes.fromhex("000280d2" "000040f9"), 11, 1, 0x10, 4),
        ("breakpoint", bytes.fromhex("000020d4"), 5, 1, None, 0),
        ("jump to nil", bytes.fromhex("000080d2" "00001fd6"), 11, 1, 0, -1),
    ],
}
# an instruction without a jump, and the jump back over that many bytes
STRAIGHT = {
    # paddd xmm0, xmm1
    "amd64": (bytes.fromhex("660ffec1"), lambda size: b"\xe9" + (-size - 5).to_bytes(4, "little", signed=True)),
    # adds r0, r0, r1
    "arm": (bytes.fromhex("010090e0"), lambda size: (-(size + 8) >> 2 & 0xFFFFFF | 0xEA000000).to_bytes(4, "little")),
    # adds x0, x0, x1
    "arm64": (bytes.fromhex("000001ab"), lambda size: (-size >> 2 & 0x3FFFFFF | 0x14000000).to_bytes(4, "little")),
}
