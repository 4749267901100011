r"""A file's build information as `go version -m` prints it: the Go version, the modules and the build settings.

The blob starts at a 16-byte boundary of a data segment (section `.go.buildinfo`) with `\xff Go buildinf:`, the pointer size
and flags. Since Go 1.18 (flag 2) two strings with varint lengths follow at offset 32: the version, and the module text
between two 16-byte marks. Before, two pointers to Go strings follow at offset 16. The lines of the text are those of
runtime/debug.ParseBuildInfo.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from loader.gabi import PF_W, PF_X
from loader.image import Image

MAGIC = b"\xff Go buildinf:"
_ALIGN = 16
_INLINE_STRINGS = 2
_STRINGS_AT = 32
_MARK = 16
_MOST_PLACES = 16
"""Number of candidate blobs that are tried."""
_MOST_DIGITS = 9


@dataclass(frozen=True)
class Module:
    """A module; `replaced` is the module that a `replace` directive put in its place, or None."""

    path: str
    version: str = ""
    sum: str = ""
    replaced: Module | None = None


@dataclass(frozen=True)
class BuildInfo:
    """The build information. `settings` keeps the file's order (`-buildmode`, `GOARCH`, `vcs.revision`, …)."""

    version: str
    path: str = ""
    main: Module | None = None
    deps: tuple[Module, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def minor(self) -> int:
        """The x of Go 1.x; 0 when the version is not of that form (a development build)."""
        parts = self.version.removeprefix("go").split(".")
        digits = ""
        if len(parts) > 1 and parts[0] == "1":
            for character in parts[1]:
                if character not in "0123456789":
                    break
                digits += character
        return int(digits[:_MOST_DIGITS] or 0)


def read_build_info(image: Image) -> BuildInfo | None:
    """The file's build information, or None when it has none."""
    for at in islice(_places(image), _MOST_PLACES):
        strings = _strings(image, at)
        if strings is not None and strings[0]:
            return parse(*strings)
    return None


def _places(image: Image) -> Iterator[int]:
    section = image.section(".go.buildinfo")
    if section is not None and image.data.startswith(MAGIC, section.offset):
        yield section.offset
    for segment in [*image.loaded(PF_W, without=PF_X), *image.loaded(without=PF_W)]:
        at, end = segment.offset - 1, segment.offset + segment.filesz
        while (at := image.data.find(MAGIC, at + 1, end)) >= 0:
            if (segment.vaddr + at - segment.offset) % _ALIGN == 0:
                yield at


def _strings(image: Image, at: int) -> tuple[str, str] | None:
    """Version and module text of the blob at `at`, or None when it is cut short."""
    data = image.data
    if at + _STRINGS_AT > len(data):
        return None
    if data[at + 15] & _INLINE_STRINGS:
        version = _varint_string(data, at + _STRINGS_AT)
        text = _varint_string(data, version[1]) if version else None
        if version is None or text is None:
            return None
        raw = [version[0], text[0]]
    else:
        address = image.address(at)
        if address is None:
            return None
        raw = []
        for slot in range(2):
            string = image.word_at(address + 16 + slot * image.word)
            size = int.from_bytes(image.read(string + image.word, image.word), "little")
            raw.append(image.read(image.word_at(string), min(size, len(data))) if string else b"")
    text_bytes = raw[1]
    if len(text_bytes) >= 2 * _MARK + 1 and text_bytes[-_MARK - 1 : -_MARK] == b"\n":
        text_bytes = text_bytes[_MARK:-_MARK]
    else:
        text_bytes = b""
    return raw[0].decode("utf-8", "replace"), text_bytes.decode("utf-8", "replace")


def _varint_string(data: bytes, at: int) -> tuple[bytes, int] | None:
    """A string that is preceded by its length as a varint, and the offset after it."""
    size = shift = 0
    while at < len(data) and shift < 35:
        byte = data[at]
        at += 1
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (data[at : at + size], at + size) if at + size <= len(data) else None
    return None


def parse(version: str, text: str) -> BuildInfo:
    """Build information from the version and the lines of the module text; unknown lines are skipped."""
    path = ""
    main: Module | None = None
    deps: list[Module] = []
    settings: dict[str, str] = {}
    for line in text.splitlines():
        kind, _, rest = line.partition("\t")
        fields = rest.split("\t")
        if kind == "path":
            path = rest
        elif kind == "mod":
            main = _module(fields)
        elif kind == "dep":
            deps.append(_module(fields))
        elif kind == "=>":
            other = _module(fields)
            if deps:
                deps[-1] = Module(deps[-1].path, deps[-1].version, deps[-1].sum, other)
            elif main is not None:
                main = Module(main.path, main.version, main.sum, other)
        elif kind == "build":
            key, value = _setting(rest)
            settings[key] = value
    return BuildInfo(version, path, main, tuple(deps), settings)


def _module(fields: list[str]) -> Module:
    path, version, sum_, *_ = [*fields, "", "", ""]
    return Module(path, version, sum_)


def _setting(text: str) -> tuple[str, str]:
    """key=value; either may be quoted as a Go string if it contains spaces or special characters."""
    if text.startswith(("`", '"')):
        end = text.find(text[0], 1)
        key, value = text[1:end], text[end + 2 :]
    else:
        key, _, value = text.partition("=")
    if len(value) >= 2 and value[0] == value[-1] and value[0] in '"`':
        value = _unquote(value)
    return key, value


def _unquote(text: str) -> str:
    if text[0] == "`":
        return text[1:-1]
    try:
        return text[1:-1].encode("latin-1", "backslashreplace").decode("unicode_escape")
    except UnicodeDecodeError:
        return text[1:-1]
