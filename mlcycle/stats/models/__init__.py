"""One model's metrics and their intervals; two models, or many, on the same rows.

Beside the public functions of `mlcycle.stats`, the pieces that judging a stored model shares with them: what a metric's
name means, its fast form, and its interval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._lazy import lazy_names

if TYPE_CHECKING:
    from mlcycle.stats.models._confusions import ABOUT_ONE_CLASS
    from mlcycle.stats.models._draws import Draws
    from mlcycle.stats.models._form_of import form_of
    from mlcycle.stats.models._forms import Form, of_losses, plain_form
    from mlcycle.stats.models._metric_names import (
        NamedMetric,
        alike,
        asked_methods,
        named_scorer,
        of_numbers,
        options_for,
    )
    from mlcycle.stats.models._positive_class import positive_of
    from mlcycle.stats.models._ranges import function_behind, range_of
    from mlcycle.stats.models._resampled import Resampled, resampled
    from mlcycle.stats.models._units import units_of
    from mlcycle.stats.models._unseen import Unseen, few_of_a_class, rounded, unseen_of

_HOMES = {
    "_confusions": ("ABOUT_ONE_CLASS",),
    "_draws": ("Draws",),
    "_form_of": ("form_of",),
    "_forms": ("Form", "of_losses", "plain_form"),
    "_metric_names": ("NamedMetric", "alike", "asked_methods", "named_scorer", "of_numbers", "options_for"),
    "_positive_class": ("positive_of",),
    "_ranges": ("function_behind", "range_of"),
    "_resampled": ("Resampled", "resampled"),
    "_units": ("units_of",),
    "_unseen": ("Unseen", "few_of_a_class", "rounded", "unseen_of"),
}

__all__ = [
    "ABOUT_ONE_CLASS",
    "Draws",
    "Form",
    "NamedMetric",
    "Resampled",
    "Unseen",
    "alike",
    "asked_methods",
    "few_of_a_class",
    "form_of",
    "function_behind",
    "named_scorer",
    "of_losses",
    "of_numbers",
    "options_for",
    "plain_form",
    "positive_of",
    "range_of",
    "resampled",
    "rounded",
    "units_of",
    "unseen_of",
]

if not TYPE_CHECKING:  # a type checker takes a name that is not listed above for a mistake
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
