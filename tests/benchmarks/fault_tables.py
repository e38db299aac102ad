"""The real tables of the fault catalogue, with the levels, texts and moments that a fault of data needs.

Where a table has none, they are composed of its own columns, and a column that is composed of others takes their place,
so that no two columns tell the same twice and a fault in one is a fault in one.

======== ============================================================================================================
elec2    prices and demand in thousandths of their range, in which the table scales them to 0 to 1; ``weekday`` by the
         place of the row (48 rows a day from Tuesday, 7 May 1996); ``clock``, the half hour as a moment of one day;
         ``report``, a sentence on prices and demand
weather  ``wind``, the name of the largest wind on Beaufort's scale; ``day`` by the place of the row from 1949 on (the
         table leaves out about a hundred days, which moves later ones by as many); ``report`` on rain and sight
covtype  a fixed draw of 110 000 rows; ``wilderness``, the name of the area instead of its four columns; ``report`` on
         soil and cover instead of 41 columns; it has no moments
flights  ``AIRLINE``, the name instead of the code; ``SPEED`` in miles an hour, of distance and time; its own ``DATE``;
         ``report`` on delay and time
======== ============================================================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd

from tests.benchmarks.real_data import table

__all__ = ["TABLES", "fault_table", "kind_of_column"]

_WEEK = ("Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "Monday")
_BEAUFORT = (3.5, 6.5, 10.5, 16.5, 21.5, 27.5, 33.5)
_WINDS = (
    "Light air", "Light breeze", "Gentle breeze", "Moderate breeze", "Fresh breeze", "Strong breeze", "Near gale",
    "Gale",
)  # fmt: skip
_AREAS = ("Rawah", "Neota", "Comanche Peak", "Cache la Poudre")
_COVERS = ("Spruce/Fir", "Lodgepole Pine", "Ponderosa Pine", "Cottonwood/Willow", "Aspen", "Douglas-fir", "Krummholz")
_AIRLINES = {
    "AA": "American Airlines", "AS": "Alaska Airlines", "B6": "JetBlue Airways", "DL": "Delta Air Lines",
    "EV": "Atlantic Southeast", "F9": "Frontier Airlines", "HA": "Hawaiian Airlines", "MQ": "American Eagle",
    "NK": "Spirit Air Lines", "OO": "SkyWest Airlines", "UA": "United Air Lines", "US": "US Airways",
    "VX": "Virgin America", "WN": "Southwest Airlines",
}  # fmt: skip


@cache
def fault_table(name: str) -> pd.DataFrame:
    """Return one of `TABLES`, made ready as this module says."""
    return TABLES[name](table(name))


def kind_of_column(column: pd.Series) -> str:
    """Return ``number``, ``flag`` (of two values), ``level``, ``text`` or ``moment``."""
    if column.dtype.kind == "M":
        return "moment"
    if column.dtype.kind in "iuf":
        return "number" if column.nunique() > 2 else "flag"
    return "level" if column.nunique() <= 40 else "text"


def _elec2(frame: pd.DataFrame) -> pd.DataFrame:
    scaled = ["nswprice", "nswdemand", "vicprice", "vicdemand", "transfer"]
    found = (1000 * frame[scaled]).round(3)
    found["class"] = frame["class"]
    day = np.arange(len(frame)) // 48
    found["weekday"] = np.array(_WEEK, object)[day % 7]
    half_hours = (47 * frame["period"]).round().astype(int)
    found["clock"] = pd.Timestamp("1996-05-07") + pd.to_timedelta(30 * half_hours, unit="min")
    words = zip(
        np.where(frame["class"] == 1, "Price above", "Price below"), found["nswdemand"].astype(int),
        found["vicdemand"].astype(int), np.where(found["transfer"] > found["transfer"].median(), "North", "South"),
        strict=True,
    )  # fmt: skip
    found["report"] = [
        f"{price} average, demand {nsw} and {vic}, transfer to the {way}" for price, nsw, vic, way in words
    ]
    return found


def _weather(frame: pd.DataFrame) -> pd.DataFrame:
    found = frame.drop(columns="wind_speed_max")
    found["wind"] = np.array(_WINDS, object)[np.searchsorted(_BEAUFORT, frame["wind_speed_max"])]
    found["day"] = pd.Timestamp("1949-01-01") + pd.to_timedelta(np.arange(len(frame)), unit="D")
    rows = zip(frame["rain"], frame["visibility"], frame["temperature_min"], frame["temperature_max"], strict=True)
    found["report"] = [
        f"{'Rain' if rain else 'Dry'} day, sight of {sight} miles, between {low} and {high} Fahrenheit"
        for rain, sight, low, high in rows
    ]
    return found


def _covtype(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.iloc[np.sort(np.random.default_rng(0).permutation(len(frame))[:110_000])].reset_index(drop=True)
    areas = [f"Wilderness_Area{at}" for at in range(1, 5)]
    soils = [f"Soil_Type{at}" for at in range(1, 41)]
    found = frame.drop(columns=[*areas, *soils, "Cover_Type"])
    found["wilderness"] = np.array(_AREAS, object)[frame[areas].to_numpy().argmax(axis=1)]
    rows = zip(frame[soils].to_numpy().argmax(axis=1) + 1, frame["Cover_Type"], frame["Elevation"], strict=True)
    found["report"] = [f"{_COVERS[cover - 1]} on soil {soil} at {height} metres" for soil, cover, height in rows]
    return found


def _flights(frame: pd.DataFrame) -> pd.DataFrame:
    found = frame.assign(AIRLINE=frame["AIRLINE"].map(_AIRLINES).astype(object))
    found["SPEED"] = (60 * frame["DISTANCE"] / frame["AIR_TIME"]).round(1)
    rows = zip(frame["DEPARTURE_DELAY"], frame["TAXI_OUT"], frame["AIR_TIME"], strict=True)
    found["report"] = [
        f"Left {'Late' if late > 0 else 'Early'} by {abs(late):g} minutes, taxied {taxi:g}, flew {flown:g}"
        if flown == flown
        else "Did not arrive"
        for late, taxi, flown in rows
    ]
    return found


TABLES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "elec2": _elec2,
    "weather": _weather,
    "covtype": _covtype,
    "flights": _flights,
}
