"""How long answers take, and whether they take longer than before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen

from mlcycle.records import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.monitoring._window import TrafficContext

__all__ = ["Latency"]

# A 95 % quantile of fewer rows rests on less than ten of them.
_HALF = 200


@frozen
class Latency:
    """Median and 95 % quantile of the milliseconds a row, and the later half of the window against the earlier one.

    Parameters
    ----------
    at_most : float, default 1.25
        Times that the slowest answers may take as long as earlier before that is a warning.

    Examples
    --------
    >>> Latency()
    Latency(at_most=1.25)
    """

    look: ClassVar[str] = "latency"
    phase: ClassVar[str] = "deployment"
    # callers notice a quarter more; less comes and goes with the machine
    at_most: float = 1.25

    def __call__(self, subject: str, context: TrafficContext) -> Iterator[Result]:
        """Look at the answers that callers got."""
        known = context.traffic.live()["ms"].dropna().astype(float).to_numpy()
        if not len(known):
            return
        import numpy as np

        said: dict[str, Any] = {"look": self.look, "subject": subject, "n": len(known)}
        for share, name in ((0.5, "median"), (0.95, "95 %")):
            value = float(np.quantile(known, share))
            yield Result(check=f"ms a row, {name}", verdict="not_applicable", value=value, **said)
        half = len(known) // 2
        if half < _HALF:
            return
        ratio, low, high = _ratio(known[:half], known[half:])
        said |= {"check": "95 %, later to earlier half", "value": ratio, "low": low, "high": high}
        if low > self.at_most:
            told = f"the slowest 5 % of answers take {ratio:.2g} times as long as earlier in the window"
            yield Result(**said, verdict="warn", threshold=self.at_most, phase=self.phase, detail=told)
        else:
            yield Result(**said, verdict="pass", threshold=self.at_most)


def _ratio(earlier: Any, later: Any) -> tuple[float, float, float]:
    """Return the ratio of 95 % quantiles with its 99 % bootstrap interval, drawing runs of rows that came together.

    Neighbours in time share what slows them, so blocks are drawn, not rows (Künsch 1989, Annals of Statistics 17).
    """
    import numpy as np

    rng = np.random.default_rng(0)

    def draws(values: Any) -> Any:
        size = max(1, round(len(values) ** 0.5))
        starts = rng.integers(0, len(values) - size + 1, size=(500, -(-len(values) // size)))
        picks = (starts[:, :, None] + np.arange(size)).reshape(500, -1)
        return np.quantile(values[picks], 0.95, axis=1)

    step = max(1, len(earlier) // 2000)  # a few thousand rows tell a quantile well enough
    earlier, later = earlier[::step], later[::step]
    tiny = 1e-6
    ratio = max(float(np.quantile(later, 0.95)), tiny) / max(float(np.quantile(earlier, 0.95)), tiny)
    low, high = np.quantile(np.maximum(draws(later), tiny) / np.maximum(draws(earlier), tiny), [0.005, 0.995])
    return ratio, float(low), float(high)
