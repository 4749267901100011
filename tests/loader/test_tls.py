"""Static TLS, its surplus, and what a thread's area holds."""

from __future__ import annotations

import pytest

from loader import BY_NAME, RTLD_NOW, ByteMemory, LoadError, Machine
from loader.gabi import TlsTemplate
from loader.memory import read_memory
from loader.tls import DTV_ENTRIES, TlsLayout
from tests.loader.elfwriter import ElfWriter
from tests.loader.test_relocate import MACHINES, Bench, place


def with_tls(machine: str, image: bytes, size: int, align: int = 8, *, initial_exec: bool = True) -> ElfWriter:
    writer = ElfWriter(machine)
    writer.thread_local(image, size, align)
    if initial_exec:
        place(writer, "tp")
    return writer


@pytest.mark.parametrize("machine", MACHINES)
def test_blocks_of_two_libraries_lie_as_the_abi_says(machine: str) -> None:
    bench = Bench(machine, a=with_tls(machine, b"a" * 5, 5, 1), b=with_tls(machine, b"b" * 16, 40, 32))
    a, b = bench.links.load_startup(needed=["liba.so", "libb.so"])
    tls = bench.links.tls
    assert a.tls is not None
    assert b.tls is not None
    # variant II: round_up(5 + 40, 32) below tp; variant I: right behind the TCB head, then at the next multiple of 32
    first, second = {"amd64": (-5, -64), "arm": (8, 32), "arm64": (16, 32)}[machine]
    assert (tls.thread_offset(a.tls, 0), tls.thread_offset(b.tls, 0)) == (first, second)


