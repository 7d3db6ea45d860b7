"""Prints what TensorBoard's reader finds in a directory of event files: the Python part of event-files.ts."""
import json
import logging
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

# That events of a resumed run replace later ones of the run before is what is wanted.
logging.disable(logging.WARNING)
ALL = {"scalars": 0, "images": 0, "histograms": 0}
events = EventAccumulator(sys.argv[1], size_guidance=ALL)
events.Reload()
tags = events.Tags()


def size(png):
    """Width and height from the header of a PNG file."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n", png[:8]
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def image(event):
    assert size(event.encoded_image_string) == (event.width, event.height)
    return [event.step, event.width, event.height]


def histogram(event):
    return [event.step, event.histogram_value.num, len(event.histogram_value.bucket)]


print(
    json.dumps(
        {
            "scalars": {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in tags["scalars"]},
            "images": {tag: [image(e) for e in events.Images(tag)] for tag in tags["images"]},
            "histograms": {tag: [histogram(e) for e in events.Histograms(tag)] for tag in tags["histograms"]},
        }
    )
)
