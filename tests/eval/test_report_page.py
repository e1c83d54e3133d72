"""The report's page in a real browser: it opens, sorts, filters and unfolds, runs nothing hostile and asks for nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from runs import attempt, run_of
from test_report import HOSTILE, report_of

from stepprove.eval.records.record import Run
from stepprove.eval.report.page import page as page_of
from stepprove.visible import visible

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed to drive a browser"
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed to open the page in")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that tells of every request, script error and dialogue in `page.troubles`."""
    page = browser.new_page(viewport={"width": 1240, "height": 900})
    page.set_default_timeout(10_000)
    troubles: list[str] = []
    page.on(
        "request",
        lambda request: troubles.append(request.url) if not request.is_navigation_request() else None,
    )
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text))
    page.on("dialog", lambda dialog: (troubles.append(dialog.message), dialog.dismiss()))
    yield page
    page.close()
    assert not troubles


@pytest.fixture
def example() -> Run:
    marks = {"zeta": "PFTP", "alpha": "FFTR", "mid_2": "PPPP", "mid_10": "DDFF"}
    costs = {"zeta": [5, 9, 9, 3], "alpha": [9, 9, 9, 9], "mid_2": [1, 1, 2, 1], "mid_10": [2, 2, 2, 2]}
    attempts = [
        attempt(
            name,
            epoch,
            letter,
            reason=f"end {epoch}",
            interactions=cost,
            tokens=100 * cost,
            seconds=cost,
            candidate=f"theorem {name} : 1 = 1 := by\n  omega -- {name}_{epoch}",
            errors=["unsolved goals"] if letter == "F" else [],
            trace=f"Try.\n<sketch>\nby simp [only_{name}]\n</sketch>\n[Lean] {{}}\nSo:\n```lean4\nby rfl\n```",
        )
        for name, letters in marks.items()
        for epoch, (letter, cost) in enumerate(zip(letters, costs[name], strict=True), 1)
    ]
    return run_of(marks, attempts=attempts, broken={"mid_10": "false for n = 1"}, model="prover")


def open_page(page: Page, tmp_path: Path, run: Run, anchor: str = "") -> None:
    file = tmp_path / "report.html"
    file.write_text(page_of(report_of(run)), encoding="utf-8")
    page.goto(file.as_uri() + anchor)


def names(page: Page) -> list[str]:
    return [name.inner_text() for name in page.locator("#list td.name button").all() if name.is_visible()]


def test_the_page_is_drawn(page: Page, tmp_path: Path, example: Run) -> None:
    open_page(page, tmp_path, example)
    assert page.locator("svg.plot").count() == 4
    assert page.locator(".card.main").inner_text().startswith("37.5 %")
    assert page.locator("#shown").inner_text() == "4 problems"
    picture = page.screenshot(full_page=True, path=tmp_path / "report.png")
    assert len(picture) > 30_000
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_headings_sort(page: Page, tmp_path: Path, example: Run) -> None:
    open_page(page, tmp_path, example)
    page.get_by_role("button", name="problem", exact=True).click()
    assert names(page) == ["alpha", "mid_2", "mid_10", "zeta"]
    page.get_by_role("button", name="problem", exact=True).click()
    assert names(page) == ["zeta", "mid_10", "mid_2", "alpha"]
    cost = page.get_by_role("button", name="interactions to a proof")
    cost.click()
    assert names(page)[:2] == ["mid_2", "zeta"]
    cost.click()
    assert names(page)[:2] == ["zeta", "mid_2"], "what has no proof stands last whichever way"
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("interactions")


def test_filters_keep_what_fits(page: Page, tmp_path: Path, example: Run) -> None:
    open_page(page, tmp_path, example)
    for outcome, left in (("timeout", ["zeta", "alpha"]), ("unsolved", ["alpha", "mid_10"]), ("missing", [])):
        page.select_option("#outcome", outcome)
        assert names(page) == left
    assert page.locator("#shown").inner_text() == "0 of 4 problems"
    page.get_by_role("button", name="Show all").click()
    page.select_option("#broken", "sound")
    assert names(page) == ["zeta", "alpha", "mid_2"]


def test_text_is_found_wherever_it_stands(page: Page, tmp_path: Path, example: Run) -> None:
    open_page(page, tmp_path, example)
    found = {"MID": 2, "only_zeta": 1, "omega -- alpha_3": 1, "<sketch>": 4, ".*": 0, "false for": 1}
    for words, left in found.items():
        page.fill("#text", words)
        playwright.expect(page.locator("#list tbody tr:not([hidden])")).to_have_count(left)


