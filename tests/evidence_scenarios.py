"""Every evidence scenario, of all sources."""

from evidence_scenarios_ags import AGS
from evidence_scenarios_canvas import CANVAS
from evidence_scenarios_moodle import MOODLE
from evidence_scenarios_people import PEOPLE

SCENARIOS = AGS + MOODLE + CANVAS + PEOPLE
