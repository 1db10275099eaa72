"""The key ring: which secrets it takes, which key signs, and that nothing shows a secret."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from secure_media.core.keys import (
    MIN_SECRET_BYTES,
    Key,
    KeyRing,
    Purpose,
    hash_parts,
    new_secret,
)
from secure_media.errors import ConfigurationError, CredentialError, UnknownKeyError

NEW = "new-0123456789-abcdefghijklmnopqrstuvwxyz"
OLD = "old-9876543210-zyxwvutsrqponmlkjihgfedcba"


def test_first_key_signs_and_every_key_is_found() -> None:
    """The newest secret makes the active key, and the retired one can still be looked up."""
    ring = KeyRing([NEW, OLD])
    retired = KeyRing([OLD]).active

    assert ring.active.kid == KeyRing([NEW]).active.kid
    assert [key.kid for key in ring] == [ring.active.kid, retired.kid]
    assert ring.find(retired.kid).derive(Purpose.URL_TOKEN) == retired.derive(Purpose.URL_TOKEN)
    assert len(ring) == 2


def test_dropped_key_is_no_longer_found() -> None:
    """A ring that has dropped a key does not know its name any more, and does not repeat it."""
    kid = KeyRing([OLD]).active.kid
    assert KeyRing([NEW, OLD]).find(kid).kid == kid

    with pytest.raises(UnknownKeyError) as caught:
        KeyRing([NEW]).find(kid)

    assert isinstance(caught.value, CredentialError)
    assert kid not in str(caught.value)


def test_same_secret_twice_is_one_key() -> None:
    """A secret that is listed twice, as text and as bytes, counts once and keeps its place."""
    ring = KeyRing([NEW, OLD, NEW.encode()])

    assert len(ring) == 2
    assert ring.active.kid == KeyRing([NEW]).active.kid


def test_names_and_derived_keys_stay_what_they_are() -> None:
    """What was issued with a secret still verifies after an upgrade, because nothing that follows from it changes."""
    key = KeyRing([NEW]).active

    assert key.kid == "d6043e86"
    assert {purpose.value: key.derive(purpose)[:8].hex() for purpose in Purpose} == {
        "browser-cookie/1": "d6bce33e54670a10",
        "sign-in/1": "0efe5bcf6a74b4dc",
        "redemption/1": "843a7fd2695fe0ea",
        "url-token/1": "4933232c368c0965",
        "media-id/1": "5fff58c1ded84f87",
        "deployment/1": "71af0af3de52548e",
        "key-id/1": "d6043e863d6cec96",
    }


def test_derived_keys_differ_per_purpose_and_from_the_secret() -> None:
    """No two purposes share a key, and no key of a purpose is the secret itself."""
    secret = b"\x00\x01\x02\x03\x04\x05\x06\x07" * 4
    keys = [Key(secret).derive(purpose) for purpose in Purpose]

    assert all(len(key) == 32 for key in keys)
    assert all(one != other for one, other in itertools.combinations([*keys, secret], 2))


def test_derived_keys_differ_per_secret() -> None:
    """Two secrets have nothing in common for any purpose."""
    one, other = Key(NEW.encode()), Key(OLD.encode())

    assert all(one.derive(purpose) != other.derive(purpose) for purpose in Purpose)


def test_random_rings_differ() -> None:
    """A ring that is made up at start is another one each time."""
    one, other = KeyRing.random(), KeyRing.random()

    assert len(one) == 1
    assert one.active.kid != other.active.kid


def test_new_secrets_are_accepted_and_differ() -> None:
    """What keygen prints is a good secret, and never the same twice."""
    one, other = new_secret(), new_secret()

    assert one != other
    assert len(one) == 64
    assert len(KeyRing([one, other])) == 2


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param("0123456789abcdef" * 2, id="text-of-32-bytes"),
        pytest.param(bytes(range(8)) * 4, id="bytes-with-just-enough-values"),
        pytest.param(
            "\u00fc\u00f6\u00e4\u00df\u20ac\u0142\u017c\u011b\u0161\u010d\u0159\u017e\u00fd" * 2, id="umlauts"
        ),
        pytest.param("\ud800-lone-surrogate-0123456789abcdef", id="lone-surrogate"),
    ],
)
def test_good_secrets_are_accepted(secret: str | bytes) -> None:
    """Any text or bytes of 32 bytes and some variety make a key."""
    assert len(KeyRing([secret])) == 1


@pytest.mark.parametrize(
    ("secrets", "message"),
    [
        pytest.param([], "the list of secrets is empty", id="none-at-all"),
        pytest.param([""], "secret: has 0 bytes", id="empty"),
        pytest.param(["0123456789abcdefghijklmnopqrstu"], "secret: has 31 bytes", id="one-byte-short"),
        pytest.param([NEW, "short"], "secret, number 2: has 5 bytes", id="second-one-short"),
        pytest.param(["a" * MIN_SECRET_BYTES], "repeats a few characters", id="one-character"),
        pytest.param(["abcdefg" * 9], "repeats a few characters", id="seven-characters"),
        pytest.param([b"\x00" * 64], "repeats a few characters", id="zeros"),
        pytest.param([None], "expected str or bytes, got NoneType", id="none"),
        pytest.param([12345], "expected str or bytes, got int", id="number"),
        pytest.param([bytearray(NEW.encode())], "expected str or bytes, got bytearray", id="bytearray"),
        pytest.param(NEW, "has 1 bytes", id="text-instead-of-a-list"),
        pytest.param(NEW.encode(), "got int", id="bytes-instead-of-a-list"),
    ],
)
def test_weak_secrets_are_refused_with_the_way_out(secrets: Any, message: str) -> None:
    """A secret that could be guessed, or is none, stops the start, and the error says how to make a good one."""
    with pytest.raises(ConfigurationError) as caught:
        KeyRing(secrets)

    assert message in str(caught.value)
    assert "secure-media keygen" in str(caught.value)


# --- rotation


def test_rotation_puts_the_new_key_in_front() -> None:
    """After a rotation the new key signs and the old one verifies; it is the very object that it was before."""
    ring = KeyRing([OLD])
    old = ring.active

    assert ring.rotate([NEW, OLD]) is True

    assert ring.active.kid == KeyRing([NEW]).active.kid
    assert list(ring)[1] is ring.find(old.kid) is old
    assert len(ring) == 2


def test_rotation_drops_what_is_no_longer_listed() -> None:
    """A key that is not listed any more is not found any more."""
    ring = KeyRing([NEW, OLD])
    new, old = ring

    assert ring.rotate([NEW]) is True

    assert list(ring) == [new]
    with pytest.raises(UnknownKeyError):
        ring.find(old.kid)


@pytest.mark.parametrize(
    "secrets",
    [
        pytest.param([NEW, OLD], id="as-they-are"),
        pytest.param([NEW.encode(), OLD.encode()], id="as-bytes"),
        pytest.param([NEW, OLD, NEW], id="one-twice"),
    ],
)
def test_rotation_to_the_same_secrets_changes_nothing(secrets: list[str | bytes]) -> None:
    """The same secrets again are no rotation, and the keys stay the objects that they are."""
    ring = KeyRing([NEW, OLD])
    before = list(ring)

    assert ring.rotate(secrets) is False

    assert all(now is then for now, then in zip(ring, before, strict=True))


def test_rotation_to_another_order_changes_who_signs() -> None:
    """The same secrets in another order are a rotation: another key signs."""
    ring = KeyRing([NEW, OLD])
    new, old = ring

    assert ring.rotate([OLD, NEW]) is True

    assert ring.active is old
    assert list(ring) == [old, new]


def test_rotation_takes_over_another_secret_of_the_same_name() -> None:
    """A secret whose public name happens to be the one of a key in the ring replaces that key."""
    ring, twin = KeyRing([OLD]), KeyRing([NEW])
    twin._keys = {twin.active.kid: ring.active}
    assert twin.active.derive(Purpose.URL_TOKEN) == ring.active.derive(Purpose.URL_TOKEN)

    assert twin.rotate([NEW]) is True

    assert twin.active.derive(Purpose.URL_TOKEN) == KeyRing([NEW]).active.derive(Purpose.URL_TOKEN)


@pytest.mark.parametrize(
    ("secrets", "message"),
    [
        pytest.param([], "SECURE_MEDIA_SECRET: the list of secrets is empty", id="none-at-all"),
        pytest.param(["short"], "SECURE_MEDIA_SECRET: has 5 bytes", id="short"),
        pytest.param([NEW, "short"], "SECURE_MEDIA_SECRET, number 2: has 5 bytes", id="second-one-short"),
        pytest.param([NEW, None], "SECURE_MEDIA_SECRET, number 2: expected str or bytes", id="second-one-missing"),
        pytest.param(NEW, "SECURE_MEDIA_SECRET: has 1 bytes", id="text-instead-of-a-list"),
    ],
)
def test_rotation_to_secrets_that_will_not_do_changes_nothing(secrets: Any, message: str) -> None:
    """A secret that is refused leaves the ring as it was, all of it, and the error names the setting."""
    ring = KeyRing([OLD])
    before = list(ring)

    with pytest.raises(ConfigurationError) as caught:
        ring.rotate(secrets, setting="SECURE_MEDIA_SECRET")

    assert message in str(caught.value)
    assert list(ring) == before
    assert ring.rotate([NEW, OLD]) is True


def test_list_of_secrets_that_fails_half_way_changes_nothing() -> None:
    """An error while the secrets are read, from a file that is being replaced, say, leaves the ring as it was."""

    def secrets() -> Iterator[str]:
        yield NEW
        raise OSError("stale file handle")

    ring = KeyRing([OLD])
    before = list(ring)

    with pytest.raises(OSError, match="stale"):
        ring.rotate(secrets())

    assert list(ring) == before


def test_whoever_is_walking_through_the_ring_is_not_disturbed() -> None:
    """A rotation in the middle of a loop over the keys does not end the loop with an error."""
    ring = KeyRing([NEW, OLD])
    before = list(ring)
    walk = iter(ring)
    seen = [next(walk)]

    ring.rotate([OLD])

    assert [*seen, *walk] == before


def test_keys_are_the_same_if_their_secrets_are() -> None:
    """Two keys are one secret only if every byte is the same."""
    key = Key(NEW.encode())

    assert key.is_same(key)
    assert key.is_same(Key(NEW.encode()))
    assert not key.is_same(Key(OLD.encode()))
    assert not key.is_same(Key(NEW.encode() + b"!"))
    assert not key.is_same(Key(NEW.encode()[:-1]))


# --- what is shown of them


@pytest.mark.parametrize(
    "secret", [pytest.param("hunter2-hunter2", id="short"), pytest.param("xyz" * 20, id="repeats")]
)
def test_errors_do_not_contain_the_secret(secret: str) -> None:
    """The refusal of a secret does not write it down."""
    with pytest.raises(ConfigurationError) as caught:
        KeyRing([secret])

    assert secret not in repr(caught.value)
    assert caught.value.__context__ is None


def test_representations_show_names_only() -> None:
    """What a key and a ring look like in a log are their public names."""
    ring = KeyRing([NEW, OLD])
    first, second = ring

    assert repr(first) == f"Key(kid={first.kid!r})"
    assert repr(ring) == f"KeyRing(kids=[{first.kid!r}, {second.kid!r}])"
    assert str(ring) == f"{ring}" == repr(ring)


@pytest.mark.parametrize(
    "leave",
    [
        *(
            pytest.param(lambda thing, protocol=protocol: pickle.dumps(thing, protocol), id=f"pickle-{protocol}")
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deepcopy"),
    ],
)
@pytest.mark.parametrize(
    "thing", [pytest.param(KeyRing([NEW]), id="ring"), pytest.param(KeyRing([NEW]).active, id="key")]
)
def test_keys_cannot_be_written_down(thing: object, leave: Callable[[object], object]) -> None:
    """Pickling or copying a key fails, and the error says nothing of it."""
    with pytest.raises(TypeError, match="pickled") as caught:
        leave(thing)

    assert NEW not in repr(caught.value)


def test_fingerprints_of_parts_do_not_run_together() -> None:
    """The same bytes, divided otherwise, have another fingerprint."""
    parts: list[tuple[bytes, ...]] = [(b"ab", b"c"), (b"a", b"bc"), (b"abc",), (b"abc", b""), (b"", b"abc"), (), (b"",)]

    assert len({hash_parts(*part) for part in parts}) == len(parts)
    assert hash_parts(b"ab", b"c") == hash_parts(b"ab", b"c")
