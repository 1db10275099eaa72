"""Who else serves files to those who may have them, and with which credential."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.apps import spoilt
from benchmarks.contestants import START, Program
from benchmarks.install import environment
from benchmarks.load import Question
from benchmarks.rows import Row


class Gradio(Program):
    """Gradio's route for files, with its own login."""

    def __init__(self, files: Path, folder: Path) -> None:
        script = folder / "gradio_app.py"
        script.write_text(_GRADIO, "utf-8")
        command = [environment("gradio"), str(script), str(files)]
        super().__init__("gradio", lambda port: [*command, str(port)], folder)
        self._files = files
        self._cookie = ""

    def question(self, row: Row) -> Question | None:
        """Return the address of a file by its path."""
        self._cookie = self._cookie or _gradio_cookie(self.port)
        target = f"/gradio_api/file={self._files / row.file}"
        refused = Question(self.pid, self.port, target, status=401)
        return self.ask(row, target, {"Cookie": self._cookie}, wrong=refused)


class Jupyter(Program):
    """Jupyter Server's route for files, with its token."""

    def __init__(self, files: Path, folder: Path) -> None:
        python = environment("jupyter")
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.root_dir": str(files),
            "ServerApp.open_browser": "False",
            "ServerApp.allow_root": "True",
            "ServerApp.port_retries": "0",
            "IdentityProvider.token": "benchmark-token",
            "ServerApp.log_level": "ERROR",
        }
        flags = [f"--{name}={value}" for name, value in options.items()]
        command = [python, "-m", "jupyter_server", *flags]
        super().__init__("jupyter", lambda port: [*command, f"--ServerApp.port={port}"], folder)

    def question(self, row: Row) -> Question | None:
        """Return the address of a file by its name."""
        if row.part is not None:
            return None  # it knows no ranges
        target = f"/files/{row.file}"
        # To where one signs in.
        refused = Question(self.pid, self.port, target, {"Authorization": "token benchmark-wrong"}, 302)
        return self.ask(row, target, {"Authorization": "token benchmark-token"}, wrong=refused)


class Nginx(Program):
    """nginx with `secure_link`: the limit, as the kernel sends the bytes."""

    def __init__(self, files: Path, folder: Path) -> None:
        def command(port: int) -> list[str]:
            (folder / "nginx.conf").write_text(_NGINX % {"port": port, "files": files, "folder": folder}, "utf-8")
            return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]

        super().__init__("nginx", command, folder)

    def question(self, row: Row) -> Question | None:
        """Return the address of a file, signed for a day."""
        path, expires = f"/files/{row.file}", int(time.time()) + 86_400
        digest = hashlib.md5(f"{expires}{path} benchmark".encode(), usedforsecurity=False).digest()
        signature = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        refused = Question(self.pid, self.port, f"{path}?md5={spoilt(signature)}&expires={expires}", status=403)
        return self.ask(row, f"{path}?md5={signature}&expires={expires}", {}, wrong=refused)


#: All of them, by name: what starts them, with these files, in a folder.
PEERS: dict[str, Callable[[Path, Path], Program]] = {"gradio": Gradio, "jupyter": Jupyter, "nginx": Nginx}


def _gradio_cookie(port: int) -> str:
    """Sign in, and return the cookie."""
    body = urlencode({"username": "ann", "password": "benchmark"}).encode()
    connection = HTTPConnection("127.0.0.1", port, timeout=START)
    deadline = time.monotonic() + START
    while True:
        connection.request("POST", "/login", body, {"Content-Type": "application/x-www-form-urlencoded"})
        response = connection.getresponse()
        response.read()
        cookies = [value.partition(";")[0] for value in response.headers.get_all("Set-Cookie") or ()]
        if cookies or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    connection.close()
    assert cookies, response.status
    return "; ".join(cookies)


_GRADIO = """
import sys
import gradio as gr

with gr.Blocks() as app:
    gr.Markdown("files")
files, port = sys.argv[1], int(sys.argv[2])
app.launch(auth=("ann", "benchmark"), allowed_paths=[files], server_name="127.0.0.1", server_port=port)
"""
_NGINX = """
daemon off;
user root;
worker_processes 1;
pid %(folder)s/nginx.pid;
error_log %(folder)s/nginx-errors.log;
events { worker_connections 1024; }
http {
    access_log off;
    sendfile on;
    keepalive_requests 1000000000;
    types { image/png png; video/mp4 mp4; }
    client_body_temp_path %(folder)s/body;
    proxy_temp_path %(folder)s/proxy;
    fastcgi_temp_path %(folder)s/fastcgi;
    uwsgi_temp_path %(folder)s/uwsgi;
    scgi_temp_path %(folder)s/scgi;
    server {
        listen 127.0.0.1:%(port)s;
        location /files/ {
            alias %(files)s/;
            secure_link $arg_md5,$arg_expires;
            secure_link_md5 "$secure_link_expires$uri benchmark";
            if ($secure_link = "") { return 403; }
            if ($secure_link = "0") { return 410; }
        }
    }
}
"""
