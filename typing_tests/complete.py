"""
Checks that every type that users meet is written down, so that no type checker has to guess it.

``pyright --verifytypes`` counts every module, as Python has no private ones. What is asked here is whether the public
names are complete, and all that users get hold of through them. Of a name that is gone from here it is told too.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

#: What users get hold of: the public names, and the types in their signatures.
PUBLIC = (
    "secure_media.errors.",
    "secure_media.links.",
    "secure_media.sign_in.",
    "secure_media.widgets.",
    "secure_media.core.context.",
    "secure_media.core.keys.KeyRing.",
    "secure_media.core.model.",
    "secure_media.core.policy.Policy.",
    "secure_media.core.principal.Principal.",
    "secure_media.host.asgi_app.GuardedApp.",
    "secure_media.settings.arguments.",
    "secure_media.settings.kinds.Secret.",
    "secure_media.stores.collections.Collection.",
    "secure_media.testing.",
)


def is_public(name: str) -> bool:
    """Return whether users meet the symbol of this name."""
    return name.count(".") == 1 or f"{name}.".startswith(PUBLIC)


def report() -> dict[str, Any]:
    """Return what the type checker says of the package."""
    command = [sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable]
    command += ["--verifytypes", "secure_media", "--ignoreexternal", "--outputjson"]
    # It ends with 1 where anything in any module is incomplete.
    ended = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def main() -> int:
    """Print what is not complete, and return what the process ends with."""
    public = [symbol for symbol in report()["typeCompleteness"]["symbols"] if is_public(symbol["name"])]
    unseen = [prefix for prefix in PUBLIC if not any(f"{symbol['name']}.".startswith(prefix) for symbol in public)]
    wrong = [
        f"{symbol['name']}: {fault['message']}"
        for symbol in public
        for fault in symbol["diagnostics"]
        if fault["severity"] == "error"
    ]
    for line in (*wrong, *(f"{prefix}: there is no such thing" for prefix in unseen)):
        print(line)
    print(f"{len(public)} public symbols, {len(wrong)} incomplete")
    return 1 if wrong or unseen else 0


if __name__ == "__main__":
    raise SystemExit(main())
