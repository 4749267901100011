"""Calls the library; no answer comes."""

from emuload.scenarios import Scene


def run(scene: Scene) -> None:
    process = scene.process()
    process.dlopen("libpanics.so").add(1, 2)
