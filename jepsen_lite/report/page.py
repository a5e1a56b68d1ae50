"""The page: what happened in words, then the drawings on one time axis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final, cast

from jepsen_lite.report.axis import Axis
from jepsen_lite.report.bites import bite_words
from jepsen_lite.report.facts import Facts, is_acknowledged_write, outcome
from jepsen_lite.report.lanes import cluster_lanes, process_lanes
from jepsen_lite.report.latency import latency_points, quantiles_ms
from jepsen_lite.report.markup import Child, Element, el, svg, to_text
from jepsen_lite.report.story import violation_story

FILE: Final = "report.html"

_VERDICTS: Final = {
    "true": "No fault was found",
    "false": "A fault was found",
    "unknown": "Unknown",
}

_NOT_LOOKED_AT: Final = (
    "Not looked at: power loss (killed processes keep what the operating system has taken), clocks "
    "that jump, disks that lie or rot, and anything that did not happen in this run. A run without "
    "a fault is evidence, not proof."
)


def write_report(run_folder: Path) -> Path:
    """Draw the run in *run_folder*; returns the file.  Raises ValueError for an unreadable run."""
    page = to_text(_page(Facts.read(run_folder)))
    path = run_folder / FILE
    path.write_text("<!doctype html>\n" + page, encoding="utf-8")
    return path


def _page(facts: Facts) -> Element:
    axis = Axis(0, facts.end_ns)
    style = files("jepsen_lite.report").joinpath("style.css").read_text(encoding="utf-8")
    return el(
        "html",
        el(
            "head",
            el("meta", charset="utf-8"),
            el("meta", name="viewport", content="width=device-width, initial-scale=1"),
            el("link", rel="icon", href="data:,"),
            el("title", f"{facts.name}: {_words(verdict_of(facts.results))}"),
            el("style", style),
        ),
        el(
            "body",
            *_summary(facts),
            *_violations(facts),
            el("h2", "Leaders and terms"),
            el(
                "p",
                "A bar is a leader as the polls saw it, with its term; bands are faults. A line is "
                "a node while it was there, + where it was let in, x where it was taken out.",
            ),
            cluster_lanes(facts, axis),
            el("h2", "Clients"),
            _legend(),
            process_lanes(facts, axis, _clients(facts)),
            el("h2", "Latency"),
            latency_points(facts, axis),
            *_fault_table(facts),
        ),
        lang="en",
    )


def verdict_of(results: Mapping[str, object]) -> str:
    """`true`, `false` or `unknown`, as a result says it of itself."""
    valid = results.get("valid", results.get("verdict", "unknown"))
    return str(valid).lower()


def _words(verdict: str) -> str:
    return _VERDICTS.get(verdict, _VERDICTS["unknown"])


def _summary(facts: Facts) -> Iterator[Element]:
    verdict = verdict_of(facts.results)
    yield el("h1", f"Run {facts.name}")
    yield el("p", _words(verdict), class_=f"verdict is-{verdict}")
    yield el("p", _what_was_done(facts))
    yield el("p", _what_was_broken(facts))
    yield el("p", _who_came_and_went(facts))
    yield _check_table(facts)
    yield el("p", _NOT_LOOKED_AT, class_="faint")


def _what_was_done(facts: Facts) -> str:
    told = Counter(outcome(one) for one in facts.operations)
    processes = len({one.process for one in facts.operations})
    acknowledged = sum(map(is_acknowledged_write, facts.operations))
    took = quantiles_ms([one for one in facts.operations if outcome(one) == "ok"])
    latency = "" if took is None else (
        f" Of those that went well, half took at most {took[0]:.1f} ms, 99 of 100 at most "
        f"{took[1]:.0f} ms, and the slowest {took[2]:.0f} ms."
    )  # fmt: skip
    return (
        f"{len(facts.operations):,} operations by {_clients(facts) or processes} clients on "
        f"{len(facts.nodes)} nodes in {facts.end_ns / 1e9:.0f} s: {told['ok']:,} ok "
        f"({acknowledged:,} of them acknowledged changes), {told['fail']:,} refused, "
        f"{told['info']:,} of unknown outcome.{latency}"
    )


def _what_was_broken(facts: Facts) -> str:
    bit = Counter(one.kind for one in facts.faults if one.did_bite)
    kinds = ", ".join(
        f"{kind} ({count})" if count > 1 else kind for kind, count in sorted(bit.items())
    )
    reigns = facts.reigns()
    terms = "No leader was seen."
    if reigns:
        terms = f"{len(reigns)} reigns were seen, in terms {reigns[0].term} to {reigns[-1].term}."
    return f"{bit.total()} of {len(facts.faults)} faults bit: {kinds or 'none'}. {terms}"


def _who_came_and_went(facts: Facts) -> str:
    stays = facts.stays()
    came = [node for node in facts.nodes if stays[node].joined_ns is not None]
    went = [node for node in facts.nodes if stays[node].left_ns is not None]
    if not (came or went):
        return "The members stayed the same."
    return (
        f"Members that joined: {', '.join(came) or 'none'}; that left: {', '.join(went) or 'none'}."
    )


def _check_table(facts: Facts) -> Element:
    checks = cast("Mapping[str, Mapping[str, object]]", facts.results.get("checks", {}))
    rows = [
        el(
            "tr",
            el("td", el("code", name)),
            el("td", verdict_of(check), class_=f"is-{verdict_of(check)}"),
            el("td", str(check.get("message", ""))),
        )
        for name, check in checks.items()
    ]
    head = el("tr", el("th", "check"), el("th", "verdict"), el("th", "in words"))
    return el("table", el("thead", head), el("tbody", *rows))


def _violations(facts: Facts) -> Iterator[Element]:
    checks = cast("Mapping[str, Mapping[str, object]]", facts.results.get("checks", {}))
    for check in checks.values():
        violation = check.get("violation")
        if isinstance(violation, dict):
            yield violation_story(facts, violation)


def _legend() -> Element:
    marks: list[tuple[Element, str]] = [
        (el("rect", x=0, y=6, width=14, height=3, class_="done read"), "read, ok"),
        (el("rect", x=0, y=4, width=14, height=7, class_="done write"), "change, ok"),
        (el("path", d="M3 3l4 8m0 -8l-4 8", class_="fail"), "refused: no effect"),
        (el("path", d="M5 2l4 5l-4 5l-4 -5z", class_="unknown"), "outcome unknown"),
    ]
    return el(
        "p",
        *(el("span", svg(16, 14, mark, label=told), told, class_="key") for mark, told in marks),
    )


def _fault_table(facts: Facts) -> Iterator[Element]:
    yield el("h2", "Faults")
    rows = [
        el(
            "tr",
            el("td", f"{fault.begin_ns / 1e9:.1f} s"),
            el(
                "td",
                "" if fault.end_ns is None else f"{(fault.end_ns - fault.begin_ns) / 1e9:.1f} s",
            ),
            el("td", fault.kind),
            el("td", ", ".join(fault.target)),
            el("td", bite_words(fault.bit)),
        )
        for fault in facts.faults
    ]
    heads: list[Child] = [el("th", told) for told in ("at", "for", "fault", "of", "how it bit")]
    yield el("table", el("thead", el("tr", *heads)), el("tbody", *rows))


def _clients(facts: Facts) -> int:
    """How many clients there were: a used-up process number plus this is the next one's."""
    clients = facts.config.get("clients", 0)
    return clients if isinstance(clients, int) else 0
