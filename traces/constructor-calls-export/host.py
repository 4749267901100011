"""Opens the C library, whose constructor calls Go, and asks what it got."""

from emuload.scenarios import Scene


def run(scene: Scene) -> None:
    process = scene.process()
    eager = process.dlopen("libeager.so")
    assert eager.get() == 42
    process.exit()
