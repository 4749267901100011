"""The kinds of files that are not ELF, in a few words for errors, by their first bytes (file(1)'s magic numbers)."""

from __future__ import annotations

_MAGIC = (
    (b"!<arch>\n", "a static library (.a)"),
    (b"!<thin>\n", "a static library (.a)"),
    (b"MZ", "a Windows program or DLL"),
    (b"\xcf\xfa\xed\xfe", "a macOS library or program"),
    (b"\xce\xfa\xed\xfe", "a macOS library or program"),
    (b"\xca\xfe\xba\xbe", "a macOS universal file or a Java class"),
    (b"PK\x03\x04", "a ZIP archive, as wheels, JARs and APKs are"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"\0asm", "a WebAssembly module"),
    (b"BC\xc0\xde", "LLVM bitcode"),
    (b"EMUILOG\0", "an instruction log of emuload"),
    (b'{"format":"emuload-trace"', "a trace of emuload"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself"),
    (b"#!", "a script"),
)


def kind_of(start: bytes) -> str:
    """`a ZIP archive`; empty if the first bytes tell nothing."""
    if not start:
        return "an empty file"
    for magic, kind in _MAGIC:
        if start.startswith(magic):
            return kind
    if start[257:262] == b"ustar":
        return "a tar archive"
    head = start[:512]
    if b"GROUP" in head or b"INPUT" in head or head.startswith(b"/* GNU ld script"):
        return "a linker script: name the library that it names"
    try:
        text = head.decode("utf-8", "strict" if len(start) <= 512 else "ignore")
    except UnicodeDecodeError:
        return ""
    return "a text file" if all(c.isprintable() or c in "\t\r\n\f" for c in text) and len(text) > len(head) // 2 else ""
