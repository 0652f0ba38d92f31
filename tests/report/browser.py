"""A real headless Chromium, driven through chromedriver's own HTTP interface (W3C WebDriver)."""

import base64
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    "--disable-dev-shm-usage",  # a container's is small
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # Everything but files is refused: what needs the network fails, and its error is logged.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


class Browser:
    """One window. Scripts are function bodies: `return document.title`."""

    def __init__(self, session: str):
        self._session = session

    def open(self, path: Path, hash: str = "") -> None:
        self._post("url", {"url": path.resolve().as_uri() + hash})

    def back(self) -> None:
        self._post("back", {})

    def key(self, selector: str, keys: str) -> None:
        """Keys typed on an element, which is focused by that."""
        element = self.wait("return document.querySelector(arguments[0])", selector)
        self._post(f"element/{next(iter(element.values()))}/value", {"text": keys})

    def devtools(self, command: str, **parameters: object) -> dict:
        """A command of the DevTools protocol: what WebDriver has no word for."""
        return self._post("goog/cdp/execute", {"cmd": command, "params": parameters})

    def look(self, width: int, height: int = 900, scheme: str = "light", media: str = "") -> None:
        """Show pages in a window of this size, in a colour scheme, as on a screen or on paper."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.devtools("Emulation.setDeviceMetricsOverride", **size)
        scheme_ = [{"name": "prefers-color-scheme", "value": scheme}]
        self.devtools("Emulation.setEmulatedMedia", media=media, features=scheme_)

    def print(self) -> bytes:
        """The page as PDF, on A4."""
        page = {"width": 21.0, "height": 29.7}
        return base64.b64decode(self._post("print", {"page": page, "background": True}))

    def run(self, script: str, *args: object) -> object:
        return self._post("execute/sync", {"script": script, "args": list(args)})

    def wait(self, script: str, *args: object, seconds: float = 30) -> object:
        """The script's first true value; an error when none comes in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := self.run(script, *args):
                return value
            time.sleep(0.1)
        text = str(self.run("return document.body?.innerText"))
        raise AssertionError(f"never true: {script}; the page: {text[:1000]}")

    def click(self, selector: str, containing: str = "") -> None:
        """A real click on the first visible element that matches and contains the text.

        The report's menu slides: what still moves would be missed, and is waited for; what cannot be clicked
        yet, or is drawn anew, is tried again.
        """
        end = time.monotonic() + 20
        while True:
            elements = self.wait(
                "const [css, text] = arguments; return [...document.querySelectorAll(css)]"
                ".find(e => e.offsetParent !== null && e.textContent.includes(text))",
                selector,
                containing,
            )
            try:
                self._still(elements)
                self._post(f"element/{next(iter(elements.values()))}/click", {})
                return
            except AssertionError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    def _still(self, element: object) -> None:
        where = "const r = arguments[0].getBoundingClientRect(); return [r.x, r.y, r.width, r.height]"
        here, end = self.run(where, element), time.monotonic() + 5
        while time.monotonic() < end:
            time.sleep(0.05)
            if here == (here := self.run(where, element)):
                return

    def type(self, selector: str, text: str) -> None:
        elements = self.wait("return document.querySelector(arguments[0])", selector)
        element = next(iter(elements.values()))
        self._post(f"element/{element}/clear", {})
        self._post(f"element/{element}/value", {"text": text})

    @contextmanager
    def frame(self, selector: str) -> Iterator[None]:
        """Inside, everything is about the document of that iframe."""
        elements = self.wait("return document.querySelector(arguments[0])", selector)
        self._post("frame", {"id": elements})
        try:
            yield
        finally:
            self._post("frame", {"id": None})

    def errors(self) -> list[str]:
        """Errors of scripts and of the network since the last call; Snakemake's pages have warnings."""
        entries = self._post("se/log", {"type": "browser"})
        return [e["message"] for e in entries if e["level"] == "SEVERE"]

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(_ask("GET", f"{self._session}/screenshot")))

    def resize(self, width: int, height: int) -> None:
        self._post("window/rect", {"width": width, "height": height})

    def _post(self, what: str, body: dict) -> object:
        return _ask("POST", f"{self._session}/{what}", body)


@contextmanager
def chromium(profile: Path, width: int = 1400, height: int = 900) -> Iterator[Browser]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]  # with --port=0 chromedriver does not say which where there is no IPv6
    driver = subprocess.Popen(
        ["chromedriver", f"--port={port}"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        next(line for line in driver.stdout if "successfully" in line)
        options = {"args": [*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        root = f"http://127.0.0.1:{port}/session"
        session = _ask("POST", root, {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        try:
            yield Browser(f"{root}/{session}")
        finally:
            _ask("DELETE", f"{root}/{session}")
    finally:
        driver.terminate()
        driver.wait()


def _ask(method: str, url: str, body: dict | None = None) -> object:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as e:
        fault = json.load(e)["value"]
        raise AssertionError(f"{fault['error']}: {fault['message'].splitlines()[0]}") from None
