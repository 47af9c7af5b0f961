"""What the shipped profile asks of a Kubernetes cluster: jobs are taken by a stand-in of its API, and none is run."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.bucket import PREFIX, bucket
from tests.e2e.workflow import REPOSITORY, command, environment


class Api(BaseHTTPRequestHandler):
    """Keeps what is created, and says of every job that it failed."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.created.append(body)  # type: ignore[attr-defined]
        self._answer(body)

    def do_GET(self) -> None:
        self._answer({"items": []} if "/pods" in self.path else {"status": {"failed": 1}})

    def do_DELETE(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer({"status": "Success"})

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def _answer(self, content: Any) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())


@pytest.fixture
def api() -> Iterator[ThreadingHTTPServer]:
    if importlib.util.find_spec("snakemake_executor_plugin_kubernetes") is None:
        pytest.skip("KUBERNETES IS NOT TESTED: needs snakemake-executor-plugin-kubernetes")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.created = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()


def write_kubeconfig(path: Path, address: str) -> None:
    path.write_text(yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": address}}], "users": [{"name": "me", "user": {"token": "t"}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
    }))  # fmt: skip


def test_a_video_becomes_a_job_with_the_image_memory_and_credentials(api: Any, tmp_path: Path) -> None:
    write_kubeconfig(tmp_path / "kubeconfig", f"http://127.0.0.1:{api.server_port}")
    for name in ("Snakefile", "pipelines"):
        copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
        copy(REPOSITORY / name, tmp_path / name)
    (tmp_path / "film.mp4").write_text("a film")
    words = command(tmp_path, "--profile", "pipelines/profiles/kubernetes", "--default-storage-prefix", PREFIX,
                    "--container-image", "registry/sfm-gt:1", "--retries", "0",
                    "--seconds-between-status-checks", "1")  # fmt: skip
    words[words.index("--snakefile") + 1] = "Snakefile"
    with bucket(every=1000) as storage:
        storage.put(tmp_path / "film.mp4", "videos/film.mp4")
        told = environment() | storage.environment | {"KUBECONFIG": str(tmp_path / "kubeconfig")}
        said = subprocess.run([word for word in words if word not in ("--cores", "2")], cwd=tmp_path, env=told,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout  # fmt: skip
    jobs = [one for one in api.created if "template" in one.get("spec", {})]
    assert len(jobs) == 1, said[-3000:]
    pod = jobs[0]["spec"]["template"]["spec"]["containers"][0]
    assert pod["image"] == "registry/sfm-gt:1"
    assert pod["resources"]["requests"]["memory"] == "3000M"
    assert pod["resources"]["requests"]["cpu"].endswith("m")
    (order,) = [word for word in pod["args"] if "snakemake" in word]
    for part in (
        "reconstruct:video=film",
        f"--default-storage-prefix {PREFIX}",
        "--shared-fs-usage none",
        "videos=videos",
    ):
        assert part in order.replace("'", ""), order
    secrets = {entry["name"] for entry in pod["env"]}
    assert {"SNAKEMAKE_STORAGE_S3_ACCESS_KEY", "SNAKEMAKE_STORAGE_S3_SECRET_KEY"} <= secrets
