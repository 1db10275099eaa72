"""Keys that an issuer publishes: the app lets in who shows its tokens, when it changes its keys as well."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import jwt as pyjwt
import pytest

from secure_media.stores.fetching import LAST_GOOD, RETRY
from tests import forks
from tests.core.test_key_sources import OTHER, P256, RSA, jwk, pem
from tests.servers import SECRET, AppServer, plain_environment
from tests.stores.test_published_keys import Issuer

CANARY = b"canary of the file"
CLAIMS = {"iss": "login", "aud": "media", "sub": "ann"}
SCRIPT = """
from secure_media import Collection, jwt, secure_run
given = {{"header": "authorization", "issuer": "login", "audience": "media"}}
by_set = jwt(jwks_url="{origin}/keys", algorithms=["RS256"], **given)
by_pem = jwt(pem_url="{origin}/pem/{{kid}}", algorithms=["ES256"], **given)
collections = {{"set": Collection("files", policy=by_set), "pem": Collection("files", policy=by_pem)}}
secure_run(__file__, secret={secret!r}, collections=collections)
"""

#: Before anything else of a script: its keys grow old by as many seconds as a file says.
HASTY = """
import time
from pathlib import Path
import secure_media.host.deployment as deployment
from secure_media.stores.published_keys import PublishedKeys
hours = lambda: time.monotonic() + float(Path("age").read_text())
deployment.PublishedKeys = lambda sources: PublishedKeys(sources, clock=hours)
"""


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """Return an issuer that publishes a key in each way."""
    issuer = Issuer()
    publish(issuer, one=RSA)
    yield issuer
    issuer.close()


def publish(issuer: Issuer, **sets: object) -> None:
    """Publish these keys in a set, and one beside it."""
    issuer.publish(*(jwk(private, kid=kid) for kid, private in sets.items()))
    answer = issuer.answer
    issuer.answer = lambda path: (200, {}, pem(P256)) if path == "/pem/an-ec-key" else answer(path)


@pytest.fixture
def server(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve an app that asks the issuer for its keys."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "files").mkdir()
    (folder / "files" / "a.txt").write_bytes(CANARY)
    script = SCRIPT.format(origin=issuer.origin, secret=SECRET)
    with AppServer(script, guarded=False, folder=folder) as server:
        yield server
        assert "Traceback" not in server.log
        assert "eyJ" not in server.log  # of no token


def ask(server: AppServer, private: object, kid: str, where: str = "set") -> bytes:
    """Return what somebody gets with a token of that key."""
    algorithm = "ES256" if where == "pem" else "RS256"
    token = pyjwt.encode({**CLAIMS, "exp": int(time.time()) + 600}, private, algorithm, headers={"kid": kid})  # type: ignore[arg-type]
    response = server.request("GET", f"/secure-media/files/{where}/a.txt", {"Authorization": f"Bearer {token}"})
    assert response.status == (200 if response.body == CANARY else 403)
    return response.body


def test_first_token_of_a_new_key_opens(server: AppServer, issuer: Issuer) -> None:
    """Nobody is refused because the issuer has begun to sign with another key."""
    assert ask(server, RSA, "one") == CANARY
    publish(issuer, one=RSA, two=OTHER)

    assert ask(server, OTHER, "two") == CANARY
    assert ask(server, RSA, "one") == CANARY
    assert ask(server, RSA, "two") != CANARY


def test_thousand_tokens_that_name_no_key_are_one_request(server: AppServer, issuer: Issuer) -> None:
    """Who makes up names of keys cannot use the app to flood the issuer, and keeps nobody out."""
    assert ask(server, RSA, "one") == CANARY
    before = len(issuer.asked)

    for number in range(1000):
        assert ask(server, RSA, f"made-up-{number}") != CANARY

    assert len(issuer.asked) - before == 1
    assert ask(server, RSA, "one") == CANARY


def test_issuer_that_is_away_ends_nobody(server: AppServer, issuer: Issuer) -> None:
    """The last keys are good meanwhile; what is not known stays unknown, and the log says why, once."""
    assert ask(server, RSA, "one") == CANARY
    issuer.fail()

    assert ask(server, OTHER, "two") != CANARY
    assert ask(server, OTHER, "three") != CANARY
    assert ask(server, RSA, "one") == CANARY
    assert server.log.count("keys.unavailable") == 1


def test_issuer_that_stays_away_ends_everybody_until_it_is_back(issuer: Issuer, tmp_path: Path) -> None:
    """The last keys are good for four hours, then every token is refused; that heals by itself, once told each."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_bytes(CANARY)
    age = tmp_path / "age"
    age.write_text("0")
    script = HASTY + SCRIPT.format(origin=issuer.origin, secret=SECRET)
    with AppServer(script, guarded=False, folder=tmp_path) as server:
        assert ask(server, RSA, "one") == ask(server, P256, "an-ec-key", "pem") == CANARY
        answer = issuer.answer
        issuer.fail()
        age.write_text(f"{LAST_GOOD - 60}")
        assert ask(server, RSA, "one") == ask(server, P256, "an-ec-key", "pem") == CANARY
        age.write_text(f"{LAST_GOOD}")
        assert CANARY not in (ask(server, RSA, "one"), ask(server, P256, "an-ec-key", "pem"))
        assert "the key of the JWT in header authorization cannot be fetched" in server.log
        issuer.answer = answer
        age.write_text(f"{LAST_GOOD + RETRY}")

        assert ask(server, RSA, "one") == ask(server, P256, "an-ec-key", "pem") == CANARY
        for said in ("keys.unavailable", "keys.available"):
            assert (
                server.log.count(f"{said} {issuer.origin}/keys") == server.log.count(f"{said} {issuer.origin}/pem") == 1
            )
        assert "Traceback" not in server.log


def test_key_has_an_address_of_its_own(server: AppServer, issuer: Issuer) -> None:
    """A token names it, and nothing that a token names leads anywhere else."""
    assert ask(server, P256, "an-ec-key", "pem") == CANARY
    before = len(issuer.asked)

    for kid in ("../keys", "an-ec-key?", "an-ec-key/", "%2e%2e", "an-ec-key\n", "//127.0.0.1/x", "", "é"):
        assert ask(server, P256, kid, "pem") != CANARY

    assert len(issuer.asked) == before


@pytest.mark.parametrize("answer", [pytest.param(b"<html>", id="a-page"), pytest.param(b'{"keys": []}', id="no-keys")])
def test_app_without_keys_does_not_start(server: AppServer, issuer: Issuer, answer: bytes) -> None:
    """One line says where there are none; nothing is served."""
    server.stop()
    issuer.answer = lambda path: (200, {}, answer)

    done = forks.run([str(server.script)], env=plain_environment(server.folder), cwd=server.folder)

    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("secure_media: ")]
    assert f"jwt(jwks_url=...): no keys at {issuer.origin}/keys: " in line
    assert "Traceback" not in done.stderr
