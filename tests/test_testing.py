"""What people's own tests have: a request by hand, and a policy that is asked about it as the guard asks."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import jwt as pyjwt
import pytest

from secure_media import ConfigurationError, allow_if, jwt, own_session, signed_url
from secure_media.core.context import AccessContext
from secure_media.testing import access, decide

SECRET = "a-secret-for-tests-0123456789-abcdefghij"


def test_condition_is_asked_about_who_and_what() -> None:
    """A request by hand says what a condition may look at."""
    seen: list[AccessContext] = []
    context = access(
        subject="anna",
        groups=["doctors"],
        auth_time=990.0,
        claims={"tenant": "acme"},
        client_ip="10.0.0.1",
        kind="file",
        name="scans/1.png",
        action="download",
        now=1000.0,
    )

    def look(context: AccessContext) -> bool:
        seen.append(context)
        return False

    assert not decide(look, context)

    assert (context.subject, context.groups, context.auth_time) == ("anna", ("doctors",), 990.0)
    assert (context.claims["tenant"], context.client_ip, context.now) == ("acme", "10.0.0.1", 1000.0)
    assert (str(context.resource), context.action.value) == ("file/scans/1.png", "download")
    assert context.signed_in_within(10)
    assert not context.signed_in_within(9)
    assert seen == [context]
    assert access().principal is None


@pytest.mark.parametrize("answer", [True, False, None, 1, "yes", SystemExit(), KeyboardInterrupt(), ValueError()])
def test_answer_is_the_guards(answer: Any) -> None:
    """Only True is a yes; what is raised is a no, and so is what is not awaited."""

    async def later(context: AccessContext) -> Any:
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def in_a_loop() -> bool:
        return decide(later, access())

    assert decide(allow_if(later), access()) is (answer is True)
    assert asyncio.run(in_a_loop()) is (answer is True)


def test_policies_are_asked_as_well() -> None:
    """What a request presents counts; nothing was shown, and no link was made."""
    claims = {"iss": "login", "aud": "media", "exp": int(time.time()) + 60, "sub": "anna", "groups": ["doctors"]}
    token = pyjwt.encode(claims, SECRET, "HS256")
    by_jwt = jwt(cookie="sso", key=SECRET, algorithms=["HS256"], issuer="login", audience="media")

    assert decide(by_jwt & allow_if(lambda context: "doctors" in context.groups), access(cookies={"sso": token}))
    assert not decide(by_jwt, access(cookies={"sso": token + "x"}))
    by_header = jwt(header="Authorization", key=SECRET, algorithms=["HS256"], issuer="login", audience="media")
    assert decide(by_header, access(headers={"Authorization": f"Bearer {token}"}))
    assert not decide(by_header, access(headers={"Authorization": token}))
    assert not decide(
        own_session() | signed_url(), access(subject="anna", headers={"Authorization": f"Bearer {token}"})
    )
    with pytest.raises(ConfigurationError, match="policy"):
        decide(True, access())  # type: ignore[arg-type]
