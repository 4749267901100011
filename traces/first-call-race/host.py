"""Makes four threads before it opens the library, and lets them call it together."""

from emuload.scenarios import Scene


def run(scene: Scene) -> None:
    process = scene.process(cpus=2)
    threads = [process.thread() for _ in range(4)]
    slow = process.dlopen("libslow.so")
    calls = [thread.start(slow["prime"], index) for index, thread in enumerate(threads)]
    assert [call.result() for call in calls] == [2, 3, 5, 7]
    process.exit()
