"""Write the page of a campaign, one HTML file with its figures: results/<name>/report.html.

Without --html it is written there; `--tables` is the same without figures, as Snakemake's report has it.
"""

import argparse
from pathlib import Path

from duet.commands import Log
from duet.commands._inputs import analysis_plan, image_records
from duet.model import DuetError
from duet.records.layout import Layout
from duet.report import page, summary
from duet.report.summary import provenance

CAPTIONS = Path(__file__).resolve().parents[3] / "workflow" / "report"
PHASE = "writing the page"
EXAMPLE = "./duetbench page results/quickstart"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, help="results/<name>")
    parser.add_argument("--name", help="the campaign's name, where it is not its folder's")
    parser.add_argument("--config", type=Path, nargs="*", default=[], help="its configuration, to be shown")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write it there")
    parser.add_argument("--tables", type=Path, metavar="FILE", help="write the page without figures")
    parser.add_argument("--frame", type=Path, metavar="FILE", help="the same for Snakemake's report")


def execute(options: argparse.Namespace, log: Log) -> None:
    layout = Layout(options.results)
    if not layout.results.is_dir():
        raise DuetError(f"{layout.results} is not there", "name the directory of a campaign: results/<name>")
    outcome = summary.read_outcome(layout.results, name=options.name)
    analysis = analysis_plan(layout.analysis_plan if layout.analysis_plan.is_file() else None)
    gathered = provenance.read(layout.runs, outcome.planned)
    contents = page.page_of(outcome, gathered, analysis, layout.results)
    config = {str(path): path.read_text(errors="replace") for path in options.config}
    origin = provenance.body(gathered, image_records(layout.images), analysis, config)
    if options.tables or options.frame:
        tables = page.as_html(contents)
        if options.tables:
            options.tables.write_text(tables, encoding="utf-8")
        if options.frame:
            options.frame.write_text(page.in_frame(tables), encoding="utf-8")
        if not options.html:
            return
    figures, whole = page.embed_all(layout.results, [each.stem for each in contents.subjects], CAPTIONS)
    target = options.html or layout.page
    target.write_text(page.as_html(contents, figures, whole, origin), encoding="utf-8")
    if not options.html:
        log(f"written: {target}")
