"""An inspection as plain text."""

from __future__ import annotations

from emuload.report.inspection import Export, GoInfo, Import, Inspection
from loader.errors import one_line


def render_text(inspection: Inspection) -> str:
    """An inspection as plain text, one fact a line; what in a name does not print is escaped."""
    found = inspection
    lines = [
        f"{found.path}: {found.bits}-bit {found.type} for {found.machine}, {found.size} bytes",
        *_fields(
            [
                ("abi", ", ".join(f"{name} {value}" for name, value in found.abi.items())),
                ("soname", found.soname),
                ("needed", ", ".join(found.needed)),
                ("runpath", found.runpath),
                ("interpreter", found.interpreter),
                ("flags", " ".join(found.flags)),
                ("relro", found.relro),
                ("stack", "executable" if found.exec_stack else "not executable"),
                ("segment align", f"{found.segment_align:#x}"),
                ("symbols", "stripped" if found.stripped else "not stripped"),
                ("build id", found.build_id),
            ]
        ),
    ]
    lines += _go_text(found.go)
    lines += _section("relocations", [f"{count:7} {name}" for name, count in found.relocations.items()])
    if found.tls is not None:
        models = ", ".join(found.tls.models) or "not seen in relocations"
        lines.append(f"  tls            {found.tls.size} bytes, align {found.tls.align}, model {models}")
    for title, functions in (("constructors", found.constructors), ("destructors", found.destructors)):
        lines += _section(title, [f"{f.kind}[{f.index}] {f.address:#x} {f.name}".rstrip() for f in functions])
    lines += _section("exports", [_export_text(export) for export in found.exports])
    lines += _section("imports", [_import_text(entry) for entry in found.imports])
    return "\n".join(map(one_line, lines))


def _fields(rows: list[tuple[str, str]]) -> list[str]:
    return [f"  {title:14} {value}" for title, value in rows if value]


def _section(title: str, rows: list[str]) -> list[str]:
    return [f"  {title} ({len(rows)})", *(f"    {row}" for row in rows)] if rows else []


def _go_text(go: GoInfo | None) -> list[str]:
    if go is None:
        return []
    module = f"{go.module.path} {go.module.version}".strip() if go.module else ""
    lines = _fields([("go", go.version or "unknown version"), ("go package", go.path), ("go module", module)])
    rows = [
        f"{dep.path} {dep.version}" + (f" => {dep.replaced_by}" if dep.replaced_by else "") for dep in go.deps
    ]
    lines += _section("go dependencies", rows)
    return lines + _section("go build", [f"{name}={value}" for name, value in go.settings.items()])


def _export_text(export: Export) -> str:
    words = [f"{export.name}@{export.version}" if export.version else export.name, export.kind]
    return " ".join([*words, *(["weak"] if export.weak else []), *(["go"] if export.go else [])])


def _import_text(entry: Import) -> str:
    words = [f"{entry.name}@{entry.version}" if entry.version else entry.name, entry.kind]
    return " ".join([*words, *(["weak"] if entry.weak else [])])
