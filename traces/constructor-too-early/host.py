"""Opens the library, and does not come back."""

from emuload.scenarios import Scene


def run(scene: Scene) -> None:
    scene.process().dlopen("libearly.so")
