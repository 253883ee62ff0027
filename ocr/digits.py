"""Read one box of a tally sheet: cell images to probabilities over ten digits, blank, mark and crossed-out.

Four small convolutional networks, whose scores are averaged, are run by ONNX Runtime on one processor thread over two views of
each cell (`ocr.focus`); `ocr/models/MODEL.md` says what they were trained on, how well they do and where they fail.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from ocr.errors import CotejoError
from ocr.focus import SIZE, near, study, whole

CLASSES = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "blank", "mark", "crossed")
"""Class names in the order of the columns of `DigitReader.probabilities`."""
BLANK = 10
"""Nothing written in the box."""
MARK = 11
"""X, dash, dot, diagonal or blob that fills an empty box."""
CROSSED = 12
"""A digit struck out, scribbled over or overwritten beyond reading."""
MODEL = Path(__file__).parent / "models" / "digits.onnx"
"""The weights that are shipped."""

_BATCH = 512


class DigitModelError(CotejoError):
    """The weights are missing or are not ours, or the cells have the wrong shape."""


@dataclass(frozen=True)
class Seen:
    """What the network says of cells.

    Attributes
    ----------
    probabilities : float64[n, 13]
        Columns as `CLASSES`, rows sum to 1.
    traits : float32[n, d]
        What it saw before its last layer, for `ocr.hand`.
    """

    probabilities: npt.NDArray[np.float64]
    traits: npt.NDArray[np.float32]


class DigitReader:
    """The network with its temperature.

    Parameters
    ----------
    model : Path, optional
        Weights in ONNX format; the shipped ones when left out.
    threads : int
        Processor threads of one call.

    Raises
    ------
    DigitModelError
        If the weights are missing, unreadable or made for other classes.
    """

    def __init__(self, model: Path | None = None, threads: int = 1) -> None:
        path = model or MODEL
        if not path.is_file():
            raise DigitModelError(f"The digit weights {path} are missing; reinstall, or give another file.")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        raw = path.read_bytes()
        self.sha256 = hashlib.sha256(raw).hexdigest()
        try:
            self._session = onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime raises its own unrelated types
            raise DigitModelError(
                f"The digit weights {path} cannot be read; reinstall, or give another file."
            ) from error
        meta = self._session.get_modelmeta().custom_metadata_map
        inputs = {i.name for i in self._session.get_inputs()}
        outputs = {o.name for o in self._session.get_outputs()}
        if (meta.get("classes"), inputs, outputs) != (
            " ".join(CLASSES),
            {"whole", "writing"},
            {"logits", "traits"},
        ):
            raise DigitModelError(
                f"The digit weights {path} were made for other classes or cells; use weights trained by ocr.train.digits."
            )
        self.temperature = float(meta["temperature"])
        self._width = int(next(o.shape[1] for o in self._session.get_outputs() if o.name == "traits"))

    def logits(self, cells: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """Raw scores [n, 13] before temperature."""
        return self._run(cells)[0]

    def _run(self, cells: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
        """Raw scores and traits."""
        if cells.ndim != 3 or cells.shape[1:] != (SIZE, SIZE) or cells.dtype != np.uint8:
            raise DigitModelError(
                f"Cells must be uint8 [n, {SIZE}, {SIZE}], not {cells.dtype} {list(cells.shape)}; cut them with ocr.cells."
            )
        scores, traits = [np.empty((0, len(CLASSES)), np.float32)], [np.empty((0, self._width), np.float32)]
        for start in range(0, len(cells), _BATCH):
            part = cells[start : start + _BATCH]
            found = study(part)
            views = {"whole": whole(found), "writing": near(part, found)}
            score, trait = self._session.run(["logits", "traits"], views)
            scores.append(score)
            traits.append(trait)
        return np.concatenate(scores).astype(np.float64), np.concatenate(traits)

    def probabilities(self, cells: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """Probabilities of the classes.

        Parameters
        ----------
        cells : numpy.ndarray
            uint8 [n, 64, 64], dark ink on light paper, cut with 15 % margin around the printed box; n may be 0.

        Returns
        -------
        numpy.ndarray
            float64 [n, 13], columns as `CLASSES`, rows sum to 1.

        Raises
        ------
        DigitModelError
            If the array has another shape or type.
        """
        return self.look(cells).probabilities

    def look(self, cells: npt.NDArray[np.uint8]) -> Seen:
        """Probabilities and traits; parameters and exceptions as for `probabilities`."""
        scores, traits = self._run(cells)
        exp = np.exp((scores - scores.max(axis=1, keepdims=True)) / self.temperature)
        return Seen(exp / exp.sum(axis=1, keepdims=True), traits)


@cache
def default_reader() -> DigitReader:
    """Return the reader with the shipped weights, loaded once per process."""
    return DigitReader()
