"""Whether what images are made from can be had: registry and packages, at the addresses configured here."""

import contextlib
import http.client
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from duet.images import base

TIMEOUT_S = 3.0


def fault(url: str, timeout_s: float = TIMEOUT_S) -> str:
    """Why a server does not answer, or nothing: any answer counts, also that something is not there."""
    answer: list[str] = []
    # Of its own, since looking a name up knows no timeout.
    thread = threading.Thread(target=lambda: answer.append(_fault(url, timeout_s)), daemon=True)
    thread.start()
    thread.join(2 * timeout_s)
    return answer[0] if answer else f"no answer within {2 * timeout_s:g} s"


def _fault(url: str, timeout_s: float) -> str:
    try:
        request = urllib.request.Request(url, method="HEAD", headers={"User-Agent": "duetbench"})
        with urllib.request.urlopen(request, timeout=timeout_s):
            return ""
    except urllib.error.HTTPError:
        return ""
    except urllib.error.URLError as error:
        return str(error.reason)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__


def shown(url: str) -> str:
    """The address for people: without the password that it may have."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def registry(image: str, default: str) -> str:
    """Address of the registry that an image's name means; `default` is the engine's own."""
    host, slash, _ = image.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        return f"https://{host}/v2/"
    return default


def packages() -> dict[str, str]:
    """What installs packages here -> the address that it is configured with; apt and pip, where they are."""
    indexes = {"apt": _apt(), "pip": _pip()}
    return {name: url for name, url in indexes.items() if url and urlsplit(url).scheme in ("http", "https")}


def _apt() -> str:
    release = base.codename()
    entries = base.own(base.apt_entries(), release) if release else []
    return next((uri for entry in entries for uri in entry.uris), "")


def _pip() -> str:
    if url := os.environ.get("PIP_INDEX_URL"):
        return url
    command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        if done.returncode == 0 and done.stdout.strip():
            return done.stdout.strip()
    with contextlib.suppress(ImportError, AttributeError):
        from pip._internal.models.index import PyPI

        return str(PyPI.simple_url)
    return ""
