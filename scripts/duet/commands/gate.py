"""Decide by the exit code whether a change passes, from the verdicts of a campaign.

0 no regression; 1 a regression: a slowdown that is shown and greater than --threshold, whatever the
campaign's margin; 2 not known well enough (only with --max-uncertainty or --strict); 3 calibration failed: A
was found different from A too often, so no verdict can be trusted; 4 data missing or unusable.
"""

import argparse
import json
import math
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pandas as pd

from duet.commands import Log, _page, look
from duet.inference import Decision, Exit, gate_decision
from duet.report import summary
from duet.report.page import Decided
from duet.report.summary.facts import Facts

FAULT = int(Exit.NO_DATA)
EXAMPLE = "./duetbench gate results/quickstart --threshold 3 --markdown comment.md"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, help="results/<name>")
    parser.add_argument(
        "--threshold",
        type=float,
        default=0.0,
        help="in percent; a smaller change is not a regression (default 0)",
    )
    parser.add_argument(
        "--max-uncertainty",
        type=float,
        metavar="PERCENT",
        help="an interval wider than so many points (upper end less lower end) does not pass",
    )
    parser.add_argument("--strict", action="store_true", help="an inconclusive verdict does not pass")
    parser.add_argument("--report", help="address of the report, linked from the Markdown")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the report with the answer on top")
    for name in ("markdown", "json", "junit"):
        parser.add_argument(
            f"--{name}", nargs="?", const="-", metavar="FILE", help="write it to FILE, or print it"
        )


def execute(options: argparse.Namespace, log: Log) -> int:
    outcome = summary.read_outcome(options.results)
    rows, facts, confidence = outcome.rows, outcome.facts, outcome.confidence
    decision = gate_decision(rows, options.threshold, options.strict, confidence, options.max_uncertainty)
    printed = False
    for target, text in (
        (options.markdown, lambda: markdown(decision, rows, facts, confidence, options)),
        (options.json, lambda: as_json(decision, facts, options)),
        (options.junit, lambda: junit(decision, facts, options)),
    ):
        if target == "-":
            print(text(), end="")
            printed = True
        elif target:
            Path(target).write_text(text())
    if options.html:
        decided = Decided(decision.exit == Exit.PASSED, sentence(decision, options))
        _page.write(options.results, options.html, decided=decided)
    if not printed:
        print(summary.terminal(rows, facts, options.report, confidence, **look(sys.stdout)), end="")
        print(f"Gate: {sentence(decision, options)}")
        if proof := decision.power.sentence():
            print(f"Proof: {proof}; a true share of 60% would be seen in {decision.power.seen():.0%}")
    return int(decision.exit)


def sentence(decision: Decision, options: argparse.Namespace) -> str:
    """The answer and its reason in one line."""
    judged, checked = decision.judged, decision.false_positives
    main = judged["metric"].iloc[0] if len(judged) else ""
    names = judged["name"].where(judged["metric"] == main, judged["name"] + " " + judged["metric"])
    named = {k: ", ".join(g) for k, g in names.groupby(judged["outcome"], sort=False)}
    beyond = f" beyond {options.threshold:g} %" if options.threshold else ""
    unknown = [f"inconclusive (--strict): {named.get('inconclusive')}"] * ("inconclusive" in named)
    unknown *= options.strict
    if "uncertain" in named:
        bound = f"interval wider than {options.max_uncertainty:g} points (--max-uncertainty)"
        unknown.insert(0, f"{bound}: {named['uncertain']}")
    passed = f"passed, no regression{beyond} among {len(judged)} {_judged(judged)}"
    answer = {
        Exit.PASSED: passed + _unseen(judged, options),
        Exit.REGRESSION: f"FAILED, regression{beyond}: {named.get('regression', '')}",
        Exit.INCONCLUSIVE: f"FAILED, {'; '.join(unknown)}",
        Exit.UNCALIBRATED: (
            f"REFUSED, {decision.power.sentence()}: regressions would be missed on this machine"
            if decision.power.failed and not checked.failed
            else f"REFUSED, A was found different from A in {checked.different} of {checked.comparisons} "
            f"comparisons (rate {checked.low:.0%} to {checked.high:.0%}, nominal {checked.nominal:.0%}): "
            "no verdict from this machine can be trusted"
        ),
        Exit.NO_DATA: f"NO DATA for {named.get('no data') or 'any benchmark'}",
    }[decision.exit]
    open_ = named.get("inconclusive")
    return answer + (f" (inconclusive: {open_})" if open_ and decision.exit == Exit.PASSED else "")


