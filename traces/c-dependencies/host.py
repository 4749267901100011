"""Opens the Go library, which brings the C libraries along."""

from emuload.scenarios import Scene


def run(scene: Scene) -> None:
    process = scene.process()
    top = process.dlopen("libtop.so")
    assert process.stdout == b"first: 101\nfirst: 200\nfirst: no priority\nsecond: 101\n"
    assert top.get() == 42
    process.exit()
