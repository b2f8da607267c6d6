"""A real headless Chromium over the WebDriver protocol, which is JSON over HTTP: no library is needed for it."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]


def missing():
    """Why there is no browser to test with; empty when there is one."""
    gone = [name for name in ("chromium", "chromedriver") if not shutil.which(name)]
    return f"{' and '.join(gone)} not installed (Debian: chromium chromium-driver)" if gone else ""


class Browser:
    """One page at a time. `execute` runs JavaScript in it, `cdp` a command of the DevTools protocol."""

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._driver = subprocess.Popen(
            ["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._base = f"http://127.0.0.1:{port}"
        self._wait()
        options = {"args": FLAGS, "binary": shutil.which("chromium")}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        answer = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._base += f"/session/{answer['sessionId']}"

    def _wait(self):
        end = time.monotonic() + 20
        while not self._ready():
            if time.monotonic() > end:
                raise TimeoutError("chromedriver does not answer")
            time.sleep(0.1)

    def _ready(self):
        try:
            return self._ask("GET", "/status")["ready"]
        except (urllib.error.URLError, ConnectionError):
            return False

    def _ask(self, method, path, body=None):
        data = None if method == "GET" else json.dumps(body or {}).encode()
        request = urllib.request.Request(self._base + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, page):
        for kind in ("browser", "performance"):
            self.log(kind)  # what other pages said is no concern of this one
        self._ask("POST", "/url", {"url": page.as_uri()})

    def execute(self, script):
        return self._ask("POST", "/execute/sync", {"script": script, "args": []})

    def execute_async(self, script):
        """The script ends by calling its last argument with the answer."""
        return self._ask("POST", "/execute/async", {"script": script, "args": []})

    def cdp(self, command, **parameters):
        return self._ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def click(self, css):
        found = self._ask("POST", "/element", {"using": "css selector", "value": css})
        self._ask("POST", f"/element/{next(iter(found.values()))}/click")

    def type(self, css, text):
        found = self._ask("POST", "/element", {"using": "css selector", "value": css})
        self._ask("POST", f"/element/{next(iter(found.values()))}/value", {"text": text})

    def frame(self, css):
        """What follows happens in this frame of the page."""
        found = self._ask("POST", "/element", {"using": "css selector", "value": css})
        self._ask("POST", "/frame", {"id": found})

    def log(self, kind):
        return self._ask("POST", "/se/log", {"type": kind})

    def requests(self):
        """The addresses that the page asked for."""
        messages = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]

    def show(self, *, width=1000, height=900, dark=False):
        """The size of the window in CSS pixels, and which colours the user prefers."""
        self.cdp(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.cdp("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self, path):
        shot = self.cdp("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self):
        self._ask("DELETE", "")
        self._driver.terminate()
        self._driver.wait(10)