def _unseen(judged: pd.DataFrame, options: argparse.Namespace) -> str:
    """Which slowdown might have passed unseen, where that is more than the threshold."""
    if "detectable_percent" not in judged.columns:
        return ""
    found_from = pd.to_numeric(judged["detectable_percent"], errors="coerce")
    if not found_from.notna().any() or found_from.max() <= options.threshold:
        return ""
    least = judged["benchmark"][found_from == found_from.max()].iloc[0]
    return f"; one of less than {found_from.max():.1f} % might not have been seen ({least})"


def _judged(judged: pd.DataFrame) -> str:
    return "benchmarks" if judged["metric"].nunique() < 2 else "benchmarks and metrics"


def markdown(
    decision: Decision, rows: pd.DataFrame, facts: Facts, confidence: float, options: argparse.Namespace
) -> str:
    """A pull request's comment: the answer, then the summary."""
    mark = {Exit.PASSED: "✅", Exit.REGRESSION: "❌"}.get(decision.exit, "⚠️")
    escaped = "".join("\\" + c if c in r"\`*_[]<>|~&$@#" else c for c in sentence(decision, options))
    link = f"[Full report](<{options.report}>)\n\n" if options.report else ""
    return f"{mark} **duetbench:** {escaped}\n\n{link}{summary.markdown(rows, facts, confidence)}"


def as_json(decision: Decision, facts: Facts, options: argparse.Namespace) -> str:
    checked = decision.false_positives
    columns = ["suite", "benchmark", "type", "outcome", "verdict", "change_percent", "warnings"]
    columns += ["ci_low_percent", "ci_high_percent", "p_adjusted", "runs", "detectable_percent", "metric"]
    columns += [name for name in ("environment",) if name in decision.judged]
    whole = {
        "campaign": facts.campaign,
        "exit": int(decision.exit),
        "decision": decision.exit.name.lower(),
        "sentence": sentence(decision, options),
        "threshold_percent": options.threshold,
        "strict": options.strict,
        "max_uncertainty_percent": options.max_uncertainty,
        "false_positives": {
            "comparisons": checked.comparisons,
            "different": checked.different,
            "nominal": round(checked.nominal, 9),
            "low": checked.low,
            "high": checked.high,
        },
        "power": {
            "comparisons": decision.power.comparisons,
            "found": decision.power.detected,
            "low": decision.power.low,
            "high": decision.power.high,
        },
        "benchmarks": [{c: plain(r.get(c)) for c in columns} for r in decision.judged.to_dict("records")],
    }
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def plain(value: object) -> object:
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def junit(decision: Decision, facts: Facts, options: argparse.Namespace) -> str:
    """A test case per benchmark: a regression or an interval too wide is a failure, no data an error,
    inconclusive skipped (a failure with --strict); calibration is a test case of its own."""
    root = ET.Element("testsuites", name=f"duetbench {facts.campaign}")
    kinds = {"regression": "failure", "uncertain": "failure", "no data": "error"}
    kinds["inconclusive"] = "failure" if options.strict else "skipped"
    checked = decision.false_positives
    if checked.comparisons:
        case = ET.SubElement(
            _suite(root, "calibration"), "testcase", name="A against A", classname="calibration"
        )
        if checked.failed:
            ET.SubElement(case, "failure", message=sentence(decision, options))
    for suite, part in decision.judged.groupby("suite", sort=False):
        element = _suite(root, printable(suite))
        for r in part.to_dict("records"):
            of = "" if r["metric"] == decision.judged["metric"].iloc[0] else f" {r['metric']}"
            case = _case(element, printable(r["name"] + of), f"{printable(suite)}.{r['type']}")
            if kind := kinds.get(r["outcome"]):
                why = f"change {r['change_percent']:+.2f} %"
                if r["outcome"] != "regression" and r["warnings"]:
                    why = r["warnings"] if r["outcome"] == "no data" else f"{why}; {r['warnings']}"
                ET.SubElement(case, kind, message=printable(f"{r['outcome']}: {why}"))
    for element in root:
        element.set("tests", str(len(element)))
        for kind, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            element.set(name, str(sum(case.find(kind) is not None for case in element)))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(root: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(root, "testsuite", name=name)


def _case(suite: ET.Element, name: str, classname: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", name=name, classname=classname)


def printable(text: object) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(c if c.isprintable() else " " for c in str(text))
