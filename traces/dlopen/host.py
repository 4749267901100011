"""Opens the library, waits until Go has initialised every package, and only then calls."""

from emuload.scenarios import Scene


def run(scene: Scene) -> None:
    process = scene.process()
    hello = process.dlopen("libhello.so")
    process.run_until(lambda: any(event.kind == "go-main-init-done" for event in process.events))
    assert hello.add(1, 2) == 3
    process.exit()
