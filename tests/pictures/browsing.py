"""A page in headless Chromium, and everything that it should not do."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page


class Watched:
    """A page, and everything that it should not do."""

    def __init__(self, browser: Browser, path: Path) -> None:
        self.context = browser.new_context(viewport={"width": 1300, "height": 1000})
        self.page: Page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("dialog", lambda dialog: self.wrong.append(f"a dialog: {dialog.message}"))
        self.page.on("request", lambda request: self.asked(request.url))
        self.path = path
        self.page.goto(path.as_uri())

    def asked(self, url: str) -> None:
        if url != self.path.as_uri():
            self.wrong.append(f"asked for {url}")

    def cell(self, row: int, column: int) -> tuple[float, float]:
        """Return where the middle of a cell is on the screen."""
        self.page.locator("#heat").scroll_into_view_if_needed()
        box = self.page.locator("#heat").bounding_box()
        assert box is not None
        left, top, wide, high = (self.page.evaluate(f"layout.{name}") for name in ("left", "top", "wide", "high"))
        return box["x"] + left + (column + 0.5) * wide, box["y"] + top + (row + 0.5) * high

    def text(self, selector: str) -> str:
        """Return a text without the marks that keep labels of other directions to themselves."""
        return str(self.page.locator(selector).text_content()).replace("\u2068", "").replace("\u2069", "")
