"""A real nginx in front of an app: what every configuration of it has, and its start and stop."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from secure_media.testing import AppError
from tests.servers import eventually

#: What the documentation says of a location in front of an app, but for the scheme.
PASSED_ON = """
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
"""
_CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;

    map $http_upgrade $connection_upgrade {{
        default upgrade;
        "" close;
    }}
{text}
}}
"""


@contextmanager
def nginx(folder: Path, text: str, answers: Callable[[], bool]) -> Iterator[None]:
    """
    Run an nginx in `folder`, from the time that it answers.

    Args:
        folder: Where its files are.
        text: What its ``http`` block has besides: the servers.
        answers: Whether it answers as it should; an `AppError` is a no.
    """
    if shutil.which("nginx") is None:
        pytest.fail("nginx is not installed: apt-get install nginx-light")
    configuration, log = folder / "nginx.conf", folder / "error.log"
    configuration.write_text(_CONFIGURATION.format(folder=folder, text=text), "utf-8")
    process = subprocess.Popen(
        ["nginx", "-p", str(folder), "-e", str(log), "-c", str(configuration)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def ready() -> bool:
        assert process.poll() is None, log.read_text("utf-8", "replace")
        try:
            return answers()
        except AppError:
            return False

    try:
        eventually(ready, "nginx's first answer")
        yield
    finally:
        process.terminate()
        process.wait(30)
