# shellcheck shell=sh
# Sourced by run and test: makes .venv from requirements.txt, quick when it is there already.
# Sets nothing but PATH. Needs Python >= 3.11; on Debian and Ubuntu root gets what is missing.

_lacking() { # what is lacking, and the one command that brings it
    echo "error: $1 is missing; as root: $2" >&2
    exit 1
}

_apt() { # package names: install them when we may, else say how
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing $*" >&2
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } \
            >/dev/null || _lacking "$*" "apt-get install $*"
    else
        _lacking "$*" "apt-get install $*"
    fi
}

_python() { # the newest Python here that is new enough, or nothing
    for p in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$p"
            return
        fi
    done
}

_environment() {
    if cmp -s requirements.txt .venv/requirements.txt && .venv/bin/python -c '' 2>/dev/null; then
        return
    fi
    python=$(_python)
    if [ -z "$python" ]; then
        _apt python3
        python=$(_python)
        [ -n "$python" ] || _lacking "Python 3.11 or newer" "install it (this system packages an older one)"
    fi
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        _apt "python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    _shown "making the environment in .venv" _install
    cp requirements.txt .venv/requirements.txt
}

_install() {
    "$python" -m venv --clear .venv &&
        .venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
}

_shown() { # what it is, and a command: a line, and on a terminal a bar that moves until the command ends
    echo "$1" >&2
    if [ ! -t 2 ] || [ "${TERM:-dumb}" = dumb ]; then
        "$2"
        return
    fi
    _bar &
    _code=0
    "$2" || _code=$?
    kill $! 2>/dev/null || true
    printf '\r%40s\r' '' >&2
    return "$_code"
}

_bar() { # until it is killed, or this shell is
    _s=0 _free=--------------------
    while kill -0 $$ 2>/dev/null; do
        printf '\r[%.*s#%.*s] %s s ' $((_s % 20)) $_free $((19 - _s % 20)) $_free "$_s" >&2
        _s=$((_s + 1))
        sleep 1
    done
}

_environment
PATH=$PWD/.venv/bin:$PATH
export PATH
