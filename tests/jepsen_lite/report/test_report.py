"""A report tells what happened, whatever the run put into it, and needs nobody else to do so."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from jepsen_lite.report import write_report
from tests.jepsen_lite.report.runs import make_run, stale_read


@pytest.fixture
def true_page(tmp_path: Path) -> str:
    """The report of a run without a violation."""
    return write_report(make_run(tmp_path / "run", stale_read(seen="new"))).read_text()


@pytest.fixture
def false_page(tmp_path: Path) -> str:
    """The report of a run with a stale read."""
    return write_report(make_run(tmp_path / "false-run", stale_read(seen="old"))).read_text()


def test_the_first_screen_tells_the_run_in_words(true_page: str) -> None:
    assert "No fault was found" in true_page
    assert "5 operations by 3 clients on 2 nodes in 7 s: 3 ok" in true_page
    assert "1 of 2 faults bit: isolate-leader. 2 reigns were seen, in terms 2 to 3." in true_page
    assert "Not looked at: power loss" in true_page


def test_the_table_of_faults_says_how_each_bit(true_page: str) -> None:
    assert "99 bytes were held; n2 led in term 3, after 2, 436 ms later" in true_page
    assert "<td>it did not</td>" in true_page


def test_a_violation_is_told_as_a_story_with_its_window(true_page: str, false_page: str) -> None:
    assert "A fault was found" in false_page
    sentence = re.search(r'class="sentence">(.*?)</p>', false_page)
    assert sentence is not None
    assert 'read "old" from n1 in term 2' in sentence.group(1)
    assert "acknowledged" in sentence.group(1)
    assert "Faults that were on: isolate-leader of n1" in false_page
    assert "What is wrong" not in true_page


def test_a_refused_write_that_was_seen_stands_beside_the_read_in_the_story(tmp_path: Path) -> None:
    page = write_report(make_run(tmp_path / "run", stale_read(seen="refused"))).read_text()

    story = page[page.index("What is wrong") : page.index("Leaders and terms")]
    assert 'was refused by n1 ("no-leader")' in story
    assert story.count('class="told"') == 2
    bars = re.findall(r'<rect[^>]*height="8"[^>]*class="([^"]*)"', story)
    assert bars == ["fail", "done read"]


def test_refusals_and_unknown_outcomes_tell_about_themselves(true_page: str) -> None:
    assert "p0 write &quot;refused&quot; of k1: fail, 100.0 ms (no-leader)" in true_page or (
        'p0 write "refused" of k1: fail, 100.0 ms (no-leader)' in true_page
    )
    assert "p1 delete of k1: info, 800.0 ms" in true_page


def test_what_a_run_says_never_becomes_markup(true_page: str) -> None:
    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.seen: set[str] = set()

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.seen.add(tag)

    tags = Tags()
    tags.feed(true_page)

    assert "script" not in tags.seen
    assert "&lt;script&gt;" in true_page


def test_the_page_asks_nobody_for_anything(true_page: str) -> None:
    assert not re.search(r"""(src|href)=["'](?!data:)""", true_page)
    assert "url(" not in true_page
    assert "@import" not in true_page


def test_a_run_that_left_nothing_is_still_reported(tmp_path: Path) -> None:
    page = write_report(make_run(tmp_path / "run", [])).read_text()

    assert "0 operations" in page


@pytest.mark.parametrize("seen", ["new", "old"])
def test_a_browser_opens_it_without_an_error_or_a_request(tmp_path: Path, seen: str) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        if os.environ.get("HUFFLERAFT_CI"):
            pytest.fail("chromium is missing; continuous integration installs it")
        pytest.skip("no chromium here, so no browser has looked at the report")
    page = write_report(make_run(tmp_path / "run", stale_read(seen=seen)))
    net_log = tmp_path / "net.json"
    command = [
        *(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        *("--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}"),
        *(f"--log-net-log={net_log}", "--host-resolver-rules=MAP * ~NOTFOUND"),
        *(f"--screenshot={tmp_path / 'page.png'}", "--window-size=1280,1600", page.as_uri()),
    ]

    run = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)

    assert (tmp_path / "page.png").stat().st_size > 10_000, run.stderr
    assert "CONSOLE" not in run.stderr, run.stderr
    # A page's own requests are URL requests with an initiator; the browser's own have none.
    asked = re.findall(r'"initiator":"[^"]*","[^{}]*"url":"(https?://[^"]*)"', net_log.read_text())
    assert not asked
