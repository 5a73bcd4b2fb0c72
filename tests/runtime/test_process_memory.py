import subprocess
import sys

THREADS_THAT_ALLOCATE = """
import ctypes, re, threading
from bridge.runtime.process_memory import MallocTuning
if {shared}:
    MallocTuning()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
ready = threading.Barrier(9)

def allocate():
    libc.malloc(1000)
    ready.wait()
    ready.wait()

for _ in range(8):
    threading.Thread(target=allocate, daemon=True).start()
ready.wait()
with open("/proc/self/maps") as maps:
    regions = [line.split("-")[0] for line in maps if " rw-p 00000000 00:00 0" in line]
print(sum(int(start, 16) % 0x4000000 == 0 for start in regions))
"""
"""glibc begins each further arena at a multiple of 64 MiB."""


def arenas(*, shared):
    command = [sys.executable, "-c", THREADS_THAT_ALLOCATE.format(shared=shared)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_threads_share_the_memory_of_one_arena():
    assert arenas(shared=False) > arenas(shared=True) == 0


FREED = """
import ctypes, time
from bridge.runtime import process_memory
def resident_mb():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096 / 1e6
kept = process_memory.MallocTuning()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
blocks = [libc.malloc(4000) for _ in range(10_000)]
for block in blocks:
    ctypes.memset(block, 1, 4000)
for block in blocks[:-1]:  # with the last block, the arena cannot shrink without malloc_trim
    libc.free(block)
before = resident_mb()
kept.trim_when_due()
early = resident_mb()
process_memory.time.monotonic = lambda now=time.monotonic(): now + 6.0
kept.trim_when_due()
late = resident_mb()
print(before - early, before - late)
"""


def test_free_memory_is_returned_soon_after_the_start_and_not_each_time():
    run = subprocess.run([sys.executable, "-c", FREED], check=True, capture_output=True, text=True)
    early, late = map(float, run.stdout.split())
    assert early < 5
    assert late > 30
