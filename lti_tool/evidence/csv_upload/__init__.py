"""Evidence from gradebook files that an instructor exported and uploads: ``csv_upload``.

``table`` reads the file a piece at a time, ``dialects`` knows how each platform writes it, ``gradebook`` puts the two
together: columns, people and what the file says about them. Nothing here stores anything or knows who a person is.
"""

from lti_tool.evidence.csv_upload.gradebook import Gradebook, GradebookShape, find_shape
from lti_tool.evidence.csv_upload.layout import Grade, GradeColumn, KeyKind, Row
from lti_tool.evidence.csv_upload.source import CSV_UPLOAD, CsvSource

__all__ = [
    "CSV_UPLOAD",
    "CsvSource",
    "Grade",
    "GradeColumn",
    "Gradebook",
    "GradebookShape",
    "KeyKind",
    "Row",
    "find_shape",
]
