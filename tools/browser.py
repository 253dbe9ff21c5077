"Make sure that there is a Chromium for the tests: the system's, else Playwright's own, else Debian's package when root"
import os, shutil, subprocess, sys
from pathlib import Path

def chromium():
    "Path of a Chromium that is there already, or None"
    for o in ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'):
        if p := shutil.which(o): return p
    from playwright.sync_api import sync_playwright
    with sync_playwright() as p: own = p.chromium.executable_path
    return own if Path(own).exists() else None

def install():
    "Get one, the polite way first"
    ways = [[sys.executable, '-m', 'playwright', 'install', 'chromium']]
    if os.name=='posix' and os.geteuid()==0 and shutil.which('apt-get'): ways += [['apt-get', 'update', '-qq'], ['apt-get', 'install', '-y', '-qq', 'chromium']]
    for cmd in ways:
        print(' '.join(cmd))
        subprocess.run(cmd, env={**os.environ, 'DEBIAN_FRONTEND':'noninteractive'})
        if chromium(): return
    sys.exit('No browser for the tests: install Chromium (Debian, Ubuntu: apt install chromium) and run make test again.')

if __name__=='__main__':
    if not chromium(): install()
    print('browser:', chromium())
