#!/usr/bin/env bash
# A thread that compiles a network with OpenVINO on a CPU gets another alternate signal stack, for as long as that network lives.
#
# One would guess: a library that multiplies matrices leaves alone what a process does about signals. That stack (sigaltstack) is set
# by whoever handles signals, and CPython does: faulthandler puts one there so that it can still speak when the normal stack is full,
# and Python installs every handler of `signal.signal` with SA_ONSTACK, so that SIGINT and SIGCHLD arrive on it, too.
# What happens: the CPU plugin maps memory of its own and makes it the alternate stack of the thread that comes first (its reason:
# room for the registers of AMX; it is done on processors without AMX as well). Here it is *smaller* than the one it replaces. The old one
# comes back, and the memory goes, when the plugin goes, which neither `import openvino` nor `Core()` starts: compiling does.
# Where it bites: whoever opens and drops models. A test process of ours that had used OpenVINO ended with signal 11 minutes later, in
# code that had nothing to do with it, where a child process ended; the stacks pointed at whatever was running. One Core
# for the whole process, never dropped, cured it: look at `sigaltstack` when signals kill a process that handles them.
set -euo pipefail
[ "$(uname -sm)" = 'Linux x86_64' ] || { echo 'seen on Linux, x86-64, alone'; exit 0; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check openvino==2026.4.1 numpy==2.4.6
cat > look.py <<'T'
import ctypes, faulthandler, gc, numpy as np, openvino as ov
from openvino import opset13

class Stack(ctypes.Structure): _fields_ = [('start',ctypes.c_void_p), ('flags',ctypes.c_int), ('size',ctypes.c_size_t)]

def stack():
    "This thread's alternate signal stack: (address, bytes)"
    s = Stack()
    ctypes.CDLL(None).sigaltstack(None, ctypes.byref(s))
    return s.start,s.size

faulthandler.enable()
start = stack()
core = ov.Core()
idle = stack()
x = opset13.parameter([1,4], np.float32)
net = core.compile_model(ov.Model([opset13.relu(x)], [x]), 'CPU')
during = stack()
del net, core
gc.collect()
after = stack()
print('faulthandler set a stack of', start[1], 'bytes; after Core() it is', 'the same' if idle==start else idle)
print('with a compiled network:', 'the same' if during==start else f'another, of {during[1]} bytes')
print('without:', 'the first one again' if after==start else after)
assert idle==start and during!=start and during[1]<=start[1] and after==start, 'this has changed'
T
env/bin/python look.py
uname -r
env/bin/pip list --disable-pip-version-check 2>/dev/null | grep -E '^(openvino|numpy) '
