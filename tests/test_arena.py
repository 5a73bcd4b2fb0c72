import subprocess
import sys

THREADS_THAT_ALLOCATE = """
import ctypes, re, threading
from bridge.arena import share_one_arena
if {shared}:
    share_one_arena()
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


def test_all_threads_share_the_memory_of_one_arena():
    assert arenas(shared=False) > arenas(shared=True) == 0
