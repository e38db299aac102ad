"""One model's metrics and their intervals; two models, or many, on the same rows.

Beside the public functions of `mlcycle.stats`, the pieces that judging a stored model shares with them: what a metric's
name means, its fast form, and its interval.
"""

from mlcycle.stats.models._confusions import ABOUT_ONE_CLASS
from mlcycle.stats.models._form_of import form_of
from mlcycle.stats.models._forms import Form, of_losses, plain_form
from mlcycle.stats.models._metric_names import (
    NamedMetric,
    alike,
    function_behind,
    named_scorer,
    options_for,
    positive_of,
)
from mlcycle.stats.models._resampled import resampled
from mlcycle.stats.models._units import Draws, Units, units_of
from mlcycle.stats.models._unseen import Unseen, few_of_a_class, rounded, unseen_of

__all__ = [
    "ABOUT_ONE_CLASS",
    "Draws",
    "Form",
    "NamedMetric",
    "Units",
    "Unseen",
    "alike",
    "few_of_a_class",
    "form_of",
    "function_behind",
    "named_scorer",
    "of_losses",
    "options_for",
    "plain_form",
    "positive_of",
    "resampled",
    "rounded",
    "units_of",
    "unseen_of",
]
