# shellcheck shell=bash
# What deploy/run and tests/run share: making a virtual environment of their own. Sourced, not run.

say() { printf 'sse-signals: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# Output matters only where the command fails, and no stdin means that nothing can stop to ask.
quietly() {
    local output
    output=$("$@" 2>&1 </dev/null) || {
        printf '%s\n' "$output" >&2
        die "this failed: $*"
    }
}

# install_packages REASON PACKAGE...
install_packages() {
    local reason=$1
    shift
    if [[ $EUID -ne 0 ]] || ! command -v apt-get >/dev/null; then
        die "$reason; please run: sudo apt-get install -y $*"
    fi
    say "$reason; installing $* ..."
    # A fresh image has no package lists, and an old one has lists of packages that are gone.
    quietly apt-get update
    quietly env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

# Prints the first interpreter that is new enough: where python3 is older, a newer one may be beside it.
find_python() {
    local candidate
    # The base interpreter, because an active virtual environment may be the very one to be remade.
    local probe='import sys; print(sys._base_executable) if sys.version_info >= (3, 11) else sys.exit(1)'
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        # Running it is the test: a command of that name may be a stand-in for one that is not installed.
        "$candidate" -c "$probe" 2>/dev/null && return
    done
    if command -v python3 >/dev/null; then
        die "Python 3.11 or later is needed, and python3 here is older; please run: sudo apt-get install -y python3.11-venv"
    fi
    die "Python 3.11 or later is needed; please run: sudo apt-get install -y python3-venv"
}

# make_environment ROOT VENV [EXTRAS]: an editable install, so that pulled changes need no other one.
make_environment() {
    local root=$1 venv=$2 extras=${3-} python version fingerprint
    python=$(find_python)
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    # The path counts too: an environment does not survive being moved.
    fingerprint=$({ echo "$version $venv $extras" && cat "$root/pyproject.toml"; } | sha256sum)
    # In a subshell, which takes the lock with it: the program that is started afterwards must not hold it.
    (
        # Two runs at once would trip over each other; the second waits, and finds the work done.
        flock 9
        if [[ -e $venv/stamp && $(<"$venv/stamp") == "$fingerprint" ]] && "$venv/bin/python" -c '' 2>/dev/null; then
            exit
        fi
        # Debian and Ubuntu keep ensurepip, without which venv does not work, in a package of its own.
        if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
            install_packages "Python's venv module is incomplete here" "python$version-venv"
        fi
        say "making its virtual environment (once, about half a minute) ..."
        # The stamp goes first and comes last, so that whatever is interrupted in between is made anew.
        rm -f "$venv/stamp"
        quietly "$python" -m venv --clear "$venv"
        quietly "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --editable "$root$extras"
        echo "$fingerprint" >"$venv/stamp"
    ) 9<"$root/deploy"
}
