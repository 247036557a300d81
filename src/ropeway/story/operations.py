"""The story's operations, by name: `story.why`, `story.status`, `story.alerts` and `story.report-data`."""

from ropeway.story.alerts import tell_alerts
from ropeway.story.report.gather import report_data
from ropeway.story.status import status
from ropeway.story.why import why

__all__ = ["report_data", "status", "tell_alerts", "why"]
