"""What the app promises, tried on the app as it is deployed."""

from __future__ import annotations

from secure_media.testing import Browser, ExpectForbidden


def test_invoice_is_for_the_browser_that_was_shown_it(
    first_browser: Browser, attacker: Browser, expect_forbidden: ExpectForbidden
) -> None:
    """Ann has her invoice. A stranger who has the URL is refused, and learns nothing."""
    with first_browser.open(query="customer=ann") as tab:
        (url,) = tab.urls()

        assert first_browser.get(url).body == b"Invoice of ann: one coffee, 3.50"
        expect_forbidden(attacker.get(url), "ann", "3.50")


def test_customers_do_not_see_each_other(
    first_browser: Browser, second_browser: Browser, expect_forbidden: ExpectForbidden
) -> None:
    """Two browsers that have the app open have an invoice each, and not the other one's."""
    with first_browser.open(query="customer=ann") as anns, second_browser.open(query="customer=bob") as bobs:
        assert b"bob" in second_browser.get(bobs.urls()[0]).body
        expect_forbidden(first_browser.get(bobs.urls()[0]), "bob")
        expect_forbidden(second_browser.get(anns.urls()[0]), "ann")


def test_shared_report_can_be_withdrawn(
    first_browser: Browser, attacker: Browser, expect_forbidden: ExpectForbidden
) -> None:
    """A link is for anyone who has it, until it is withdrawn."""
    with first_browser.open() as tab:
        tab.click("Share the report")
        link = tab.texts()[-1]
        assert attacker.get(link).body == b"Third quarter: 42 coffees.\n"

        tab.click("Withdraw it")
        assert tab.texts()[-1] == "Nothing is shared."
        expect_forbidden(attacker.get(link), b"42 coffees")
