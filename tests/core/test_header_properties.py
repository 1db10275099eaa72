"""What holds of every header in which a proxy says who is asking."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from secure_media import trusted_header
from secure_media.core.model import Allow, Credentials, Deny
from secure_media.errors import DenialReason
from tests.core.asking import ask, context_of
from tests.properties import ANY_TEXT, HEADER_VALUE

POLICY = trusted_header("X-User", groups="X-Groups", claims={"email": "X-Email"})

_NAMES = st.sampled_from(["x-user", "x_user", "x.user", "X-User", "x-groups", "x_groups", "x-email", "x-users", "x"])
_ODD = st.sampled_from(["anna", "an\x00na", "an\xc2\x85na", "anna, bert", " "])
_VALUES = _ODD | HEADER_VALUE | st.text(max_size=20).map(lambda text: text.encode("utf-8").decode("latin-1")) | ANY_TEXT
_HEADERS = st.lists(st.tuples(_NAMES, _VALUES), max_size=5) | st.tuples(st.tuples(st.just("x-user"), _VALUES)).map(list)


@given(_HEADERS)
def test_nobody_but_a_proxy_says_who_is_asking(headers: list[tuple[str, str]]) -> None:
    """Whatever a client sends itself lets nobody in."""
    decision = ask(POLICY, context_of(credentials=Credentials(headers=tuple(headers))))

    assert isinstance(decision, Deny)
    assert decision.reason in {DenialReason.NOT_FROM_PROXY, DenialReason.NO_CREDENTIAL}


@given(_HEADERS)
def test_proxy_names_one_person_or_nobody(headers: list[tuple[str, str]]) -> None:
    """Who is let in is who the one header names, in characters that can be shown; any doubt is a denial."""
    decision = ask(POLICY, context_of(credentials=Credentials(headers=tuple(headers)), from_proxy=True))
    alike = [(name, value) for name, value in headers if name in {"x-user", "x_user", "x.user", "X-User"}]

    if isinstance(decision, Allow):
        [(name, value)] = alike
        assert name == "x-user"
        assert decision.subject == value.encode("latin-1").decode("utf-8").strip()
        assert decision.subject
        assert decision.subject.isprintable()
        assert "," not in decision.subject
        groups = decision.claims["groups"]
        assert all(group and group.isprintable() and group == group.strip() for group in groups)
        assert sum(name in {"x-groups", "x_groups"} for name, _ in headers) <= 1


@given(st.text(min_size=1, max_size=30), st.lists(st.text(min_size=1, max_size=10), max_size=4))
def test_honest_proxy_is_believed(name: str, groups: list[str]) -> None:
    """A person and their groups are read as the proxy has written them, in UTF-8."""
    name, *groups = ("".join(c for c in text if c.isprintable() and c not in ", ") or "x" for text in (name, *groups))
    sent = (("x-user", name), ("x-groups", ", ".join(groups)))
    headers = tuple((header, value.encode("utf-8").decode("latin-1")) for header, value in sent)
    decision = ask(POLICY, context_of(credentials=Credentials(headers=headers), from_proxy=True))

    assert isinstance(decision, Allow)
    assert decision.subject == name
    assert decision.claims["groups"] == groups
