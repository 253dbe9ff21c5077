#!/usr/bin/env bash
# A Jupyter server whose ws_ping_timeout is no longer than its ws_ping_interval hangs up on every visitor, once an interval, for ever.
#
# One would guess: "ask every ten seconds, and give up when nothing has come back for ten seconds" keeps whoever answers. Tornado's
# own keep-alive even forbids a timeout that is longer than the interval, and takes the interval for the default.
# What happens: jupyter_server pings by itself, under settings of nearly the same names. Each interval it first looks how long ago
# the last pong came, and then sends the next ping. When the connection is new, "the last pong" is the moment of its opening. So at
# the first look, an interval after that, no ping has been sent yet, the silence is one interval long (and a little), and the
# connection is closed. The page connects anew, and is cut off again. With three times the interval, as is the default, it lasts.
# Where it bites: Voila and anything else that sits on jupyter_server with tornado_settings of its own. Nobody sees it, since the
# page reconnects at once; but a picture that is on its way just then never arrives, without a word on either side.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill %1 %2 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check jupyter_server==2.21.1 tornado==6.6.1 jupyter_client==8.10.0 ipykernel==7.4.0
export JUPYTER_CONFIG_DIR="$dir/config" JUPYTER_DATA_DIR="$dir/data" JUPYTER_RUNTIME_DIR="$dir/run"
cat > look.py <<'T'
import asyncio, json, sys, time, urllib.request
from tornado.websocket import websocket_connect

def ask(url, method='GET'):
    req = urllib.request.Request(url, method=method, data=b'{}' if method=='POST' else None)
    with urllib.request.urlopen(req, timeout=30) as r: return json.loads(r.read())

async def lasts(port, secs):
    "Seconds until the server hangs up; None if it has not after `secs`. The client answers pings by itself, as browsers do"
    kernel = ask(f'http://127.0.0.1:{port}/api/kernels', 'POST')['id']
    ws = await websocket_connect(f'ws://127.0.0.1:{port}/api/kernels/{kernel}/channels')
    start = time.monotonic()
    try:
        while True:
            if await asyncio.wait_for(ws.read_message(), start+secs-time.monotonic()) is None: return time.monotonic()-start
    except asyncio.TimeoutError: return None

same,three = [asyncio.run(lasts(o, 8)) for o in sys.argv[1:]]
print('interval 2 s, timeout 2 s: hung up after', same and round(same, 1), 's')
print('interval 2 s, timeout 6 s: hung up after', three, 's')
assert same and 1.9<same<2.6 and three is None, 'this has changed'
T
ports=($(python3 -c '
import socket
s = [socket.create_server(("127.0.0.1",0)) for _ in range(2)]
print(*[o.getsockname()[1] for o in s])'))
for i in 0 1; do
    env/bin/python -m jupyter_server --allow-root --no-browser --port="${ports[i]}" --IdentityProvider.token='' --ServerApp.disable_check_xsrf=True \
        --ServerApp.tornado_settings="{'ws_ping_interval':2000,'ws_ping_timeout':$((2000+4000*i))}" 2> "log$i" &
done
for port in "${ports[@]}"; do
    for _ in $(seq 60); do python3 -c "import socket; socket.create_connection(('127.0.0.1',$port), 1)" 2>/dev/null && break; sleep .5; done
done
env/bin/python look.py "${ports[@]}"
grep -o 'WebSocket ping timeout after [0-9]* ms' log0 | head -1
env/bin/pip list --disable-pip-version-check 2>/dev/null | grep -E '^(jupyter_server|tornado|jupyter_client|ipykernel) '
