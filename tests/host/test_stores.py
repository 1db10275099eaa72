"""Collections in object stores, over real servers: an S3 server on this machine, and what happens when it is gone."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.test_links import APP, is_refused, share
from tests.servers import SECRET, AppServer, Browser

FILM = hashlib.shake_256(b"a film").digest(3_000_000)
KEY_ID, KEY = "made-up-key-id", "made-up-secret-key"


class Shop:
    """An app with a collection in a store, and the store."""

    def __init__(self, folder: Path) -> None:
        moto = pytest.importorskip("moto.server")
        s3fs = pytest.importorskip("s3fs")
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.store = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        self.store.start()
        host, port = self.store.get_host_and_port()
        url = f"http://{host}:{port}"
        fs = s3fs.S3FileSystem(endpoint_url=url, key=KEY_ID, secret=KEY, skip_instance_cache=True)
        bucket = f"bucket-{secrets.token_hex(8)}"
        fs.mkdir(bucket)
        fs.pipe_file(f"{bucket}/shelf/film.mp4", FILM)
        fs.pipe_file(f"{bucket}/outside.txt", b"outside of the root")
        client = "{'retries': {'total_max_attempts': 1, 'mode': 'standard'}, 'connect_timeout': 30}"
        head = (
            "import fsspec\n"
            f"fsspec.config.conf['s3'] = dict(endpoint_url={url!r}, key={KEY_ID!r}, secret={KEY!r}, "
            f"config_kwargs={client})\n"
            "from secure_media import secure_run\n"
            f"secure_run(__file__, secret={SECRET!r}, collections={{'films': 's3://{bucket}/shelf'}})\n"
        )
        self.server = AppServer(head + APP, guarded=False, folder=folder)
        self.secrets = (KEY_ID, KEY, bucket, url)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Serve the app and the store."""
    shop = Shop(tmp_path)
    with shop.server:
        yield shop
        shop.store.stop()


def test_file_of_a_store_is_served_like_one_on_the_disk(shop: Shop) -> None:
    """A link to an object delivers it, whole and in ranges, and nothing outside of the root."""
    author = Browser(shop.server).visit()
    link = share(author, "films/film.mp4")
    someone = Browser(shop.server)

    whole = someone.get(link)
    same = whole.body == FILM
    assert (whole.status, same, whole.headers["content-type"]) == (200, True, "video/mp4")
    part = someone.get(link, {"Range": "bytes=2999990-"})
    assert (part.status, part.body) == (206, FILM[-10:])
    assert someone.get(link, {"If-None-Match": whole.headers["etag"]}).status == 304

    assert is_refused(someone.get(link.partition("?")[0]))
    folder = share(author, "films/")
    assert someone.get(f"{folder}film.mp4").status == 200
    assert is_refused(someone.get(f"{folder}../outside.txt"))
    assert is_refused(someone.get(f"{folder}%2e%2e/outside.txt"))
    assert someone.get(f"{folder}absent.mp4").status == 404


def test_store_that_is_down_is_said_so_and_not_named(shop: Shop) -> None:
    """While the store cannot be reached, a link is answered with 503 and when to try again; the guard goes on."""
    link = share(Browser(shop.server).visit(), "films/film.mp4")
    someone = Browser(shop.server)
    assert someone.get(link).status == 200

    shop.store.stop()
    answer = someone.get(link)

    assert (answer.status, answer.headers["retry-after"]) == (503, "30")
    assert answer.headers["cache-control"] == "private, no-store"
    assert is_refused(someone.get(link.partition("?")[0]))
    said = answer.body.decode() + str(answer.headers) + shop.server.log
    assert "store.unavailable" in shop.server.log
    assert [secret for secret in shop.secrets if secret in said] == []
