"""The other methods. Their rows and baselines say it all: the page shows them as they are."""

from collections.abc import Mapping

from flyball.training.evaluate.report import Report

from ..asking import Workshop
from ..findings import Findings


def find(reports: Mapping[str, Report], shop: Workshop) -> Findings:
    """Part of a study."""
    return Findings()
