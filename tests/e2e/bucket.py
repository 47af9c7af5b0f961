"""A bucket of an S3 server in this process, which fails every so many requests, as a busy one does."""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NEEDED = ("moto", "flask", "boto3", "snakemake_storage_plugin_s3")
NAME, PREFIX = "corpus", "s3://corpus/project"


class Flaky:
    """An application that refuses one request in ``every``."""

    def __init__(self, application: Callable[..., Iterable[bytes]], every: int):
        self._application, self._every = application, every
        self._lock = threading.Lock()
        self.n_requests = self.n_refused = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self._lock:
            self.n_requests += 1
            refused = self.n_requests % self._every == 0
            self.n_refused += refused
        if not refused:
            return self._application(environ, start_response)
        # What is sent belongs to this request and not to the connection's next.
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response("503 Slow Down", [("Content-Length", "0")])
        return [b""]


class Bucket:
    """Its content by key below the prefix."""

    def __init__(self, endpoint: str, server: Flaky):
        import boto3

        self.server = server
        self.environment = {"SNAKEMAKE_STORAGE_S3_ENDPOINT_URL": endpoint, "SNAKEMAKE_STORAGE_S3_ACCESS_KEY": "who",
                            "SNAKEMAKE_STORAGE_S3_SECRET_KEY": "secret"}  # fmt: skip
        connection = boto3.resource("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="who",
                                    aws_secret_access_key="secret")  # fmt: skip
        self._bucket = connection.create_bucket(Bucket=NAME)

    def put(self, path: Path, key: str) -> None:
        """A file as an object."""
        self._bucket.upload_file(str(path), f"project/{key}")

    def text(self, key: str) -> str:
        """Content of an object."""
        return self._bucket.Object(f"project/{key}").get()["Body"].read().decode()

    def digest(self, key: str) -> dict[str, str]:
        """SHA-256 of every object below ``key`` by the rest of its key."""
        return {found.key.removeprefix(f"project/{key}/"): hashlib.sha256(found.get()["Body"].read()).hexdigest()
                for found in self._bucket.objects.filter(Prefix=f"project/{key}/")}  # fmt: skip


@contextmanager
def bucket(every: int) -> Iterator[Bucket]:
    """A server on the loopback for as long as the context is open; skips where its packages are not installed."""
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        pytest.skip(
            f"OBJECT STORAGE IS NOT TESTED: needs {', '.join(missing)} (moto[server], snakemake-storage-plugin-s3)"
        )
    from moto.s3.models import s3_backends
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    # Buckets belong to the process and would outlast the server.
    s3_backends.reset()
    flaky = Flaky(DomainDispatcherApplication(create_backend_app), every)
    server = make_server("127.0.0.1", 0, flaky, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Bucket(f"http://127.0.0.1:{server.server_port}", flaky)
    finally:
        server.shutdown()
        thread.join()
