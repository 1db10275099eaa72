"""What came out of the attacks: for a terminal, for people, and for programs."""

from secure_media.attack.report.as_json import to_json
from secure_media.attack.report.html import to_html
from secure_media.attack.report.junit import to_junit
from secure_media.attack.report.sarif import to_sarif
from secure_media.attack.report.terminal import to_text

__all__ = ["to_html", "to_json", "to_junit", "to_sarif", "to_text"]
