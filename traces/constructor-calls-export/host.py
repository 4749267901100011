"""Opens the C library, whose constructor calls Go, and asks for the answer it got."""

from emuload.scenarios import Scene


def run(scene: Scene) -> None:
    process = scene.process()
    eager = process.dlopen("libeager.so")
    assert eager.get() == 42
    process.exit()
