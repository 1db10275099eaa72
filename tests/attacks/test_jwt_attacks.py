"""Every forged JWT, by cookie and by header, on the server that the installed Streamlit has: the honest one first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from secure_media.attack.cases.jwts import AUDIENCE, ISSUER, PEMS, SECRET, SIGNERS, JwtAttack, honest, jwt_attacks
from tests.servers import SECRET as APP_SECRET
from tests.servers import AppServer

CANARY = b"canary of the file"
ATTACKS = jwt_attacks()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
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
        yield server
        assert "Traceback" not in server.log
        assert not [where for where in SIGNERS if honest(where).split(".")[1] in server.log]


@pytest.mark.parametrize("place", [pytest.param("cookie", id="cookie"), pytest.param("header", id="header")])
@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.id for attack in ATTACKS])
def test_forged_jwt_is_refused_where_the_honest_one_opens(server: AppServer, attack: JwtAttack, place: str) -> None:
    """The honest token gets the file, the forged one the refusal that everyone gets."""

    def ask(token: str) -> tuple[int, bytes]:
        value = f"sso={token}" if place == "cookie" else f"Bearer {token}"
        name = "Cookie" if place == "cookie" else "Authorization"
        response = server.request("GET", f"/secure-media/files/{attack.where}/a.txt", {name: value})
        return response.status, response.body

    assert ask(honest(attack.where)) == (200, CANARY)

    status, body = ask(attack.forge())

    assert status == 403
    assert CANARY not in body


def test_attacks_are_many_and_each_has_a_name() -> None:
    """No two attacks share an id, and none gets lost from the table."""
    assert len(ATTACKS) >= 150
    assert len({attack.id for attack in ATTACKS}) == len(ATTACKS)
