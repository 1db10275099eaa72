"""Terms: what a script may ask of a grant, and which terms hold for what is just being shown."""

from __future__ import annotations

import datetime
import threading
from typing import Any

import pytest

from secure_media.errors import GrantError
from secure_media.host.terms import MAX_LIFETIME, PARAMETER, Terms, TermsTable, binding, lifetime, uses

ONE, TWO = Terms(60.0), Terms(60.0, "session", 1)


# --- names


def test_equal_terms_have_one_name() -> None:
    """A name depends on the terms and nothing else, so that every process understands it."""
    assert Terms(60.0, "session", 1).name == TWO.name
    assert ONE.name == "de1f9c41bbda07a2"


def test_different_terms_have_different_names() -> None:
    """Whatever differs, the name does: nobody gets other terms than those their page was shown on."""
    terms = [
        Terms(seconds, bind, most)
        for seconds in (1.0, 1.5, 60.0, float(MAX_LIFETIME))
        for bind in (None, "browser", "session", "subject")
        for most in (None, 1, 2, 10)
    ]

    assert len({each.name for each in terms}) == len(terms)


def test_name_fits_into_a_url() -> None:
    """A name stands in a URL as it is, in a parameter that is not the one for tokens."""
    assert all(each.name.isalnum() and each.name.isascii() and len(each.name) == 16 for each in (ONE, TWO))
    assert PARAMETER == "media_terms"


# --- what holds just now


def test_terms_hold_inside_of_their_block() -> None:
    """Inside of a block its terms hold, inside of another one in it the inner ones, and outside none."""
    table = TermsTable()
    assert table.current() is None

    with table.shown_on(ONE):
        assert table.current() == ONE
        with table.shown_on(TWO):
            assert table.current() == TWO
        assert table.current() == ONE

    assert table.current() is None


def test_error_ends_the_block() -> None:
    """What is shown after an element that failed is not shown on its terms."""
    table = TermsTable()

    with pytest.raises(RuntimeError), table.shown_on(ONE):
        raise RuntimeError

    assert table.current() is None


def test_terms_hold_for_one_script_only() -> None:
    """A script that shows something on terms does not put another one, which runs at the same time, on them."""
    table = TermsTable()
    seen: list[Terms | None] = []

    with table.shown_on(ONE):
        thread = threading.Thread(target=lambda: seen.append(table.current()))
        thread.start()
        thread.join()

    assert seen == [None]


def test_tables_are_apart() -> None:
    """Each deployment has its own table."""
    one, other = TermsTable(), TermsTable()

    with one.shown_on(ONE):
        assert other.current() is None
    assert other.find(ONE.name, "m") is None


def test_terms_are_found_for_what_was_shown_on_them() -> None:
    """A name stands for terms once a script has shown these media on them; for other media it stands for nothing."""
    table = TermsTable()
    assert not table.showing("free")

    with table.shown_on(ONE):
        assert table.find(ONE.name, "m") is None
        assert table.showing("m")
    with table.shown_on(TWO):
        assert table.showing("n")

    assert table.find(ONE.name, "m") == ONE
    assert table.find(TWO.name, "n") == TWO
    assert [table.find(*pair) for pair in ((TWO.name, "m"), (ONE.name, "n"), (ONE.name, "free"), ("", "m"))] == [
        None
    ] * 4


def test_terms_do_not_fill_the_memory() -> None:
    """An app that computes another lifetime each time gets an error that says so, and known terms go on."""
    table = TermsTable()
    for number in range(10_000):
        with table.shown_on(Terms(1.0 + number)):
            pass

    with (
        pytest.raises(GrantError, match=r"expires_in: more than 10000 different lifetimes"),
        table.shown_on(Terms(0.5)),
    ):
        pass

    with table.shown_on(Terms(1.0)):
        assert table.current() == Terms(1.0)
    assert not table.find(Terms(0.5).name, "m")


# --- what a script may ask for


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        pytest.param(1, 1.0, id="shortest"),
        pytest.param(1.5, 1.5, id="fraction"),
        pytest.param(MAX_LIFETIME, float(MAX_LIFETIME), id="longest"),
        pytest.param(datetime.timedelta(hours=1), 3600.0, id="timedelta"),
        pytest.param(datetime.timedelta(days=366), float(MAX_LIFETIME), id="longest-timedelta"),
    ],
)
def test_lifetime_is_seconds_or_a_timedelta(expires_in: Any, seconds: float) -> None:
    """Both ways to write a lifetime come to the same, as a float: equal lifetimes have equal names."""
    assert lifetime(expires_in) == seconds
    assert type(lifetime(expires_in)) is float


@pytest.mark.parametrize(
    "expires_in",
    [
        pytest.param(0, id="zero"),
        pytest.param(0.999, id="less-than-a-second"),
        pytest.param(-1, id="negative"),
        pytest.param(MAX_LIFETIME + 1, id="more-than-a-year"),
        pytest.param(10**400, id="beyond-floats"),
        pytest.param(float("inf"), id="endless"),
        pytest.param(float("nan"), id="nan"),
        pytest.param(True, id="true"),
        pytest.param(None, id="none"),
        pytest.param("60", id="text"),
        pytest.param([60], id="list"),
        pytest.param(datetime.timedelta(0), id="no-time"),
        pytest.param(datetime.timedelta(days=367), id="long-timedelta"),
        pytest.param(datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc), id="moment"),
    ],
)
def test_lifetime_without_an_end_is_refused(expires_in: Any) -> None:
    """There is no link that never ends, nor one that has ended; the error names the argument."""
    for argument in ("expires_in", "url_lifetime"):
        with pytest.raises(GrantError, match=f"{argument}: expected from 1 to"):
            lifetime(expires_in, argument=argument)


@pytest.mark.parametrize("bind", [None, "browser", "session", "subject"])
def test_binding_is_one_of_three_or_left_open(bind: str | None) -> None:
    """A known binding is taken as it is."""
    assert binding(bind) == bind


@pytest.mark.parametrize(
    "bind",
    [
        pytest.param("", id="empty"),
        pytest.param("user", id="unknown"),
        pytest.param("Browser", id="capital"),
        pytest.param(False, id="false"),
        pytest.param(["browser"], id="list"),
    ],
)
def test_unknown_binding_is_refused(bind: Any) -> None:
    """A binding that is misspelt is not none."""
    with pytest.raises(GrantError, match=r"bind: expected one of 'browser', 'session', 'subject'.*share_link"):
        binding(bind)


@pytest.mark.parametrize("most", [None, 1, 2, 1_000_000])
def test_uses_are_a_number_or_left_open(most: int | None) -> None:
    """A possible number of uses is taken as it is."""
    assert uses(most) == most


@pytest.mark.parametrize(
    "most",
    [
        pytest.param(0, id="zero"),
        pytest.param(-1, id="negative"),
        pytest.param(1_000_001, id="many"),
        pytest.param(True, id="true"),
        pytest.param(1.0, id="float"),
        pytest.param("1", id="text"),
    ],
)
def test_other_uses_are_refused(most: Any) -> None:
    """What is no number of uses is not taken for any number."""
    with pytest.raises(GrantError, match="max_uses: expected a whole number from 1 to 1000000"):
        uses(most)
