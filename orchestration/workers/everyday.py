"""The workers of everyday work: they compile what others found, and reach no system."""

from orchestration.workers.answers import collect
from orchestration.workers.appointment import choose as choose_meeting
from orchestration.workers.brief import compose as compose_brief
from orchestration.workers.lines import lines
from orchestration.workers.period import period
from orchestration.workers.recent import choose as choose_file
from orchestration.workers.recent import names as names_of_files
from orchestration.workers.recent import recent
from orchestration.workers.status import compose as compose_status

EVERYDAY = [period, choose_meeting, compose_brief, compose_status, recent, names_of_files, choose_file, collect, lines]