@pytest.mark.parametrize("machine", MACHINES)
def test_a_threads_area(machine: str) -> None:
    bench = Bench(machine, a=with_tls(machine, b"image", 12))
    (a,) = bench.links.load_startup(needed=["liba.so"])
    tls, memory, word = bench.links.tls, bench.memory, BY_NAME[machine].word
    assert a.tls is not None
    room = memory.map(None, tls.area_size + tls.area_align, 3, "thread")
    area = -(-room // tls.area_align) * tls.area_align
    memory.view(area, tls.area_size)[:] = b"\xaa" * tls.area_size
    tp = tls.init_thread(memory, area, guard=0x1122334455667700)
    assert tp == area + tls.tp_offset
    assert tp % tls.align == 0
    dtv = tls.dtv(memory, tp)
    assert area <= dtv < tp
    assert bench.word(dtv) == DTV_ENTRIES
    block = bench.word(dtv + word)
    assert block == tp + tls.thread_offset(a.tls, 0)
    assert read_memory(memory, block, 12) == b"image" + bytes(7)
    if machine == "amd64":
        assert (bench.word(tp), bench.word(tp + 8), bench.word(tp + 16)) == (tp, dtv, tp)
        assert bench.word(tp + 0x28) == 0x1122334455667700
        assert area + tls.area_size - tp >= 2048
    else:
        assert bench.word(tp) == dtv
        assert tp - dtv - tls.dtv_size >= 2048


@pytest.mark.parametrize("machine", MACHINES)
def test_a_dlopened_librarys_image_reaches_running_threads(machine: str) -> None:
    writer = with_tls(machine, b"hello", 64)
    writer.define("v", 2, type=6)
    bench = Bench(machine, a=writer)
    bench.links.load_startup(needed=["libc.so.6"])
    assert bench.links.tls.tcb_size == 512  # what the built-in C library says of itself
    tls, memory = bench.links.tls, bench.memory
    points = [tls.init_thread(memory, memory.map(None, tls.area_size, 3, "t")) for _ in range(2)]
    bench.links.owner.thread_pointers = lambda: points
    left = tls.surplus_left // 8 * 8  # less the gap before the first block of 8 bytes' alignment
    a = bench.open("liba.so")
    assert a.tls is not None
    assert tls.surplus_left == left - 64
    for tp in points:
        block = tp + tls.thread_offset(a.tls, 0)
        assert read_memory(memory, block, 5) == b"hello"
        assert tls.block(memory, tp, 1) == 0  # glibc's _dl_init_static_tls leaves the DTV to the first look
        assert bench.links.dlsym(a, "v", thread_pointer=tp) == block + 2
    assert ("static-tls", {"object": "liba.so", "module": 1, "offset": a.tls.offset, "size": 64,
                           "surplus_left": tls.surplus_left}) in bench.events  # fmt: skip
    bench.links.release(bench.links.dlclose(a))
    assert [tls.block(memory, tp, 1) for tp in points] == [0, 0]
    assert tls.surplus_left == left


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(("first", "fits"), [(1000, True), (1720, False)])
def test_go_after_a_library_with_much_static_tls(machine: str, first: int, fits: bool) -> None:
    """Natively 1,712 bytes fit on amd64 (behaviours/tls_surplus_sizes.c), 1,720 nowhere; 1,000 leave room."""
    bench = Bench(machine, a=with_tls(machine, b"", first), go=with_tls(machine, b"", 16))
    bench.links.load_startup(needed=["libc.so.6"])
    objects = list(bench.links.objects)
    if fits:
        bench.links.dlopen("liba.so", RTLD_NOW)
        bench.links.dlopen("libgo.so", RTLD_NOW)
        return
    with pytest.raises(LoadError) as caught:
        bench.links.dlopen("liba.so", RTLD_NOW)
    assert bench.links.profile.dlerror(caught.value) == "liba.so: cannot allocate memory in static TLS block"
    assert bench.links.objects == objects
    assert not bench.links.tls.modules


def test_alignment_beyond_the_areas_own_gets_no_static_tls() -> None:
    """facts: alignment 64 in a dlopened library works on amd64, not on ARM and AArch64."""
    for machine, fits in (("amd64", True), ("arm", False), ("arm64", False)):
        bench = Bench(machine, a=with_tls(machine, b"", 64, 64))
        bench.links.load_startup(needed=["libc.so.6"])
        if fits:
            bench.links.dlopen("liba.so", RTLD_NOW)
        else:
            with pytest.raises(LoadError, match="cannot allocate memory in static TLS block"):
                bench.links.dlopen("liba.so", RTLD_NOW)


def test_a_module_in_dynamic_use_does_not_move_to_static_tls() -> None:
    ie = ElfWriter(needed=("liba.so",))
    ie.undefined("v", type=6)
    place(ie, "tp", "v")
    gd = with_tls("amd64", b"", 8, initial_exec=False)
    gd.define("v", 0, type=6)
    bench = Bench("amd64", a=gd, b=ie)
    bench.links.load_startup(needed=["libc.so.6"])
    a = bench.open("liba.so")
    assert a.tls is not None
    assert a.tls.offset is None
    assert bench.links.tls.use_dynamically(a.tls_module) is a.tls
    with pytest.raises(LoadError, match=r"^liba.so: cannot allocate memory in static TLS block"):
        bench.links.dlopen("libb.so", RTLD_NOW)


class _Holder:
    """A mapped object with thread-local data, as a layout sees it."""

    path, bias, relocated = "libx.so", 0x10000, False

    def accessible(self, start: int, size: int) -> bool:
        return True


@pytest.mark.parametrize(("tp_bias", "dtv_bias", "dtv_word"), [(0, 0x800, -2), (0x7000, 0x8000, -2)], ids=["riscv", "mips"])
def test_biases_of_other_psabis(tp_bias: int, dtv_bias: int, dtv_word: int) -> None:
    facts = dict(vars(BY_NAME["arm64"]))
    facts |= {"gap_above_tp": 0, "tp_bias": tp_bias, "dtv_bias": dtv_bias, "dtv_word": dtv_word}
    machine = Machine.__new__(Machine)
    vars(machine).update(facts)
    layout, memory = TlsLayout(machine), ByteMemory()
    module = layout.register(_Holder(), TlsTemplate(0, 0, 24, 8))
    assert module is not None
    layout.freeze()
    area = memory.map(None, layout.area_size, 3, "thread")
    tp = layout.init_thread(memory, area)
    block = tp - tp_bias  # the first block begins where the TCB ends
    assert tp == area + layout.tp_offset
    assert layout.thread_offset(module, 5) == 5 - tp_bias
    assert layout.block(memory, tp, module.id) == block
    assert int.from_bytes(memory.view(block + dtv_word * 8, 8), "little") == area
    assert int.from_bytes(memory.view(area + 8, 8), "little") == block + dtv_bias
    layout.set_block(memory, tp, module.id, 0)
    assert layout.block(memory, tp, module.id) == 0
