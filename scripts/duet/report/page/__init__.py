"""The page that answers: results/<name>/report.html, one file that needs nothing but itself.

`contents` says what stands on it, as frozen dataclasses from verdicts and records; `template/` how it looks;
`rendering` puts the one into the other. Whatever can be judged is a row of a section, so another metric is
another section, and another environment another row.
"""

from duet.report.page.contents import Decided, Page, page_of
from duet.report.page.embedding import Embedded, embed, embed_all
from duet.report.page.rendering import as_html, in_frame

__all__ = ["Decided", "Embedded", "Page", "as_html", "embed", "embed_all", "in_frame", "page_of"]
