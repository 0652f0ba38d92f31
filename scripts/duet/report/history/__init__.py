"""Verdicts of campaigns made over weeks, as one page: the drift that no single campaign shows."""

from duet.report.history.chart import Chart, chart_of
from duet.report.history.gathering import Campaign, History, Series, gather, read_campaign
from duet.report.history.telling import as_csv, as_html, sentence

__all__ = [
    "Campaign",
    "Chart",
    "History",
    "Series",
    "as_csv",
    "as_html",
    "chart_of",
    "gather",
    "read_campaign",
    "sentence",
]
