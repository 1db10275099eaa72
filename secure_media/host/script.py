"""Where a script finds the deployment that serves it, and the session that it runs for."""

from __future__ import annotations

import sys

from streamlit.runtime.scriptrunner import get_script_run_ctx

from secure_media.errors import GrantError
from secure_media.host import hooks
from secure_media.host.deployment import Deployment
from secure_media.host.issuing import SessionBinding


def deployment() -> Deployment | None:
    """
    Return the deployment that serves this script; None under ``AppTest``, where nothing is served.

    Raises:
        GrantError: Nothing serves it, or a server without a guard.
    """
    module = sys.modules.get("streamlit.runtime.runtime")
    if module is not None and module.Runtime.exists():
        runtime = module.Runtime.instance()
        if not issubclass(type(runtime), module.Runtime):
            return None  # a mock
        found = hooks.guarding(runtime)
        if found is not None:
            return found
    raise GrantError("no guarded server runs this script, so it has no links to give; start it as secure_run says")


def holder(serving: Deployment) -> SessionBinding:
    """
    Return the session that the script runs for.

    Raises:
        GrantError: It runs for none.
    """
    context = get_script_run_ctx(suppress_warning=True)
    found = None if context is None else serving.sessions.holder(context.session_id)
    if found is None:
        raise GrantError("links are made by a running script, for its session; a thread of its own has none")
    return found


def heeds_links(serving: Deployment, name: str = "") -> None:
    """
    Make sure that a link changes anything.

    Args:
        serving: The deployment.
        name: The ``collection/key`` that it is for, if it is for one.

    Raises:
        GrantError: The policy looks at none.
    """
    policy = serving.collections.policy(name)
    if not (serving.accepts_grants if policy is None else policy.accepts_grants):
        raise GrantError(
            "the policy of this app heeds no links; add signed_url() to it: policy=(...) | signed_url() to let a link "
            "do by itself, policy=(...) & signed_url() to ask for more"
        )
