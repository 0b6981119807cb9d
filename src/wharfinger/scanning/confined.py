"""The process that reads layers: ``python -m wharfinger.scanning.confined``, started by ``confining``.

On standard input come the limits, then for each layer its digest, then its bytes in frames as often as this process
asks for them. On standard output it asks, and answers with what the layer says.
"""

import codecs
import gc
import sys
from dataclasses import replace
from typing import BinaryIO

import msgspec

from wharfinger.scanning import frames
from wharfinger.scanning.confinement import confine
from wharfinger.scanning.inflating import Inflating
from wharfinger.scanning.layers import LayerCatalogue
from wharfinger.scanning.limits import Limits
from wharfinger.scanning.reading import read_layer
from wharfinger.scanning.spools import Spools

_CODECS = ("utf-8-sig", "utf-16", "ascii", "latin-1")  # Python loads them when first used, which is then too late

_TURN = 0.002
"""Seconds after which a thread lets the other one go on, to inflate more."""

_MADE = 100_000
"""Objects after which cycles among them are looked for: what is found in a layer has none, and is bounded."""


def main() -> None:
    """Read one layer after the other, until there are no more."""
    asking, answering = sys.stdin.buffer, sys.stdout.buffer
    limits = msgspec.json.decode(frames.read(asking) or b"", type=Limits)
    for name in _CODECS:
        codecs.lookup(name)
    spools = Spools()
    inflating = Inflating()
    sys.setswitchinterval(_TURN)
    gc.freeze()  # what is loaded by now stays
    gc.set_threshold(_MADE)
    isolation = confine(limits, inflating.start)
    while (layer := frames.read(asking)) is not None:
        catalogue = read_layer(layer.decode(), lambda: _again(asking, answering), limits, spools, inflating.chunks)
        _answer(answering, replace(catalogue, isolation=isolation))


def _again(asking: BinaryIO, answering: BinaryIO) -> frames.Framed:
    answering.write(frames.OPEN)
    answering.flush()
    return frames.Framed(asking)


def _answer(answering: BinaryIO, catalogue: LayerCatalogue) -> None:
    answering.write(frames.DONE)
    frames.write(answering, catalogue.to_json())
    answering.flush()


if __name__ == "__main__":
    main()
