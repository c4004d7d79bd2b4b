#!/usr/bin/env bash
# Sees to what Python's wheels leave to the system: installs it where that needs no password, else names it.
#
# Looks for the libraries themselves, because package names differ between Debian and Ubuntu releases.
# Never fails: what is missing shows up where it is needed, and the line to run was printed.
set -uo pipefail

python=${PYTHON:-python3.11}
loadable=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null)

# file or program → Debian package
needed='
libGL.so.1              libgl1
libEGL.so.1             libegl1
libGLESv2.so.2          libgles2
libgthread-2.0.so.0     libglib2.0-0
libfontconfig.so.1      libfontconfig1
libdbus-1.so.3          libdbus-1-3
libX11-xcb.so.1         libx11-xcb1
libxkbcommon-x11.so.0   libxkbcommon-x11-0
libxcb-icccm.so.4       libxcb-icccm4
libxcb-image.so.0       libxcb-image0
libxcb-keysyms.so.1     libxcb-keysyms1
libxcb-randr.so.0       libxcb-randr0
libxcb-render-util.so.0 libxcb-render-util0
libxcb-shape.so.0       libxcb-shape0
libxcb-sync.so.1        libxcb-sync1
libxcb-xfixes.so.0      libxcb-xfixes0
libxcb-xinerama.so.0    libxcb-xinerama0
libxcb-xkb.so.1         libxcb-xkb1
xvfb-run                xvfb
xauth                   xauth
'

present() {
    case $1 in
        *.so.*) grep -qF "	$1 (" <<<"$loadable" ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

missing=()
while read -r name package; do
    [ -z "$name" ] || present "$name" || missing+=("$package")
done <<<"$needed"
# Debian keeps the part of Python that makes virtual environments in a package of its own.
"$python" -c 'import ensurepip' 2>/dev/null || missing+=(python3.11-venv)
[ ${#missing[@]} -gt 0 ] || exit 0

by_hand="sudo apt-get update && sudo apt-get install ${missing[*]}"
if [ "$(id -u)" = 0 ]; then
    as_root=()
elif sudo -n true 2>/dev/null; then
    as_root=(sudo -n)
else
    printf 'Some system libraries are missing. Please run:\n    %s\n' "$by_hand"
    exit 0
fi
echo "Installing system libraries: ${missing[*]}"
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q "$@"; }
apt update
apt install -y --no-install-recommends "${missing[@]}" ||
    printf 'Not all system libraries could be installed. Please run:\n    %s\n' "$by_hand"
exit 0
