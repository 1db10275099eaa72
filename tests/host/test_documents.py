"""What the README and the documentation tell people to do works as it stands, in an empty folder."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.reading import LANGUAGES, PAGES, Block, Reader, blocks
from tests.servers import ROOT, STARLETTE

#: Pages that have something to do; on the older server, only those that have something for it alone.
TO_READ = [
    page
    for page in PAGES
    if any(STARLETTE or "tornado" in block.text for block in blocks(page) if block.language != "text")
]
#: More than there are cores would only wait for each other.
READERS = 3


@pytest.fixture(scope="module")
def readings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Path, Future[None]]]:
    """Read the pages that are asked for, a few at a time: what a reader mostly does is wait for a server."""
    calls = [getattr(item, "callspec", None) for item in request.session.items]
    pages = [call.params["page"] for call in calls if call and isinstance(call.params.get("page"), Path)]
    with ThreadPoolExecutor(READERS) as pool:
        yield {page: pool.submit(Reader(page, tmp_path_factory.mktemp(page.stem)).read) for page in pages}


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in TO_READ])
def test_page_can_be_followed(readings: dict[Path, Future[None]], page: Path) -> None:
    """Every file of a page can be made, every command runs, and every app shows its media to its browser alone."""
    readings[page].result()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("# app.py\nimport nothing_of_that_name\n", "exit code 1", id="fails"),
        pytest.param("import streamlit\n", "a file without a name", id="no-name"),
        pytest.param(
            '# app.py\nfrom secure_media import secure_run\nsecure_run(__file__)\nraise OSError("so and so")\n',
            "so and so",
            id="app",
        ),
    ],
)
def test_block_that_does_not_work_is_found(tmp_path: Path, text: str, fault: str) -> None:
    """A block that fails, and an app whose page shows an error, do not pass."""
    page = ROOT / "README.md"
    reader = Reader(page, tmp_path)

    with pytest.raises(AssertionError, match=fault):
        reader.follow([Block(1, "python", text)])


def test_every_block_says_what_it_is() -> None:
    """No block is left out because nobody knows its language."""
    assert {block.language for page in PAGES for block in blocks(page)} <= set(LANGUAGES)