def test_the_numbers_are_links_to_their_problems(page: Page, tmp_path: Path, example: Run) -> None:
    open_page(page, tmp_path, example)
    page.locator("a.card", has_text="solved").click()
    assert names(page) == ["zeta", "mid_2"]
    page.locator(".legend a", has_text="disproved").click()
    assert names(page) == ["mid_10"] and page.url.endswith("#problems")


def test_a_problem_unfolds_to_its_attempts(page: Page, tmp_path: Path, example: Run) -> None:
    open_page(page, tmp_path, example)
    page.get_by_role("button", name="zeta").click()
    more = page.locator("#m1")
    assert more.locator("details").first.evaluate("box => box.open"), "the first proof is unfolded"
    assert "omega -- zeta_1" in more.inner_text() and "zeta_2" not in more.inner_text()
    more.locator("summary", has_text="attempt 2").click()
    playwright.expect(more).to_contain_text("omega -- zeta_2")
    assert "unsolved goals" in more.inner_text()
    more.locator("summary", has_text="What happened").first.click()
    playwright.expect(more.get_by_text("by simp [only_zeta]")).to_be_visible()
    assert more.locator("details details pre").all_inner_texts() == [
        "Try.",
        "by simp [only_zeta]",
        "{}",
        "So:",
        "by rfl",
    ]
    page.get_by_role("button", name="zeta").click()
    assert not more.is_visible()


def test_a_link_opens_its_problem(page: Page, tmp_path: Path, example: Run) -> None:
    open_page(page, tmp_path, example, "#p4")
    assert "false for n = 1" in page.locator("#m4").inner_text()
    page.locator("#p2 td a").click()
    playwright.expect(page.locator("#m2")).to_be_visible()


def test_an_open_problem_moves_and_hides_with_its_row(page: Page, tmp_path: Path, example: Run) -> None:
    open_page(page, tmp_path, example, "#p1")
    page.get_by_role("button", name="problem", exact=True).click()
    assert page.evaluate("document.querySelector('#p1').nextElementSibling.id") == "m1"
    page.fill("#text", "alpha")
    playwright.expect(page.locator("#m1")).to_be_hidden()


def test_the_page_is_dark_or_light(page: Page, tmp_path: Path, example: Run) -> None:
    open_page(page, tmp_path, example)

    def ground() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    light = ground()
    page.get_by_role("button", name="Dark").click()
    dark = ground()
    assert dark != light
    page.emulate_media(media="print")
    assert ground() == "rgb(255, 255, 255)" and not page.locator(".tools").is_visible()


ATTACKS = (
    HOSTILE,
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "\\u003c/script\\u003e\\u003cscript\\u003ealert(1)",
    "</title></style></textarea></table><script>alert(1)</script>",
    "<svg onload=alert(1)><math><mtext></table><img src=x onerror=alert(1)>",
    '" autofocus onfocus=alert(1) x="',
    "' autofocus onfocus=alert(1) x='",
    "<base href=//evil.example><meta http-equiv=refresh content='0;url=http://evil.example'>",
    "<link rel=stylesheet href=http://evil.example/x.css><iframe srcdoc='<script>alert(1)</script>'>",
    "&#60;img src=x onerror=alert(1)&#62;",
    '"}]}</script>',
    "__proto__",
    "\ud83d\udfff\ufeff\u2028alert(1)\u2029",
    '"\\' * 20_000,  # a string without an end, which must not be read again from each of its quotes
    "/-<sketch>```[Lean] " * 2_000,
)


def test_nothing_hostile_runs(page: Page, tmp_path: Path) -> None:
    attempts = [
        attempt(text, 1, "F", reason=text, candidate=text, errors=[text], trace=text) for text in ATTACKS
    ]
    open_page(
        page, tmp_path, run_of(dict.fromkeys(ATTACKS, "F"), attempts=attempts, broken={t: t for t in ATTACKS})
    )
    for number, text in enumerate(ATTACKS, 1):
        page.locator(f"#p{number} td.name button").click()
        more = page.locator(f"#m{number}")
        more.locator("summary", has_text="What happened").click()
        playwright.expect(more.locator("details details .in")).to_have_count(1)
        assert visible(text)[:40].strip() in more.locator("pre.error").inner_text()
    assert page.locator("img, iframe, base, link, form, math, svg:not(.plot, .share)").count() == 0
    assert page.locator("script").count() == len(ATTACKS) + 1 and page.locator("meta").count() == 3


def test_the_table_stands_without_scripts(browser: Browser, tmp_path: Path, example: Run) -> None:
    quiet = browser.new_page(java_script_enabled=False)
    open_page(quiet, tmp_path, example)
    assert (
        quiet.locator("#list tbody tr").count() == 4
        and "Without scripts" in quiet.locator("main").inner_text()
    )
    quiet.close()
