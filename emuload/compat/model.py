"""The result for a library: a verdict for each dynamic linker and way of loading, with the reasons. Plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

REFUSAL, HAZARD, REMARK = "refusal", "hazard", "remark"
LOADS, LOADS_BUT, REFUSED = "loads", "loads but", "refused"
DLOPEN, LINKED = "dlopen", "linked"


@dataclass(frozen=True)
class Reason:
    """Why it does not load, or what goes wrong when it does.

    `kind` is "refusal" (`words` are the linker's), "hazard" (they say what happens) or "remark" (worth knowing, no harm);
    `place` names the structure in the file, or the stack; `fix` what would help; `seen` "file" or "run".
    """

    kind: str
    code: str
    words: str
    place: str = ""
    fix: str = ""
    seen: str = "file"


@dataclass(frozen=True)
class Outcome:
    """The outcome: `status` "loads", "loads but" or "refused", and the reasons, those of the linker in its order."""

    reasons: tuple[Reason, ...] = ()

    @property
    def status(self) -> str:
        """By the worst reason."""
        kinds = {reason.kind for reason in self.reasons}
        return REFUSED if REFUSAL in kinds else LOADS_BUT if HAZARD in kinds else LOADS

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {"status": self.status, "reasons": [asdict(reason) for reason in self.reasons]}


@dataclass(frozen=True)
class Verdict:
    """One linker's treatment of the file, by dlopen or as a library the program is linked with.

    `rebuilt`: the same were it linked with that system's own C library, where it is linked with another.
    """

    profile: str
    loading: str
    outcome: Outcome
    rebuilt: Outcome | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        made = {"profile": self.profile, "loading": self.loading, **self.outcome.to_dict()}
        return made | ({"rebuilt": self.rebuilt.to_dict()} if self.rebuilt is not None else {})
