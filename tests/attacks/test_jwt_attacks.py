"""Every forged JWT, by cookie and by header, on the server that the installed Streamlit has: the honest one first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from secure_media.attack import Target, Verdict, attempt, confirm
from secure_media.attack.cases.forgeries import AUDIENCE, ISSUER, PEMS, SECRET, SIGNERS, honest
from secure_media.attack.cases.jwts import jwt_attacks
from tests.servers import SECRET as APP_SECRET
from tests.servers import AppServer

CANARY = b"canary of the file"
ATTACKS = list(jwt_attacks())


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """An app with a collection for each kind of key, which anyone may read who shows a JWT of that key."""
    folder = tmp_path_factory.mktemp("app")
    lines = ["from secure_media import Collection, jwt, secure_run", "collections = {}"]
    for where, (algorithm, _) in SIGNERS.items():
        (folder / where).mkdir()
        (folder / where / "a.txt").write_bytes(CANARY)
        key = SECRET.encode() if where == "hs" else PEMS[where]
        rest = f"key={key!r}, algorithms=[{algorithm!r}], issuer={ISSUER!r}, audience={AUDIENCE!r}"
        policy = f"jwt(cookie='sso', {rest}) | jwt(header='authorization', {rest})"
        lines.append(f"collections[{where!r}] = Collection({str(folder / where)!r}, policy={policy})")
    lines.append(f"secure_run(__file__, secret={APP_SECRET!r}, collections=collections)\n")
    with AppServer("\n".join(lines), guarded=False, folder=folder) as server:
        target = Target(
            host="127.0.0.1",
            port=server.port,
            exact=True,
            canaries={"jwt": CANARY},
            jwt_files={where: f"/secure-media/files/{where}/a.txt" for where in SIGNERS},
        )
        yield target
        assert confirm(target) == []
        assert "Traceback" not in server.log
        assert not [where for where in SIGNERS if honest(where).split(".")[1] in server.log]


@pytest.mark.parametrize("where", [pytest.param(where, id=where) for where in SIGNERS])
@pytest.mark.parametrize("place", [pytest.param("cookie", id="cookie"), pytest.param("header", id="header")])
def test_forged_jwt_is_refused_where_the_honest_one_opens(target: Target, place: str, where: str) -> None:
    """The honest token gets the file, each forged one the refusal that everyone gets."""
    results = [attempt(target, attack) for attack in ATTACKS if attack.id.startswith(f"jwt-{place}-{where}-")]

    assert len(results) >= 15
    assert {result.attack.id: result for result in results if result.verdict is not Verdict.STOOD} == {}
    assert confirm(target) == []


def test_every_forged_jwt_is_tried() -> None:
    """Each is for a cookie or a header, and for one of the kinds of keys."""
    starts = tuple(f"jwt-{place}-{where}-" for place in ("cookie", "header") for where in SIGNERS)
    assert [attack.id for attack in ATTACKS if not attack.id.startswith(starts)] == []
