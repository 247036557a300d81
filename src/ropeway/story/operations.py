"""The story's operations, by name: `story.why`, `story.status` and `story.report-data`."""

from ropeway.story.report.gather import report_data
from ropeway.story.status import status
from ropeway.story.why import why

__all__ = ["report_data", "status", "why"]
